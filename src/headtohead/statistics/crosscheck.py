"""Second opinions that share no assumption with the interval: exact McNemar, and permutation tests.

They never decide. A relabelling of runs says nothing about new rows and a swap of rows nothing about new seeds, so each
knows only one of the two sources of noise; a difference that either cannot tell from chance is not yet a finding.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import stats

from headtohead.evaluation.metrics import wrong
from headtohead.evaluation.resampling import independent_units
from headtohead.results import Predictions

RESAMPLES = 9999
_CELLS_AT_ONCE = 2**22


def mcnemar_p(one: Predictions, other: Predictions) -> float | None:
    """Return McNemar's exact p-value for two single runs: are rows that only one gets right split evenly?

    ``None`` where answers are not right or wrong, or where rows come in groups: it counts rows as independent.
    """
    from statsmodels.stats.contingency_tables import mcnemar

    grouped = int(independent_units(one.group).max()) + 1 < len(one)
    if one.labels.kind == "real" or grouped:
        return None
    first, second = wrong(one), wrong(other)
    table = [[int((a & b).sum()) for b in (second, ~second)] for a in (first, ~first)]
    return float(mcnemar(table, exact=True).pvalue)


def swap_rows_p(per_unit: Float[np.ndarray, " units"], seed: int = 0) -> float:
    """Return the two-sided p-value when the two arms are swapped on any units of rows (sign flips; Fisher 1935).

    The observed arrangement counts as one of them, so that the value is never zero.

    Args:
        per_unit: What each unit adds to the difference; of a linearised metric the test is approximate.
        seed: Of the random swaps.
    """
    generator = np.random.default_rng(seed)
    observed, extreme, done = abs(float(per_unit.mean())), 0, 0
    block = max(1, _CELLS_AT_ONCE // len(per_unit))
    while done < RESAMPLES:  # scipy's own draws signs one resample at a time, which took seconds for 5,000 rows
        flipped = generator.integers(0, 2, (min(block, RESAMPLES - done), len(per_unit)), dtype=np.int8)
        drawn = (flipped.astype(np.float64) @ per_unit) * 2 / len(per_unit) - per_unit.mean()
        extreme += int((np.abs(drawn) >= observed * (1 - 1e-9)).sum())
        done += len(flipped)
    return (extreme + 1) / (RESAMPLES + 1)


def relabel_runs_p(
    first: Float[np.ndarray, " first_runs"], second: Float[np.ndarray, " second_runs"], seed: int = 0
) -> float:
    """Return the two-sided p-value when runs are dealt to the two arms at random, all ways if they are few.

    With two runs per arm it cannot fall below one third, with three below one tenth.

    Args:
        first: The metric of each run of one arm (of methods: of each tuning).
        second: The other arm's.
        seed: Of the random deals.
    """
    found = stats.permutation_test(
        (first, second),
        lambda a, b, axis: np.mean(a, axis=axis) - np.mean(b, axis=axis),
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=seed,
    )
    return float(found.pvalue)
