"""Every metric, defined once: its name, direction, bounds, and where it is shown, judged and sent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from headtohead.labels import LabelKind

Group = Literal["Answers", "Probabilities", "Order", "Scores"]
"""Of rows in the page's table of metrics."""
ANSWERED: tuple[LabelKind, ...] = ("single", "ordinal", "multi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A number per split. Its value comes from a family (``metrics.py``), its influence from ``statistics.influence``."""

    name: str
    title: str
    """As a reader knows it."""
    group: Group
    higher_is_better: bool = True
    low: float = 0.0
    high: float = 1.0
    """The least and the most that it can be; intervals are cut to them."""
    judges: tuple[LabelKind, ...] = ()
    """Kinds of labels whose arms a verdict may compare by it; others have it on their pages alone."""
    of_probabilities: bool = False
    """Undefined for expected scores."""
    of_answers: bool = False
    """Made of right and wrong answers, so that few rows may tell arms apart."""
    is_share_of_rows: bool = False
    """A mean over rows of 0 and 1, with an exact interval where all are alike."""
    is_biased: bool = False
    """Too large on few rows, so that its bootstrap is reflected."""
    shown: Literal["training", "end"] | None = None
    """On the terminal: at every evaluation and at the end of a run, or at its end alone."""
    is_further: bool = False
    """Folded away on the page."""
    is_sliced: bool = False
    """Shown by slices of the rows."""
    hub_name: str | None = None
    """On model cards; ``None`` keeps it from them."""


def _averages() -> Iterator[Metric]:
    for average in ("macro", "micro", "weighted"):
        for part in ("f1", "precision", "recall"):
            name = f"{average}_{part}"
            title = {"macro_f1": "Macro-F1", "micro_f1": "Micro-F1", "weighted_f1": "Weighted F1"}.get(
                name, name.replace("_", " ").capitalize()
            )
            found = Metric(
                name=name,
                title=title,
                group="Answers",
                is_further=average != "macro",
                hub_name="f1" if part == "f1" else None,
            )
            if name == "macro_f1":
                found = replace(found, judges=ANSWERED, of_answers=True, shown="training", is_sliced=True)
            yield replace(found, shown="end") if name == "micro_f1" else found


_PROBABILITIES = (
    Metric(
        name="log_loss",
        title="Log-loss",
        group="Probabilities",
        higher_is_better=False,
        high=math.inf,
        judges=ANSWERED,
        of_probabilities=True,
        shown="training",
        hub_name="log_loss",
    ),
    Metric(
        name="brier",
        title="Brier score",
        group="Probabilities",
        higher_is_better=False,
        high=2.0,
        judges=ANSWERED,
        of_probabilities=True,
        hub_name="brier_score",
    ),
    Metric(
        name="ece",
        title="Calibration error",
        group="Probabilities",
        higher_is_better=False,
        of_probabilities=True,
        is_biased=True,
        shown="end",
        hub_name="expected_calibration_error",
    ),
)


def _calibrated(metric: Metric) -> Metric:
    name, title = f"calibrated_{metric.name}", f"{metric.title}, calibrated"
    return replace(metric, name=name, title=title, judges=(), shown=None, hub_name=None)


_ALL = (
    Metric(
        name="accuracy",
        title="Accuracy",
        group="Answers",
        judges=("single", "ordinal"),
        of_answers=True,
        is_share_of_rows=True,
        shown="training",
        is_sliced=True,
        hub_name="accuracy",
    ),
    Metric(
        name="subset_accuracy",
        title="Exact label sets",
        group="Answers",
        judges=("multi",),
        of_answers=True,
        is_share_of_rows=True,
        shown="training",
        is_sliced=True,
        hub_name="accuracy",
    ),
    *_averages(),
    Metric(name="auroc", title="AUROC", group="Order"),
    Metric(
        name="mean_average_precision",
        title="Mean average precision",
        group="Order",
        hub_name="mean_average_precision",
    ),
    Metric(
        name="quadratic_kappa",
        title="Quadratic kappa",
        group="Answers",
        low=-1.0,
        judges=("ordinal",),
        of_answers=True,
        shown="training",
        hub_name="cohen_kappa",
    ),
    Metric(
        name="cohen_kappa",
        title="Cohen's kappa",
        group="Answers",
        low=-1.0,
        judges=("single", "ordinal"),
        of_answers=True,
        is_further=True,
    ),
    Metric(name="mcc", title="Matthews correlation", group="Answers", low=-1.0, is_further=True),
    Metric(name="spearman", title="Spearman", group="Order", low=-1.0, shown="end", hub_name="spearmanr"),
    Metric(name="r2", title="R²", group="Scores", low=-math.inf),
    Metric(
        name="mae",
        title="Mean absolute error",
        group="Scores",
        higher_is_better=False,
        high=math.inf,
        judges=("ordinal", "real"),
        shown="training",
        is_sliced=True,
        hub_name="mae",
    ),
    Metric(
        name="rmse",
        title="Root mean squared error",
        group="Scores",
        higher_is_better=False,
        high=math.inf,
        shown="end",
        hub_name="rmse",
    ),
    *_PROBABILITIES,
    *map(_calibrated, _PROBABILITIES),
    Metric(name="aurc", title="Area under risk-coverage", group="Order", higher_is_better=False),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""By name, in the order in which tables show them."""
