"""Near enough to be called equal: two one-sided tests within a margin that is stated beforehand."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import stats

Number = Float[np.ndarray, "*batch"] | np.float64


def equivalence_p(difference: Number, error: Number, df: Number, margin: float | Number) -> Number:
    """Return the p-value against "the difference is ``margin`` or more, either way" (Schuirmann 1987, Lakens 2017).

    Args:
        difference: Estimated.
        error: Its standard error, positive.
        df: Degrees of freedom of the error.
        margin: Largest difference that does not matter, positive.
    """
    return stats.t.sf((margin - np.abs(difference)) / error, df)


def not_worse_p(shortfall: Number, error: Number, df: Number, margin: float | Number) -> Number:
    """Return the p-value against "worse by ``margin`` or more" (non-inferiority; one-sided).

    Args:
        shortfall: How much worse the arm looks, in units of the metric, positive where it is worse.
        error: Standard error of the shortfall.
        df: Degrees of freedom of the error.
        margin: Largest shortfall that does not matter.
    """
    return stats.t.sf((margin - shortfall) / error, df)
