"""Which metrics arms can be judged by, and what each unit of rows adds to one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from headtohead.errors import UserError, near_names
from headtohead.evaluation.metric_table import METRICS
from headtohead.evaluation.metrics import default_metric, has_probabilities, refuse_unusable, wrong
from headtohead.evaluation.probability import brier_per_row, log_loss_per_row
from headtohead.evaluation.resampling import independent_units
from headtohead.results import Predictions
from headtohead.statistics import influence

Linearised = tuple[float, Float[np.ndarray, " rows"]]


def _mean(per_row: np.ndarray) -> Linearised:
    return float(per_row.mean()), per_row - per_row.mean()


def _accuracy(predictions: Predictions) -> Linearised:
    return _mean(1.0 - wrong(predictions))


def _mae(predictions: Predictions) -> Linearised:
    return _mean(np.abs(predictions.gold_score - predictions.expected_score))


def _log_loss(predictions: Predictions) -> Linearised:
    return _mean(log_loss_per_row(predictions))


def _brier(predictions: Predictions) -> Linearised:
    return _mean(brier_per_row(predictions))


def _macro_f1(predictions: Predictions) -> Linearised:
    if predictions.labels.kind == "multi":
        value, change = influence.macro_f1_of_sets(predictions.gold, predictions.predicted)
    else:
        value, change = influence.macro_f1(predictions.gold, predictions.predicted, len(predictions.labels))
    return float(value), change


def _cohen_kappa(predictions: Predictions) -> Linearised:
    value, change = influence.cohen_kappa(predictions.gold, predictions.predicted, len(predictions.labels))
    return float(value), change


def _quadratic_kappa(predictions: Predictions) -> Linearised:
    value, change = influence.quadratic_kappa(predictions.gold, predictions.predicted)
    return float(value), change


_MEASURES: Mapping[str, Callable[[Predictions], Linearised]] = {
    "accuracy": _accuracy,
    "subset_accuracy": _accuracy,
    "macro_f1": _macro_f1,
    "cohen_kappa": _cohen_kappa,
    "quadratic_kappa": _quadratic_kappa,
    "log_loss": _log_loss,
    "brier": _brier,
    "mae": _mae,
}


def metrics_of_kind(kind: str) -> list[str]:
    """Return every metric that arms of a kind of label may be judged by, ``kappa`` among them where there is one."""
    names = [name for name, metric in METRICS.items() if kind in metric.judges]
    return [*names, "kappa"] if any(name.endswith("kappa") for name in names) else names


def metrics_of(predictions: Predictions) -> list[str]:
    """Return the metrics that arms with such predictions can be judged by."""
    kind, known = predictions.labels.kind, has_probabilities(predictions)
    return [
        name for name, metric in METRICS.items() if kind in metric.judges and (known or not metric.of_probabilities)
    ]


def metrics_of_all(runs: Sequence[Predictions]) -> list[str]:
    """Return the metrics that every run has, in the order of the first."""
    return [metric for metric in metrics_of(runs[0]) if all(metric in metrics_of(run) for run in runs)]


def resolve_metric(asked: str | None, runs: list[Predictions], key: str = "compare.metric") -> str:
    """Return the metric asked for, or the usual one of this kind of label; ``kappa`` is the kind's own kappa.

    Raises:
        UserError: some run has no such metric.
    """
    kind = runs[0].labels.kind
    name = default_metric(kind) if asked is None else asked
    if name == "kappa":
        name = "quadratic_kappa" if kind == "ordinal" else "cohen_kappa"
    shared = metrics_of_all(runs)
    if name not in shared:
        raise UserError(f"{key}={asked} is not defined for these {kind}-label runs{near_names(str(asked), shared)}")
    return name


def unit_shares(predictions: Predictions, metric: str) -> Float[np.ndarray, " units"]:
    """Return what each independent unit of rows (a row, or a group of rows) adds to a metric: their mean is its value.

    Raises:
        UserError: there are no rows.
        Diverged: a score is not finite.
    """
    refuse_unusable(predictions)
    value, change = _MEASURES[metric](predictions)
    return by_unit(np.asarray(value), change, independent_units(predictions.group))


def by_unit(
    value: Float[np.ndarray, "*batch"] | np.float64,
    change: Float[np.ndarray, "*batch rows"],
    unit: Int[np.ndarray, " rows"],
) -> Float[np.ndarray, "*batch units"]:
    """Return the shares of units from the influences of their rows.

    Groups enter as sums over their rows, scaled so that the mean over units stays the metric (a ratio estimator,
    linearised; Cochran 1977, section 9A).
    """
    rows, units = len(unit), int(unit.max()) + 1
    if units == rows:
        return np.asarray(value)[..., None] + change[..., np.argsort(unit)]
    membership = sparse.csr_array((np.ones(rows), (unit, np.arange(rows))), shape=(units, rows))
    totals = (membership @ change.reshape(-1, rows).T).T.reshape(*change.shape[:-1], units)
    return np.asarray(value)[..., None] + totals * (units / rows)
