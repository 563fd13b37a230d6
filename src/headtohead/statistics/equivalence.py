"""Near enough to be called equal: two one-sided tests within a margin that is stated beforehand."""

from __future__ import annotations

from scipy import stats

from headtohead.errors import UserError
from headtohead.evaluation.metrics import widest_difference


def equivalence_p(difference: float, error: float, df: float, margin: float) -> float:
    """Return the p-value against "the difference is ``margin`` or more, either way" (Schuirmann 1987, Lakens 2017).

    Args:
        difference: Estimated.
        error: Its standard error, positive.
        df: Degrees of freedom of the error.
        margin: Largest difference that does not matter, positive.
    """
    return float(stats.t.sf((margin - abs(difference)) / error, df))


def not_worse_p(shortfall: float, error: float, df: float, margin: float) -> float:
    """Return the p-value against "worse by ``margin`` or more" (non-inferiority; one-sided).

    Args:
        shortfall: How much worse the arm looks, in units of the metric, positive where it is worse.
        error: Standard error of the shortfall.
        df: Degrees of freedom of the error.
        margin: Largest shortfall that does not matter.
    """
    return float(stats.t.sf((margin - shortfall) / error, df))


def refuse_wide_margin(metric: str, margin: float, key: str) -> None:
    """Refuse a margin inside which any two systems lie, as one in points of a hundred does.

    Args:
        metric: its name; ``kappa`` stands for either, which reach equally far.
        margin: in units of the metric.
        key: the setting that holds it.

    Raises:
        UserError: it is as wide as the metric is.
    """
    widest = widest_difference("cohen_kappa" if metric == "kappa" else metric)
    if margin < widest:
        return
    points = f", such as {key}={margin / 100:g} for {margin:g} points" if margin / 100 < widest else ""
    raise UserError(
        f"{key}={margin:g}: two systems differ by at most {widest:g} in {metric}, so that all would be called equal; give "
        f"the largest difference that does not matter, in units of the metric{points}"
    )
