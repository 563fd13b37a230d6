"""What a verdict speaks of: trained models, configurations or methods, and the rows that were the same throughout."""

from __future__ import annotations

from collections.abc import Sequence

from headtohead.statistics.arms import Arm
from headtohead.statistics.comparison import Scope
from headtohead.statistics.draws import Sampling


def scope_in_words(scope: Scope, arms: Sequence[Arm]) -> str:
    """Return what may vary in a statement about two arms, and what was fixed, whose luck no interval holds."""
    rows, unseen = _training_rows(arms), [] if all(_varies(arm) for arm in arms) else ["of the training sample"]
    seen = "" if unseen else ", that of the training sample is"
    match scope:
        case "methods":
            counts = " and ".join(map(str, sorted({len(arm.configurations) for arm in arms})))
            return (
                f"This speaks of the methods, tuned on these training and validation rows ({counts} tunings each) and trained "
                f"on {rows}: luck {'of the training sample is not' if unseen else 'of both is'} in the interval"
            )
        case "runs":
            single = [arm.name for arm in arms if arm.is_single_run]
            models = "that trained model" if len(single) == 1 else "those trained models"
            return (
                f"One seed of {' and of '.join(single)} was run: this speaks of {models}, not of {' and '.join(single)}"
            )
        case "folds":
            return _of_samples(arms)
        case _:
            luck = " and ".join(["of tuning", *unseen])
            return (
                f"This speaks of these configurations trained on {rows}, not of the methods: luck {luck} is not in the "
                f"interval{seen}"
            )


def _of_samples(arms: Sequence[Arm]) -> str:
    """Return what a cross-validation speaks of: training on samples of its size, not the model of all rows."""
    plans = {arm.name: arm.plan for arm in arms if arm.plan}
    counts = {name: plan.training_rows for name, plan in plans.items()}
    if len(set(counts.values())) == 1:
        rows = f"about {next(iter(counts.values())):,} rows"
    else:
        rows = " and ".join(f"about {count:,} ({name})" for name, count in counts.items()) + " rows"
    act = "tuning and training" if any(arm.trials for arm in arms) else "training"
    plan = next(iter(plans.values()))
    often = f", {plan.repetitions} times over" if plan.repetitions > 1 else ""
    return (
        f"This speaks of {act} in these ways on {rows} of this kind, not of one trained model ({plan.folds} folds{often}; "
        "the interval allows for the rows that their training sets share)"
    )


def _varies(arm: Arm) -> bool:
    return arm.sampling is not None and arm.sampling.luck_in_interval


def _training_rows(arms: Sequence[Arm]) -> str:
    """Return the rows in words, each arm's where they differ in number."""
    found = {arm.name: _sample(arm.sampling) for arm in arms}
    first, *others = dict.fromkeys(found.values())
    return " and ".join(f"{rows} ({arm})" for arm, rows in found.items()) if others else first


def _sample(sampling: Sampling | None) -> str:
    if sampling is None or sampling.rows is None:
        return "these rows"
    if sampling.samples == 1:
        return f"these {sampling.rows:,} rows"
    whole = sampling.drawn_from or 0
    return (
        f"{sampling.samples} samples of {sampling.rows:,} rows{f' out of {whole:,}' if whole > sampling.rows else ''}"
    )
