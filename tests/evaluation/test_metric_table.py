"""The one table of metrics: nothing is computed that it does not hold, and nothing it holds is computed by nobody."""

from __future__ import annotations

from typing import get_args

import pytest

from evaluation.made_up import random_predictions
from headtohead.evaluation import evaluate
from headtohead.evaluation.metric_table import METRICS
from headtohead.evaluation.metrics import default_metric
from headtohead.labels import LabelKind
from headtohead.statistics.unit_shares import metrics_of, unit_shares

KINDS = get_args(LabelKind)


def found_of(kind: LabelKind) -> set[str]:
    return set(evaluate(random_predictions(kind, 60, seed=3), temperature=1.5, resamples=20, seed=0).metrics)


def test_every_metric_is_computed_for_some_kind_of_label_and_none_besides() -> None:
    assert set.union(*map(found_of, KINDS)) == set(METRICS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_judges_a_kind_is_computed_for_it_and_has_shares(kind: LabelKind) -> None:
    predictions = random_predictions(kind, 60, seed=3)
    judged = metrics_of(predictions)
    assert default_metric(kind) in judged
    found = evaluate(predictions, temperature=1.0, resamples=20, seed=0).metrics
    for name in judged:
        assert unit_shares(predictions, name).mean() == pytest.approx(found[name]["value"])
        assert METRICS[name].low <= found[name]["value"] <= METRICS[name].high


def test_names_and_titles_are_of_one_metric_each() -> None:
    assert all(name == metric.name for name, metric in METRICS.items())
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)
