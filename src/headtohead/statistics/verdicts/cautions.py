"""Limits of the rows and runs that a verdict stands on: small labels, few groups, two runs, metrics left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headtohead.errors import UserError
from headtohead.evaluation.resampling import independent_units
from headtohead.results import Predictions
from headtohead.statistics.arms import Arm, numbered_runs, shares_of
from headtohead.statistics.unit_shares import metrics_of

FEW_ROWS = 10
"""Rows of a label below which its F1 says little, and its interval less."""
FEW_GROUPS = 15
"""Groups of rows below which intervals over them are too narrow (Cameron, Gelbach and Miller 2008)."""
FEWEST_GROUPS = 10
"""Groups of rows below which nothing is decided: over six of very unequal size a 95 % interval held the truth in 93 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRows:
    """A label, and on how many rows it is the gold one."""

    name: str
    rows: int

    @property
    def counted(self) -> str:
        """Its rows in words."""
        return "1 row" if self.rows == 1 else f"{self.rows:,} rows"

    @property
    def in_words(self) -> str:
        """As a sentence beside macro-F1."""
        said = f"macro_f1 weighs all labels alike, and the rarest, {self.name!r}, has {self.counted}"
        if self.rows >= FEW_ROWS:
            return said
        return f"{said}: where an arm gets none or all of so few right, the interval sees no doubt about them"


def smallest_label(rows: Predictions) -> LabelRows | None:
    """Return the label that fewest rows have, of those that some row has; ``None`` of scores, or where no row has one."""
    if rows.labels.kind == "real":
        return None
    several = rows.labels.kind == "multi"
    counts = rows.gold.sum(axis=0) if several else np.bincount(rows.gold, minlength=len(rows.labels))
    held = np.flatnonzero(counts)
    if len(held) == 0:
        return None
    rarest = int(held[np.argmin(counts[held])])
    return LabelRows(name=rows.labels.names[rarest], rows=int(counts[rarest]))


def few_groups(units: int, rows: int) -> str | None:
    """Return a warning where rows come in so few groups that intervals over them are too narrow, yet may decide."""
    if units == rows or units >= FEW_GROUPS or are_too_few_groups(units, rows):
        return None
    return (
        f"The {rows:,} rows come in {units} groups, which count as {units} observations: below {FEW_GROUPS} intervals are "
        "somewhat too narrow, most of all where groups differ in size"
    )


def margin_elsewhere(metric: str, margins: Sequence[str]) -> str | None:
    """Return a warning where margins were set, but none for the metric that decides."""
    if not margins or metric in margins:
        return None
    return (
        f"A margin was set for {' and '.join(margins)} alone, and {metric} decides: whether the arms lie near enough in "
        f"{metric} was not asked"
    )


def are_too_few_groups(units: int, rows: int) -> bool:
    """Say whether rows come in so few groups that nothing is decided on them."""
    return units < min(rows, FEWEST_GROUPS)


def is_two_beside_another(spare: int, others: int) -> bool:
    """Say whether one arm has two runs, and the other more or one: then nothing is decided.

    Two runs show hardly how far runs lie apart, and beside calm ones, or a single one, most of the interval hangs on them.

    Args:
        spare: Runs of one arm beyond the first of each configuration.
        others: The other arm's.
    """
    return spare == 1 != others


def why_undirected(first: Arm, second: Arm, *, by_runs: bool) -> str | None:
    """Return the reason why two arms are called neither better nor equal, and the cure, if there is one.

    Args:
        first: An arm.
        second: Another, on the same rows.
        by_runs: Whether the interval hangs on each arm's number of runs; that of methods hangs on tunings, of folds on rows.
    """
    rows, units = len(first.runs[0]), int(independent_units(first.runs[0].group).max()) + 1
    if are_too_few_groups(units, rows):
        return (
            f"the {rows:,} rows come in {units} groups, which count as {units} observations, and over fewer than "
            f"{FEWEST_GROUPS} the interval may be too narrow; score rows of more groups"
        )
    for two, other in ((first, second), (second, first)) if by_runs else ():
        if is_two_beside_another(two.spare_runs, other.spare_runs):
            count = "one" if other.spare_runs == 0 else sum(map(len, other.units()))
            return (
                f"{two.name} has two {two.drawn} and {other.name} {count}, and two show hardly how far {two.drawn} lie apart; "
                f"add {two.drawn} to {two.name}"
            )
    return None


def judgeable(arms: Sequence[Arm]) -> dict[str, str | None]:
    """Return every metric that some run has, and why arms cannot be compared by it, where they cannot."""
    names = dict.fromkeys(metric for arm in arms for run in arm.runs for metric in metrics_of(run))
    return {metric: _why_not(arms, metric) for metric in names}


def _why_not(arms: Sequence[Arm], metric: str) -> str | None:
    for arm, number, run in numbered_runs(arms):
        if metric not in metrics_of(run):
            return f"{arm.named_run(number)} stored no probabilities"
    try:
        for arm in arms:
            shares_of(arm, metric)
    except UserError as error:
        return str(error).partition(";")[0].replace(metric, "it", 1)
    return None
