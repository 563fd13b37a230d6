"""How the configurations of an arm were chosen: the budget, what it was expected to buy, and how much was luck."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headtohead.evaluation.metric_table import METRICS
from headtohead.evaluation.metrics import widest_difference
from headtohead.statistics.verdicts.tuning_budget import Inflation, expected_best, winners_inflation


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A trial that was confirmed on fresh seeds."""

    trial: int
    chosen: float
    """Validation score when it was chosen."""
    fresh: list[float]
    """Validation scores of its fresh seeds."""

    @property
    def mean(self) -> float:
        """Of the fresh seeds."""
        return float(np.mean(self.fresh))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """One study that chose a configuration."""

    study: str
    higher_is_better: bool
    trials: int
    """Finished ones, failed and pruned too: they spent budget."""
    seconds: float | None
    tokens: int | None
    """Of all trials together; ``None`` where no trial says."""
    expected_best: list[float]
    """Expected validation score of the best of 1, 2, ... trials; NaN where all of them may have failed."""
    candidates: list[Candidate]
    """Confirmed trials, best when chosen first."""
    judged: int | None
    """The candidate whose runs the verdict is about."""
    inflation: Inflation | None
    """Of the first candidate, whose fresh seeds had no part in its choice."""
    ends_of_ranges: dict[str, str]
    """Parameters whose best value is the ``lowest`` or ``highest`` that was tried: with a wider range the arm may do better."""

    @property
    def expected_of_half(self) -> float:
        """Expected validation score of the best of half the trials; NaN of fewer than two."""
        half = len(self.expected_best) // 2
        return self.expected_best[half - 1] if half else math.nan

    @property
    def warnings(self) -> list[str]:
        """What to know before believing that the best was found."""
        return [
            f"its best {name} is the {end} that was tried: a wider range may hold a better one"
            for name, end in self.ends_of_ranges.items()
        ]


def tuning_of(study: Mapping[str, Any], judged: Container[str] = ()) -> Tuning:
    """Describe a study.

    Args:
        study: the plain values of its ``study.json``.
        judged: folder names of the confirming runs that a verdict is about.
    """
    finished = [trial for trial in study["trials"] if trial["state"] in ("complete", "pruned", "fail")]
    higher = study["directions"][0] == "maximize"
    values = [value_of(trial, study) if trial.get("feasible", True) else math.nan for trial in finished]
    candidates = _candidates(study, higher)
    first = candidates[0] if candidates else None
    return Tuning(
        study=study["study"],
        higher_is_better=higher,
        trials=len(finished),
        seconds=_total(finished, "seconds"),
        tokens=_total(finished, "tokens"),
        expected_best=expected_best(values, higher_is_better=higher).tolist(),
        candidates=candidates,
        judged=next((run["trial"] for run in study.get("confirmed") or [] if run["folder"] in judged), None),
        inflation=_inflation(study, first, higher) if first else None,
        ends_of_ranges=dict(study.get("ends_of_ranges") or {}),
    )


def _inflation(study: Mapping[str, Any], first: Candidate, higher: bool) -> Inflation:
    metric = str((study.get("objectives") or [""])[0]).rpartition(".")[2]
    widest = widest_difference(metric) if metric in METRICS else math.inf
    return winners_inflation(first.chosen, first.fresh, higher_is_better=higher, widest=widest)


def value_of(trial: Mapping[str, Any], study: Mapping[str, Any]) -> float:
    """Return a trial's first objective; NaN where there is none.

    A pruned trial has what it reported last, if it reports what the study optimises.
    """
    values = trial.get("values") or []
    reports = trial.get("reports") or {}
    if trial["state"] == "pruned":
        values = [reports[max(reports, key=int)]] if reports and not study.get("objective") else []
    found = values[0] if values and trial["state"] != "fail" else None
    return math.nan if found is None else float(found)


def _candidates(study: Mapping[str, Any], higher: bool) -> list[Candidate]:
    chosen = {trial["number"]: value_of(trial, study) for trial in study["trials"]}
    fresh: dict[int, list[float]] = {}
    for run in study.get("confirmed") or []:
        fresh.setdefault(run["trial"], []).append(run["value"])
    found = [Candidate(trial=number, chosen=chosen[number], fresh=values) for number, values in fresh.items()]
    return sorted(found, key=lambda each: (-each.chosen if higher else each.chosen, each.trial))


def _total(trials: Sequence[Mapping[str, Any]], what: str) -> Any:
    given = [trial[what] for trial in trials if trial.get(what) is not None]
    return sum(given) if given else None
