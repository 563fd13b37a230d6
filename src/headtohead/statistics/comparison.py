"""One pair of arms on one metric: how far apart, how surely, and what the comparison could have seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from headtohead.evaluation import HIGHER_IS_BETTER
from headtohead.evaluation.metric_table import METRICS
from headtohead.evaluation.metrics import widest_difference, wrong
from headtohead.evaluation.resampling import independent_units
from headtohead.statistics.arms import Arm, shares_of
from headtohead.statistics.crosscheck import mcnemar_p, relabel_runs_p, swap_rows_p
from headtohead.statistics.draws import Tables, Unit, strata_of
from headtohead.statistics.equivalence import equivalence_p
from headtohead.statistics.folds import by_repetition, lay_out_folds
from headtohead.statistics.multiplicity import Rate
from headtohead.statistics.pairing import paired
from headtohead.statistics.power import detectable_difference, more_rows, more_runs
from headtohead.statistics.variance import ROUNDING, Layout, Stratum, degrees_of_freedom, half_width, lay_out
from headtohead.statistics.verdicts.cautions import why_undirected

Scope = Literal["runs", "configurations", "methods", "folds"]
"""What a statement is about: these trained models, these configurations (new seeds), the methods (new tunings), or training
on samples of this size (folds)."""
FEW_TOLD_APART = 10
"""Units of rows that tell arms apart, below which they are not called equal: a spread seen on so few may be far too small."""
SUGGESTIVE = 0.3
"""Largest p-value at which the difference found is taken for the true one, to say what would decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """First arm minus second, in units of the metric."""

    first: str
    second: str
    metric: str
    higher_is_better: bool
    scope: Scope
    pairing: str
    """``seeds``: differences of runs of the same seeds were judged; ``none``: each arm's runs by themselves."""
    difference: float
    low: float | None
    high: float | None
    """Of the interval; those of all pairs hold together, at the level of one look. Null where nothing varies."""
    standard_error: float
    degrees_of_freedom: float
    variance_of_rows: float
    variance_of_runs: float
    """What runs (of methods: tunings) add to the variance over rows; zero where chance made it negative."""
    p_value: float
    """Two-sided, of this pair alone."""
    p_holm: float
    """Adjusted over all pairs and looks: decided where it is at most ``alpha``; 1 where no direction may be given."""
    direction: str | None
    """The better arm; null: undecided, or of a metric that does not decide."""
    undirected: str | None
    """Why neither direction nor equivalence is given, whatever the difference."""
    margin: float | None
    equivalence_p: float | None
    equivalence_p_holm: float | None
    equivalence_low: float | None
    equivalence_high: float | None
    """Interval that the margin is held against: at twice the error rate (90 % beside 95 %), since each end is tested once."""
    told_apart: int | None
    """Units of rows that the arms' runs answer rightly unequally often; null of metrics that are not made of right and wrong."""
    equivalent: Literal[True, "not_shown"] | None
    """Nearer than the margin, or not shown to be, which never means "different"; null without a margin."""
    detectable: float | None
    """True difference that a fresh comparison of this size would find in at least 80 % of cases."""
    sought: float | None
    """What ``more_runs`` and ``more_rows`` are reckoned for: the margin, else the difference found, if p suggests one."""
    more_runs: int | None
    more_rows: int | None
    """About how many more give a 4-in-5 chance at the next look; 0: enough, null: decided, never, or nothing sought."""
    mcnemar_p: float | None
    swap_rows_p: float | None
    relabel_runs_p: float | None

    @property
    def shows_too_little(self) -> bool:
        """Whether so few rows tell the arms apart that nothing can be said of their being equal."""
        return self.told_apart is not None and self.told_apart < FEW_TOLD_APART

    @property
    def is_no_matter(self) -> bool:
        """Whether the news is that they lie within the margin: which is better is open."""
        return self.equivalent is True and self.direction is None and self.undirected is None


def compare_pair(
    first: Arm, second: Arm, metric: str, *, margin: float | None, rate: Rate, pairing: str = "none"
) -> Comparison:
    """Compare two arms; ``decision.settle`` then decides over all pairs.

    Args:
        first: Whose metric is the minuend.
        second: The other.
        metric: Name.
        margin: Largest difference that does not matter; ``None`` asks no question of equivalence.
        rate: Error rate that all pairs share.
        pairing: ``none`` or ``seeds``, of arms whose seeds match.

    Raises:
        UserError: the metric is undefined for a run.
    """
    tables = shares_of(first, metric), shares_of(second, metric)
    scope = scope_of(first, second)
    if first.plan is None:
        layout = layout_of((first, second), tables, as_method=scope == "methods", pairing=pairing)
    else:
        layout = lay_out_folds([by_repetition(tables[0], 1.0), by_repetition(tables[1], -1.0)], first.plan)
    difference, error, df = _estimate(layout)
    varies = error > 0
    p_value = float(2 * stats.t.sf(abs(difference) / error, df)) if varies else _p_without_spread(layout)
    nearness = None if margin is None else equivalence_p(difference, error, df, margin) if varies else 1.0
    low, high = _interval(layout, rate.of_pair, metric)
    near_low, near_high = (None, None) if margin is None else _interval(layout, 2 * rate.of_pair, metric)
    undirected = why_undirected(first, second, by_runs=scope not in ("methods", "folds"))
    return Comparison(
        first=first.name,
        second=second.name,
        metric=metric,
        higher_is_better=HIGHER_IS_BETTER[metric],
        scope=scope,
        pairing=pairing,
        difference=difference,
        low=low,
        high=high,
        standard_error=error,
        degrees_of_freedom=df,
        variance_of_rows=float(layout.across_units),
        variance_of_runs=max(0.0, float(layout.from_runs)),
        p_value=p_value,
        p_holm=p_value,
        direction=None,
        undirected=undirected,
        margin=margin,
        equivalence_p=nearness,
        equivalence_p_holm=nearness,
        equivalence_low=near_low,
        equivalence_high=near_high,
        told_apart=told_apart(first, second) if METRICS[metric].of_answers else None,
        equivalent=None,
        **(_sight(layout, len(first.runs[0]), margin, p_value, rate) if varies and not undirected else _BLIND),
        **_second_opinions((first, second), metric, tables, as_method=scope == "methods", pairing=pairing),
    )


