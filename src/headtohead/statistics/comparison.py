"""One pair of arms on one metric: how far apart, how surely, and what the comparison could have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy import stats

from headtohead.evaluation import HIGHER_IS_BETTER
from headtohead.statistics.arms import Arm, shares_of, strata_of
from headtohead.statistics.crosscheck import mcnemar_p, relabel_runs_p, swap_rows_p
from headtohead.statistics.equivalence import equivalence_p
from headtohead.statistics.power import detectable_difference, more_rows, more_runs
from headtohead.statistics.variance import Layout, degrees_of_freedom, lay_out

Scope = Literal["runs", "configurations", "methods"]
"""What a statement is about: these trained models, these configurations (new seeds), or the methods (new tunings)."""
Tables = Sequence[Float[np.ndarray, "_ units"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """First arm minus second, in units of the metric."""

    first: str
    second: str
    metric: str
    higher_is_better: bool
    scope: Scope
    difference: float
    low: float | None
    high: float | None
    """Of the interval for this pair, at the level of one look; null where nothing varies."""
    standard_error: float
    degrees_of_freedom: float
    variance_of_rows: float
    variance_of_runs: float
    """What runs (of methods: tunings) add to the variance over rows; zero where chance made it negative."""
    p_value: float
    """Two-sided, of this pair alone."""
    p_holm: float
    """Adjusted over all pairs."""
    direction: str | None
    """The better arm; null: undecided."""
    margin: float | None
    equivalence_p: float | None
    equivalence_p_holm: float | None
    equivalent: bool | None
    """Nearer than the margin; null without a margin. False means "not shown", never "different"."""
    detectable: float | None
    """True difference that a fresh comparison of this size would find with 80 % power."""
    more_runs: int | None
    more_rows: int | None
    """About how many more would decide if the observed difference were the true one; null: decided, or never."""
    mcnemar_p: float | None
    swap_rows_p: float | None
    relabel_runs_p: float | None


def compare_pair(
    first: Arm, second: Arm, metric: str, *, margin: float | None, alpha: float, pairs: int = 1
) -> Comparison:
    """Compare two arms; `decision.settle` then decides over all pairs.

    Args:
        first: Whose metric is the minuend.
        second: The other.
        metric: Name.
        margin: Largest difference that does not matter; ``None`` asks no question of equivalence.
        alpha: Two-sided error rate of this look.
        pairs: Compared at this look; what is detectable, and what would decide, is reckoned at ``alpha / pairs``.

    Raises:
        UserError: the metric is undefined for a run.
    """
    tables = shares_of(first, metric), shares_of(second, metric)
    scope = scope_of(first, second)
    layout = layout_of(*tables, as_method=scope == "methods")
    difference, df = float(layout.difference), float(degrees_of_freedom(layout))
    error = float(np.sqrt(layout.variance))
    reach = float(stats.t.isf(alpha / 2, df)) * error
    varies = error > 0
    strict = alpha / pairs
    p_value = float(2 * stats.t.sf(abs(difference) / error, df)) if varies else _p_without_spread(layout)
    nearness = None
    if margin is not None:
        nearness = (
            float(equivalence_p(layout.difference, np.sqrt(layout.variance), np.asarray(df), margin)) if varies else 1.0
        )
    undecided = varies and p_value > strict
    return Comparison(
        first=first.name,
        second=second.name,
        metric=metric,
        higher_is_better=HIGHER_IS_BETTER[metric],
        scope=scope,
        difference=difference,
        low=difference - reach if varies else None,
        high=difference + reach if varies else None,
        standard_error=error,
        degrees_of_freedom=df,
        variance_of_rows=float(layout.across_units),
        variance_of_runs=max(0.0, float(layout.from_runs)),
        p_value=p_value,
        p_holm=p_value,
        direction=None,
        margin=margin,
        equivalence_p=nearness,
        equivalence_p_holm=nearness,
        equivalent=None,
        detectable=float(detectable_difference(layout, strict)) if varies else None,
        more_runs=more_runs(layout, strict) if undecided else None,
        more_rows=more_rows(layout, len(first.runs[0]), strict) if undecided else None,
        **_second_opinions(first, second, metric, tables, as_method=scope == "methods"),
    )


def scope_of(first: Arm, second: Arm) -> Scope:
    """Return the widest statement that the runs of both arms allow."""
    if first.can_speak_of_method and second.can_speak_of_method:
        return "methods"
    return "runs" if first.is_single_run or second.is_single_run else "configurations"


def layout_of(first: Tables, second: Tables, *, as_method: bool) -> Layout:
    """Lay out the difference of two arms' tables of shares."""
    return lay_out([*strata_of(first, 1.0, as_method=as_method), *strata_of(second, -1.0, as_method=as_method)])


def _p_without_spread(layout: Layout) -> float:
    """Return the p-value where every unit of rows shows the same difference: that of as many equal coin tosses."""
    return 1.0 if float(layout.difference) == 0 else min(1.0, 2.0 ** (1 - layout.units))


def _second_opinions(
    first: Arm, second: Arm, metric: str, tables: tuple[Tables, Tables], *, as_method: bool
) -> dict[str, float | None]:
    by_configuration = [np.stack([table.mean(axis=0) for table in arm]) for arm in tables]
    per_unit = by_configuration[0].mean(axis=0) - by_configuration[1].mean(axis=0)
    if as_method:
        one, other = (table.mean(axis=1) for table in by_configuration)
    else:
        one, other = (np.concatenate([table.mean(axis=1) for table in arm]) for arm in tables)
    single = len(first.runs) == len(second.runs) == 1
    is_share_of_rows = metric in ("accuracy", "subset_accuracy")
    return {
        "mcnemar_p": mcnemar_p(first.runs[0], second.runs[0]) if single and is_share_of_rows else None,
        "swap_rows_p": swap_rows_p(per_unit),
        "relabel_runs_p": relabel_runs_p(one, other) if min(len(one), len(other)) > 1 else None,
    }
