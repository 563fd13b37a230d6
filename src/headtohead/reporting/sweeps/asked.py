"""What a sweep was asked: arms, search space, sampler, and how to ask it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headtohead.reporting.numbers import metric_name
from headtohead.reporting.sweeps.sweep_folder import Study

NOT_AN_ARM = ("seed=", "data.seed=", "data.split.seed=", "data.split.repeat=", "data.split.fold=")
"""Fixed lines that tell tunings and folds apart, not arms."""


def asked(studies: Sequence[Study]) -> dict[str, Any] | None:
    """Return the sections of the question; ``None`` where no study is known."""
    if not studies:
        return None
    first = {study.arm: study for study in reversed(studies)}
    arms = {arm: first[arm] for arm in dict.fromkeys(study.arm for study in studies)}
    return {
        "objective": ", ".join(_objective(studies[0])),
        "space": _space(arms),
        "names": list(arms) if len(arms) > 1 else [],
        "constraints": list((studies[0].stored.get("constraints") or {}).values()),
        "repeated": studies[0].stored.get("repeated") or "",
        "seeds": studies[0].stored.get("seeds") or [],
        "sampler": studies[0].stored.get("sampler"),
        "pruner": studies[0].stored.get("pruner"),
        "common": _common(list(arms.values())),
        "commands": list(_commands(studies).items()),
        "by_folds": any(study.stored.get("measures_parts") for study in studies),
        "command": studies[0].stored.get("command") or "",
    }


def _commands(studies: Sequence[Study]) -> dict[str, str]:
    """Return what runs the best of every study by itself; the folds of an arm come to one line."""
    return {
        ((study.arm if study.stored.get("measures_parts") else study.name) or "best"): study.stored["best_command"]
        for study in studies
        if study.stored.get("best_command")
    }


def _objective(study: Study) -> list[str]:
    ways = {"maximize": "higher is better", "minimize": "lower is better"}
    directions = study.stored.get("directions") or []
    named = zip(study.objectives, directions, strict=False)
    return [f"{in_words(name)} ({ways.get(way, way)})" for name, way in named]


def in_words(objective: str) -> str:
    """Return ``validation/macro_f1`` as a reader would say it."""
    split, slash, name = objective.partition("/")
    return f"{metric_name(name)} on {split} rows" if slash and split == "validation" else objective.replace("/", ".")


def _space(arms: Mapping[str, Study]) -> list[tuple[str, list[str]]]:
    """Return what makes each arm, then per parameter where each searches: one cell where all arms are alike."""
    spaces = {arm: study.stored.get("space") or {} for arm, study in arms.items()}
    studies = list(arms.values())
    own = (
        [("set by the arm", ["  ".join(_own(study, studies)) or "as configured" for study in studies])]
        if len(arms) > 1
        else []
    )
    rows = [
        (name, [str(space.get(name, "not varied")) for space in spaces.values()])
        for name in dict.fromkeys(name for space in spaces.values() for name in space)
    ]
    return own + [(name, cells[:1] if len(set(cells)) == 1 else cells) for name, cells in rows]


def _common(arms: Sequence[Study]) -> list[str]:
    shared = [set(study.stored.get("fixed") or []) for study in arms]
    both = set.intersection(*shared) if shared else set()
    return [line for line in arms[0].stored.get("fixed") or [] if line in both and not line.startswith(NOT_AN_ARM)]


def _own(study: Study, arms: Sequence[Study]) -> list[str]:
    common = set(_common(arms))
    return [line for line in study.stored.get("fixed") or [] if line not in common and not line.startswith(NOT_AN_ARM)]
