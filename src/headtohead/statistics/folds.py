"""How far a cross-validated figure may be off: every row tests once per repetition, and training sets share their rows.

The question is about new training samples of this size and new rows. A repetition's rows are spread as rows are; what they
do not show is that its models were trained on nearly the same rows, and that further repetitions train on these rows again.
Nadeau and Bengio (2003) allow for it by adding the ratio of test to training rows to one over the number of runs, Bouckaert
and Frank (2004) for repetitions. Their variance is that between folds; here it is estimated from the rows, of which there
are many more than folds: shorter intervals that hold better (``benchmarks/fold_calibration.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headtohead.errors import UserError
from headtohead.statistics.variance import Layout, Stratum


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldPlan:
    """The cross-validation that an arm's runs are of."""

    folds: int
    repetitions: int
    training_rows: int
    """Of each run, on average."""
    validation: float = 0.1
    """Part of all rows that a run neither trained on nor tested."""

    @property
    def rows_per_training_row(self) -> float:
        """All rows over those that a fold leaves to train on: what training sets share grows with it."""
        others = 1 - 1 / self.folds
        return 1 / max(others - self.validation, 0.1 * others)  # the data layer leaves as much at least

    def __str__(self) -> str:
        return f"{self.folds} folds x {self.repetitions}"


def lay_out_folds(strata: Sequence[Stratum], plan: FoldPlan) -> Layout:
    """Return the difference of cross-validated arms (the weighted sum of the strata's means) and its variance.

    With one repetition's rows spread by v and R repetitions: v / rows x (1 / R + rows / rows that a fold can train on).

    Args:
        strata: shares of shape repetitions x units, the same repetitions of the same rows in each.
        plan: of all of them.
    """
    by_repetition = sum(stratum.weight * stratum.shares for stratum in strata)
    assert isinstance(by_repetition, np.ndarray)
    repetitions, units = by_repetition.shape[-2:]
    assert units > 1, "one unit of rows shows no spread"
    of_rows = by_repetition.var(axis=-1, ddof=1).mean(axis=-1) / units
    return Layout(
        difference=by_repetition.mean(axis=(-2, -1)),
        units=units,
        across_units=of_rows * (1 / repetitions + plan.rows_per_training_row),
        runs=(),
        run_by_unit=(),
        run_counts=(),
        has_single_run=False,
    )


def by_repetition(tables: Sequence[np.ndarray], weight: float) -> Stratum:
    """Return an arm's repetitions, each the mean of its seeds, from their tables of shape seeds x units."""
    return Stratum(np.stack([table.mean(axis=0) for table in tables]), weight)


def refuse_other_folds(plans: dict[str, FoldPlan | None]) -> None:
    """Refuse arms that were not all cross-validated alike: they were trained on other numbers of rows.

    Raises:
        UserError: naming the first two that differ.
    """
    (first, reference), *others = plans.items()
    for name, plan in others:
        if _shape(plan) != _shape(reference):
            raise UserError(
                f"the arms {first!r} ({_in_words(reference)}) and {name!r} ({_in_words(plan)}) were trained on other parts "
                "of the rows and cannot be compared: give all arms the same data.split.folds, repeats and validation"
            )


def _shape(plan: FoldPlan | None) -> tuple[int, int, float] | None:
    return (plan.folds, plan.repetitions, plan.validation) if plan else None


def _in_words(plan: FoldPlan | None) -> str:
    return f"cross-validated, {plan}" if plan else "one split"
