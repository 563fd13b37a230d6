"""Class weights against scikit-learn and the paper; what does not fit is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from headtohead.config import LOSS_CONFIGS, LossConfig
from headtohead.errors import UserError
from headtohead.losses import build_loss, check_loss_fits, class_weights
from tiny_runs import labels_of

LABELS = labels_of()
FITTING = {
    "single": {"cross_entropy", "focal", "language_model"},
    "multi": {"bce"},
    "ordinal": {"cross_entropy", "focal", "corn", "language_model", "mse", "huber"},
    "real": {"mse", "huber"},
}


@given(st.lists(st.integers(0, 3), min_size=4).filter(lambda rows: set(rows) == {0, 1, 2, 3}))
def test_balanced_is_scikit_learn_s(rows: list[int]):
    weights = class_weights(LossConfig(class_weights="balanced"), LABELS, np.asarray(rows))
    np.testing.assert_allclose(weights, compute_class_weight("balanced", classes=np.arange(4), y=rows))


@given(st.lists(st.integers(1, 500), min_size=4, max_size=4), st.sampled_from([0.0, 0.9, 0.999]))
def test_effective_number_is_the_paper_s(counts: list[int], beta: float):
    targets = np.repeat(np.arange(4), counts)
    weights = class_weights(LossConfig(class_weights="effective_number", effective_beta=beta), LABELS, targets)
    assert weights.sum() == pytest.approx(4)
    effective = np.asarray([sum(beta**i for i in range(n)) for n in counts])  # the paper's equation 2, as a sum
    np.testing.assert_allclose(weights * effective, (weights * effective)[0] * np.ones(4), rtol=1e-8)


def test_positive_weights_of_multi_label_data_are_negatives_over_positives():
    targets = np.asarray([[1, 0], [1, 0], [1, 1], [0, 0]])
    labels = labels_of("multi", ("a", "b"))
    np.testing.assert_allclose(class_weights(LossConfig(class_weights="balanced"), labels, targets), [1 / 3, 3])


def test_explicit_weights_follow_the_order_of_labels():
    config = LossConfig(class_weights="explicit", weights={"business": 4, "tech": 3, "politics": 2, "sport": 1})
    assert class_weights(config, LABELS, np.zeros(0, dtype=np.int64)).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"sports": 1.0}, "did you mean 'sport'"),
        ({"sport": 1.0}, "lacks"),
        (dict.fromkeys(LABELS.names, 0.0), "positive"),
        ({name: float("nan") for name in LABELS.names}, "positive"),
        (dict.fromkeys(LABELS.names, -1.0), "positive"),
    ],
)
def test_bad_explicit_weights(weights: dict[str, float], said: str):
    """Zero and less would divide by nothing, or train away from the answer."""
    with pytest.raises(UserError, match=said):
        class_weights(LossConfig(class_weights="explicit", weights=weights), LABELS, np.zeros(0, dtype=np.int64))


@pytest.mark.parametrize("scheme", ["balanced", "effective_number"])
def test_a_label_without_rows_is_named(scheme: str):
    with pytest.raises(UserError, match="business"):
        class_weights(LossConfig(class_weights=scheme), LABELS, np.asarray([0, 1, 2]))


@pytest.mark.parametrize("kind", FITTING)
@pytest.mark.parametrize("loss", LOSS_CONFIGS)
def test_what_does_not_fit_is_refused_by_name_with_what_would(kind: str, loss: str):
    labels, config = labels_of(kind), LOSS_CONFIGS[loss]()
    if loss in FITTING[kind]:
        check_loss_fits(config, labels)
        return
    with pytest.raises(UserError) as caught:
        check_loss_fits(config, labels)
    assert f"loss={loss}" in str(caught.value)
    assert all(f"loss={name}" in str(caught.value) for name in FITTING[kind])


@pytest.mark.parametrize("loss", ["mse", "huber", "corn"])
def test_weights_without_effect_are_refused(loss: str):
    config = LOSS_CONFIGS[loss](class_weights="balanced")
    with pytest.raises(UserError, match="no effect"):
        check_loss_fits(config, labels_of("ordinal"))


@pytest.mark.parametrize(
    ("kind", "loss", "width", "link"),
    [
        ("single", "cross_entropy", 4, "softmax"),
        ("single", "focal", 4, "softmax"),
        ("single", "language_model", 4, "softmax"),
        ("multi", "bce", 4, "sigmoid"),
        ("ordinal", "corn", 3, "corn"),
        ("ordinal", "mse", 1, "identity"),
        ("real", "huber", 1, "identity"),
    ],
)
def test_a_loss_declares_width_and_link(kind: str, loss: str, width: int, link: str):
    built = build_loss(LOSS_CONFIGS[loss](), labels_of(kind), np.zeros(0, dtype=np.int64))
    assert (built.width, built.link) == (width, link)