def told_apart(first: Arm, second: Arm) -> int:
    """Return how many units of rows the runs of two arms answer rightly unequally often."""
    unit = independent_units(first.runs[0].group)
    shares = [np.mean([wrong(run) for run in arm.runs], axis=0) for arm in (first, second)]
    return len(np.unique(unit[np.abs(shares[0] - shares[1]) > ROUNDING]))


def _estimate(layout: Layout) -> tuple[float, float, float]:
    """Return difference, standard error (zero where only rounding differs) and degrees of freedom."""
    error = float(np.sqrt(layout.variance))
    return float(layout.difference), error if error > ROUNDING else 0.0, float(degrees_of_freedom(layout))


def _interval(layout: Layout, alpha: float, metric: str) -> tuple[float | None, float | None]:
    """Return the interval of a difference, cut to what the metric can differ by."""
    difference, error, _ = _estimate(layout)
    if error == 0:
        return None, None
    reach, widest = float(half_width(layout, alpha)), widest_difference(metric)
    return max(difference - reach, -widest), min(difference + reach, widest)


_BLIND: dict[str, Any] = dict.fromkeys(("detectable", "sought", "more_runs", "more_rows"))


def _sight(layout: Layout, rows: int, margin: float | None, p_value: float, rate: Rate) -> dict[str, Any]:
    """Return what the comparison could see, and what it would take to see what is sought."""
    seen = {"detectable": float(detectable_difference(layout, rate.of_pair))}
    found = abs(float(layout.difference)) if p_value <= SUGGESTIVE else None
    sought = found if margin is None else margin
    if sought is None:
        return _BLIND | seen
    runs = more_runs(layout, sought, rate.of_next) if layout.runs else None
    more = more_rows(layout, rows, sought, rate.of_next)
    return seen | {"sought": sought, "more_runs": runs, "more_rows": more}


def scope_of(first: Arm, second: Arm) -> Scope:
    """Return the widest statement that the runs of both arms allow."""
    if first.plan is not None:
        return "folds"
    if first.can_speak_of_method and second.can_speak_of_method:
        return "methods"
    return "runs" if first.is_single_run or second.is_single_run else "configurations"


def layout_of(arms: tuple[Arm, Arm], tables: tuple[Tables, Tables], *, as_method: bool, pairing: str) -> Layout:
    """Lay out the difference of two arms' tables of shares."""
    first, second = _strata(arms, tables, as_method=as_method)
    return lay_out(paired(first, second) if pairing == "seeds" else [*first[1], *second[1]])


def _strata(
    arms: tuple[Arm, Arm], tables: tuple[Tables, Tables], *, as_method: bool
) -> list[tuple[list[list[Unit]], list[Stratum]]]:
    """Return the units of either arm, with their strata."""
    both = [arm.units(as_method=as_method) for arm in arms]
    return [(units, strata_of(units, own, sign)) for units, own, sign in zip(both, tables, (1.0, -1.0), strict=True)]


def _p_without_spread(layout: Layout) -> float:
    """Return the p-value where every unit of rows shows the same difference: that of as many equal coin tosses."""
    return 1.0 if float(layout.difference) == 0 else min(1.0, 2.0 ** (1 - layout.units))


def _second_opinions(
    arms: tuple[Arm, Arm], metric: str, tables: tuple[Tables, Tables], *, as_method: bool, pairing: str
) -> dict[str, Any]:
    strata = [own for _, own in _strata(arms, tables, as_method=as_method)]
    one, other = (np.concatenate([stratum.shares for stratum in own]).mean(axis=1) for own in strata)
    by_folds = arms[0].plan is not None
    single = all(len(arm.runs) == 1 for arm in arms) and not by_folds
    can_relabel = pairing == "none" and not by_folds and min(len(one), len(other)) > 1
    return {
        "mcnemar_p": mcnemar_p(arms[0].runs[0], arms[1].runs[0])
        if single and METRICS[metric].is_share_of_rows
        else None,
        "swap_rows_p": swap_rows_p(sum(s.weight * s.shares.mean(axis=0) for own in strata for s in own)),
        "relabel_runs_p": relabel_runs_p(one, other) if can_relabel else None,
    }
