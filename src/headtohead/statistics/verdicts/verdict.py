"""The verdict on several arms: every pair on the metric that counts, the other metrics beside it, and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

from headtohead.errors import UserError
from headtohead.evaluation import HIGHER_IS_BETTER
from headtohead.evaluation.resampling import independent_units
from headtohead.results import Predictions
from headtohead.results.record import json_ready
from headtohead.statistics.arms import Arm, refuse_unequal_rows, shares_of
from headtohead.statistics.comparison import Comparison, compare_pair
from headtohead.statistics.decision import not_worse, settle
from headtohead.statistics.draws import Sampling, refuse_uneven_samples, strata_of
from headtohead.statistics.equivalence import refuse_wide_margin
from headtohead.statistics.folds import FoldPlan, refuse_other_folds
from headtohead.statistics.multiplicity import Rate
from headtohead.statistics.pairing import refuse_unpaired
from headtohead.statistics.unit_shares import resolve_metric
from headtohead.statistics.verdicts.cautions import (
    LabelRows,
    few_groups,
    judgeable,
    margin_elsewhere,
    smallest_label,
)
from headtohead.statistics.verdicts.cheap_levels import Cheap
from headtohead.statistics.verdicts.pareto_front import cheapest, pareto
from headtohead.statistics.verdicts.verdict_sentences import sentence

SCHEMA_VERSION = 2
"""1 had ``equivalent: false``, directions of secondary metrics, p-values without the looks, and no ``level``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """What was compared, and its level."""

    name: str
    described: str
    runs: int
    configurations: int
    tuned: bool
    trials: int | None
    sampling: Sampling | None
    """On how many training samples of how many rows; null where the runs do not say."""
    draws: int
    """That count: runs, training samples where runs share some, tunings of a method."""
    plan: FoldPlan | None
    """Of a cross-validation, whose repetitions are then the configurations."""
    values: dict[str, float]
    """Mean of every metric over what counts, each configuration with the same weight."""
    per_run: dict[str, list[list[float]]]
    """Every metric of every run, by configuration."""
    cost: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """JSON-ready through ``as_dict``."""

    metric: str
    higher_is_better: bool
    alpha: float
    looks: int
    """Looks that ``alpha`` is split over; this is one of them."""
    level: float
    """Error rate of this look. ``p_holm`` counts the looks already, and is held against ``alpha``."""
    pairing: str
    """``seeds``: runs of the same seeds were paired, as was asked beforehand."""
    rows: int
    units: int
    """Independent units of rows: fewer than rows where data come in groups."""
    smallest_label: LabelRows | None
    """Of the labels that gold holds, over which macro-F1 is averaged."""
    arms: list[ArmSummary]
    pairs: list[Comparison]
    """All pairs on ``metric``, held together by Holm's procedure."""
    secondary: dict[str, list[Comparison]]
    """The other metrics, without directions: to be read beside the verdict, not to be chosen from."""
    pareto: dict[str, list[str]]
    """Per kind of cost the cheapest arm and each that is decidedly better than every cheaper one, cheapest first."""
    cheapest: dict[str, str | None]
    """Per kind of cost the cheapest arm shown not to be worse than the best by the margin; empty without a margin."""
    baselines: dict[str, dict[str, dict[str, float]]]
    """Arm to ``tfidf`` and ``majority`` to metric: what costs seconds, on the same rows."""
    leads: list[str] = field(default_factory=list)
    """What is said before all sentences: that what costs seconds does as well."""
    sentences: list[str] = field(default_factory=list)

    @property
    def said(self) -> list[str]:
        """All sentences in their order."""
        return [*self.leads, *self.sentences]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; what is not finite becomes null."""
        plain: dict[str, Any] = json_ready({"schema_version": SCHEMA_VERSION, **asdict(self)})
        return plain


def judge(
    arms: Sequence[Arm],
    *,
    metric: str | None = None,
    margin: Mapping[str, float] | None = None,
    alpha: float = 0.05,
    looks: int = 1,
    next_looks: int | None = None,
    costs: Mapping[str, Mapping[str, float]] | None = None,
    pairing: str = "none",
    cheap: Cheap | None = None,
) -> Verdict:
    """Compare all pairs of arms.

    Args:
        arms: Two or more, all scored on the same rows of one split.
        metric: That decides; ``None``: macro-F1, or mean absolute error of scores. ``kappa`` is Cohen's, or the
            quadratic one of ordinal labels.
        margin: Per metric the largest difference that does not matter; metrics without one get no equivalence.
        alpha: Error rate over all looks, of the direction family and of the equivalence family.
        looks: At the data so far, this one included, or planned.
        next_looks: That ``alpha`` is split over at the next look; ``None``: one more.
        costs: Per arm and kind of cost, lower is better.
        pairing: ``seeds`` judges differences of runs of the same seeds, ``none`` each arm's runs by themselves. To be
            settled before anything was seen.
        cheap: What costs seconds, on the same rows.

    Raises:
        UserError: fewer than two arms, a name twice, other rows, a metric that is not defined, arms that share some of
            their training samples, or whose seeds cannot be paired.
    """
    _refuse_odd(arms)
    refuse_other_folds({arm.name: arm.plan for arm in arms})
    refuse_unequal_rows(arms)
    _refuse_odd_draws(arms, pairing)
    runs = [run for arm in arms for run in arm.runs]
    name = resolve_metric(metric, runs)
    margins = _margins(margin or {}, runs)
    rate = Rate(alpha=alpha, looks=looks, next_looks=next_looks, pairs=len(arms) * (len(arms) - 1) // 2)
    why_not = judgeable(arms)
    defined = [each for each, why in why_not.items() if each == name or why is None]
    found = {each: _all_pairs(arms, each, margins.get(each), rate, pairing, decides=each == name) for each in defined}
    summaries = [_summary(arm, defined, (costs or {}).get(arm.name, {})) for arm in arms]
    units, rarest = int(independent_units(runs[0].group).max()) + 1, smallest_label(runs[0])
    cheap = cheap or Cheap()
    cautions = [
        cheap.unscored,
        rarest.in_words if rarest and name == "macro_f1" else None,
        few_groups(units, len(runs[0])),
        margin_elsewhere(name, list(margins)),
        *(f"{each} is not compared: {why}" for each, why in why_not.items() if why),
    ]
    by_name = {arm.name: arm for arm in arms}
    levels = {arm.name: arm.values[name] for arm in summaries}
    lead = cheap.lead(levels, name)
    return Verdict(
        metric=name,
        higher_is_better=HIGHER_IS_BETTER[name],
        alpha=alpha,
        looks=looks,
        level=rate.level,
        pairing=pairing,
        rows=len(runs[0]),
        units=units,
        smallest_label=rarest,
        arms=summaries,
        pairs=found[name],
        secondary={each: pairs for each, pairs in found.items() if each != name},
        pareto=_fronts(summaries, found[name]),
        cheapest=_cheapest(summaries, found[name], margins.get(name), rate.level),
        baselines={arm: {each: dict(own) for each, own in found.items()} for arm, found in cheap.values.items()},
        leads=[f"{lead}."] if lead else [],
        sentences=[
            *(
                sentence(pair, by_name, rate, levels, cheap.beside((pair.first, pair.second), name))
                for pair in found[name]
            ),
            *(f"{caution}." for caution in cautions if caution),
        ],
    )


def _margins(given: Mapping[str, float], runs: list[Predictions]) -> dict[str, float]:
    margins = {resolve_metric(key, runs, "compare.margin"): value for key, value in given.items()}
    for metric, margin in margins.items():
        refuse_wide_margin(metric, margin, f"compare.margin.{metric}")
    return margins


def _refuse_odd(arms: Sequence[Arm]) -> None:
    names = [arm.name for arm in arms]
    if len(names) < 2:
        raise UserError(f"a comparison needs two arms or more, given {names}")
    if len(set(names)) < len(names):
        raise UserError(f"two arms share a name: {names}")
    for arm in arms:
        if not arm.runs or not all(arm.configurations):
            raise UserError(f"arm {arm.name!r} has no finished run")


def _refuse_odd_draws(arms: Sequence[Arm], pairing: str) -> None:
    for arm in arms:
        refuse_uneven_samples(arm.name, arm.draws)
    if pairing == "none":
        return
    if unknown := [arm.name for arm in arms if not arm.draws]:
        raise UserError(f"compare.pairing={pairing}: the seeds of arm {unknown[0]!r} are unknown")
    as_method = all(arm.can_speak_of_method for arm in arms)
    refuse_unpaired([(arm.name, arm.units(as_method=as_method)) for arm in arms])


def _all_pairs(
    arms: Sequence[Arm], metric: str, margin: float | None, rate: Rate, pairing: str, *, decides: bool
) -> list[Comparison]:
    compared = [
        compare_pair(*pair, metric, margin=margin, rate=rate, pairing=pairing) for pair in combinations(arms, 2)
    ]
    return settle(compared, rate, decides=decides)


def _summary(arm: Arm, metrics: Sequence[str], cost: Mapping[str, float]) -> ArmSummary:
    units = arm.units(as_method=arm.can_speak_of_method)
    shares = {metric: shares_of(arm, metric) for metric in metrics}
    return ArmSummary(
        name=arm.name,
        described=arm.described(as_method=arm.can_speak_of_method),
        runs=arm.trainings,
        configurations=len(arm.configurations),
        tuned=arm.tuned,
        trials=arm.trials,
        sampling=arm.sampling,
        draws=sum(map(len, units)),
        plan=arm.plan,
        values={
            metric: float(sum(stratum.weight * stratum.shares.mean() for stratum in strata_of(units, tables, 1.0)))
            for metric, tables in shares.items()
        },
        per_run={metric: [table.mean(axis=1).tolist() for table in tables] for metric, tables in shares.items()},
        cost=dict(cost),
    )


def _kinds_of_cost(arms: Sequence[ArmSummary]) -> list[str]:
    """Return the kinds of cost that every arm has, in the order of the first."""
    return [kind for kind in arms[0].cost if all(kind in arm.cost for arm in arms)]


def _fronts(arms: Sequence[ArmSummary], pairs: Sequence[Comparison]) -> dict[str, list[str]]:
    better = {
        (pair.direction, pair.second if pair.direction == pair.first else pair.first)
        for pair in pairs
        if pair.direction
    }
    return {kind: pareto(better, {arm.name: arm.cost[kind] for arm in arms}) for kind in _kinds_of_cost(arms)}


def _cheapest(
    arms: Sequence[ArmSummary], pairs: Sequence[Comparison], margin: float | None, level: float
) -> dict[str, str | None]:
    """The best is the one observed; each other arm is held against it at its share of the error rate (Bonferroni)."""
    if margin is None:
        return {}
    metric = pairs[0].metric
    sign = 1 if HIGHER_IS_BETTER[metric] else -1
    best = max(arms, key=lambda arm: sign * arm.values[metric]).name
    candidates = [best]  # first, and so the answer where others cost the same
    for pair in pairs:
        if best in (pair.first, pair.second) and not_worse(best, pair, margin, level / (len(arms) - 1)):
            candidates.append(pair.second if best == pair.first else pair.first)
    return {kind: cheapest(candidates, {arm.name: arm.cost[kind] for arm in arms}) for kind in _kinds_of_cost(arms)}
