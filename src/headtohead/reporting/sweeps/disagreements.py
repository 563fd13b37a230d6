"""Rows on which two arms disagree: most runs of the one are right where most of the other's are wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float

from headtohead.errors import shortened, some_of
from headtohead.evaluation.metrics import wrong
from headtohead.reporting.numbers import count, number
from headtohead.reporting.worst_table import described_row
from headtohead.results import Predictions

ROWS = 8
"""Shown for each side of a pair."""
PAIRS = 6
NEARER = 0.05
"""Share of the range of gold scores by which one arm must be nearer on average to count as right."""


def disagreements(runs: Mapping[str, Sequence[Predictions]], texts: dict[str, str]) -> list[dict[str, Any]]:
    """Return for each pair of arms how many rows only one of them gets right, and the clearest of these rows."""
    usable = {arm: list(listed) for arm, listed in runs.items() if listed}
    if len({tuple(run.row_id) for listed in usable.values() for run in listed}) != 1:
        return []
    return [_pair(one, other, usable, texts) for one, other in list(combinations(usable, 2))[:PAIRS]]


def _pair(one: str, other: str, runs: Mapping[str, list[Predictions]], texts: dict[str, str]) -> dict[str, Any]:
    first, second = runs[one], runs[other]
    is_score = first[0].labels.kind in ("ordinal", "real")
    right, left = (_nearness(first), _nearness(second)) if is_score else (_share_right(first), _share_right(second))
    only_first, only_second = (
        _only(right, left, first[0], is_score=is_score),
        _only(left, right, first[0], is_score=is_score),
    )
    both = {} if is_score else {"both": count(int(((right > 0.5) & (left > 0.5)).sum()))}
    both |= {} if is_score else {"neither": count(int(((right <= 0.5) & (left <= 0.5)).sum()))}
    return {
        "first": one,
        "second": other,
        "is_score": is_score,
        **both,
        "sides": [
            _side(one, other, only_first, right - left, runs, texts),
            _side(other, one, only_second, left - right, runs, texts),
        ],
    }


def _share_right(runs: Sequence[Predictions]) -> Float[np.ndarray, " rows"]:
    """Return the share of runs that answer each row rightly."""
    share: np.ndarray = 1.0 - np.mean([wrong(run) for run in runs], axis=0)
    return share


def _nearness(runs: Sequence[Predictions]) -> Float[np.ndarray, " rows"]:
    """Return minus the mean distance from each row's gold score."""
    near: np.ndarray = -np.mean([np.abs(run.expected_score - run.gold_score) for run in runs], axis=0)
    return near


def _only(here: np.ndarray, there: np.ndarray, run: Predictions, *, is_score: bool) -> np.ndarray:
    if is_score:
        gold = run.gold_score
        clear: np.ndarray = here - there > NEARER * max(float(gold.max() - gold.min()), 1e-9)
        return clear
    only: np.ndarray = (here > 0.5) & (there < 0.5)
    return only


def _side(
    winner: str,
    loser: str,
    rows: np.ndarray,
    gap: np.ndarray,
    runs: Mapping[str, list[Predictions]],
    texts: dict[str, str],
) -> dict[str, Any]:
    """Describe the rows on one side: the widest gap first, among equal ones those whose text is stored."""
    places = np.flatnonzero(rows)
    example = runs[winner][0]
    ordered = sorted(
        places, key=lambda row: (-gap[row], str(example.row_id[row]) not in texts, str(example.row_id[row]))
    )
    return {
        "winner": winner,
        "loser": loser,
        "total": count(len(places)),
        "rows": [
            described_row(example, int(row), texts)
            | {
                "gold": _gold(example, int(row)),
                "right": _answers(runs[winner], int(row)),
                "wrong": _answers(runs[loser], int(row)),
            }
            for row in ordered[:ROWS]
        ],
    }


def _gold(run: Predictions, row: int) -> str:
    if run.labels.kind == "real":
        return number(float(run.gold_score[row]))
    return _names(run, run.gold[row])


def _names(run: Predictions, answer: Any) -> str:
    if run.labels.kind == "multi":
        return some_of(run.labels.names[i] for i in np.flatnonzero(answer)) or "none"
    return shortened(run.labels.names[int(answer)])


def _answers(runs: Sequence[Predictions], row: int) -> str:
    """Return what the runs answered: the mean score, or the most frequent answer and how many gave it."""
    if runs[0].labels.kind in ("ordinal", "real"):
        return number(float(np.mean([run.expected_score[row] for run in runs])))
    answer, times = Counter(_names(run, run.predicted[row]) for run in runs).most_common(1)[0]
    return answer if times == len(runs) else f"{answer} ({times} of {len(runs)} runs)"
