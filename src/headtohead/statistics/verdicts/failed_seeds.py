"""Failed seeds: runs whose answers are worth no more than one constant answer, and how many of them could have gone unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from headtohead.results import Predictions
from headtohead.statistics import influence

NO_SKILL = 0.02
"""Skill up to which a run has failed: a fiftieth of the way from a constant answer to right ones."""
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A run that ended no better than a constant answer."""

    seed: str
    """What names it among the arm's runs: ``seed 3``, ``repeat 0 fold 2``."""
    skill: float
    """0 is what a constant answer gets, 1 are right answers."""
    ended: str
    """In words: at the majority class, at one answer for every row, or no better than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Of one arm."""

    runs: int
    failed: list[Failure]

    @property
    def unseen(self) -> float:
        """Share of seeds that may fail although none of these did: the upper end of the one-sided 95 % interval of 0 of n."""
        return float(1 - (1 - CONFIDENCE) ** (1 / self.runs))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values: the runs that failed, and the share of seeds that may fail unseen where none did."""
        return {**asdict(self), "unseen": None if self.failed else self.unseen}


def failures_of(runs: Sequence[Predictions], seeds: Sequence[Any]) -> Failures:
    """Return which runs of an arm failed.

    Args:
        runs: Rows of one split.
        seeds: In words, by which failed runs are named.
    """
    found = [(run, seed, skill_of(run)) for run, seed in zip(runs, seeds, strict=True)]
    return Failures(
        runs=len(runs),
        failed=[
            Failure(seed=str(seed), skill=skill, ended=_ending(run))
            for run, seed, skill in found
            if skill is not None and skill <= NO_SKILL
        ],
    )


def skill_of(run: Predictions) -> float | None:
    """Return how far a run went from one constant answer (0) to right answers (1); None where gold itself is constant.

    It is Cohen's kappa of labels (the mean over the labels of sets), and the part of the best constant's absolute error that
    a score takes away; of ordinal labels the larger of both. By these every constant answer has exactly 0 or less. Accuracy
    would call good runs on a rare label failed, whose majority class is hard to beat by it, and macro-F1 rewards answers
    drawn at random over those of the majority class.
    """
    gold, answers = run.gold, run.predicted if run.labels.kind != "real" else run.scores
    if len(np.unique(gold, axis=0)) < 2:
        return None
    match run.labels.kind:
        case "single":
            return _kappa(gold, answers, len(run.labels))
        case "multi":
            varying = np.flatnonzero((gold != gold[0]).any(axis=0))
            return float(np.mean([_kappa(gold[:, label], answers[:, label], 2) for label in varying]))
        case "ordinal":
            return max(float(influence.quadratic_kappa(gold, answers)[0]), _nearer(run))
    return _nearer(run)


def _kappa(gold: Int[np.ndarray, " rows"], answers: Int[np.ndarray, " rows"], labels: int) -> float:
    return float(influence.cohen_kappa(gold, answers, labels)[0])


def _nearer(run: Predictions) -> float:
    constant = np.abs(run.gold_score - np.median(run.gold_score)).mean()
    return float(1 - np.abs(run.gold_score - run.expected_score).mean() / constant)


def _ending(run: Predictions) -> str:
    answers = run.scores if run.labels.kind == "real" else run.predicted
    if len(np.unique(answers, axis=0)) > 1:
        return "no better than a constant answer"
    found, counts = np.unique(run.gold, axis=0, return_counts=True)
    is_majority = run.labels.kind != "real" and np.array_equal(answers[0], found[counts.argmax()])
    return "at the majority class" if is_majority else "at one answer for every row"


def failures_in_words(arms: dict[str, Failures], *, unit: str = "seeds") -> list[str]:
    """Return a sentence for each arm of which runs failed, and one for those of which none did.

    Args:
        arms: By name.
        unit: What the runs of an arm differ in.
    """
    said = [_failed(name, found, unit) for name, found in arms.items() if found.failed]
    calm = {name: found for name, found in arms.items() if not found.failed}
    by_runs: dict[int, list[str]] = {}
    for name, found in calm.items():
        by_runs.setdefault(found.runs, []).append(name)
    return [*said, *(_calm(names, arms[names[0]], unit) for names in by_runs.values())]


def _failed(name: str, found: Failures, unit: str) -> str:
    endings = dict.fromkeys(failure.ended for failure in found.failed)
    listed = ", ".join(f"{failure.seed}: {failure.skill + 0.0:.2f}" for failure in found.failed[:5])
    count = f"{len(found.failed)} of {found.runs} {unit if found.runs > 1 else unit.removesuffix('s')} of {name}"
    some = ": a mean over all of them describes neither those nor the others" if len(found.failed) < found.runs else ""
    return f"{count} ended {' or '.join(endings)} (skill {listed}; a constant answer has 0, right answers 1){some}"


def _calm(names: Sequence[str], found: Failures, unit: str) -> str:
    each = " each" if len(names) > 1 else ""
    if found.runs == 1:
        return f"The one run of {' and of '.join(names)} did not fail, which says nothing of how often others would"
    return (
        f"None of {found.runs} {unit}{each} of {' and '.join(names)} failed: a failure that hits up to "
        f"{100 * found.unseen:.0f} % of {unit} could have gone unseen"
    )
