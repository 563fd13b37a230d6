"""From a loss's configuration and the data's labels to the loss."""

from __future__ import annotations

import numpy as np
import torch

from headtohead.config.loss import (
    BinaryCrossEntropyConfig,
    CornConfig,
    CrossEntropyConfig,
    FocalConfig,
    HuberConfig,
    LanguageModelLossConfig,
    LossConfig,
    MeanSquaredErrorConfig,
)
from headtohead.errors import UserError
from headtohead.labels import LabelSpace
from headtohead.losses.class_weights import class_weights
from headtohead.losses.score_losses import BinaryCrossEntropy, Corn, CrossEntropy, Focal, Regression, ScoreLoss

FITTING_LOSSES = {
    "single": ("cross_entropy", "focal", "language_model"),
    "multi": ("bce",),
    "ordinal": ("cross_entropy", "focal", "corn", "language_model", "mse", "huber"),
    "real": ("mse", "huber"),
}


def check_loss_fits(config: LossConfig, labels: LabelSpace) -> None:
    """Refuse a loss that the data's kind of label cannot train, naming what can.

    Raises:
        UserError: it does not fit.
    """
    fitting = FITTING_LOSSES[labels.kind]
    if config.kind not in fitting:
        choices = ", ".join(f"loss={name}" for name in fitting)
        raise UserError(f"loss={config.kind} does not fit {labels.kind}-label data; it takes {choices}")
    if config.class_weights != "none" and config.kind in ("mse", "huber", "corn"):
        raise UserError(f"loss.class_weights has no effect with loss={config.kind}: set loss.class_weights=none")


def build_loss(config: LossConfig, labels: LabelSpace, targets: np.ndarray) -> ScoreLoss:
    """Build the loss of a head's scores.

    For the language-model loss this is the restricted cross-entropy: it scores, and does not train.

    Args:
        targets: gold answers of the training rows, from which classes are counted.
    """
    check_loss_fits(config, labels)
    match config:
        case CrossEntropyConfig():
            return CrossEntropy(_weights(config, labels, targets), config.label_smoothing)
        case LanguageModelLossConfig():
            return CrossEntropy(_weights(config, labels, targets), 0.0)
        case FocalConfig():
            return Focal(_weights(config, labels, targets), config.gamma)
        case BinaryCrossEntropyConfig():
            return BinaryCrossEntropy(_weights(config, labels, targets))
        case MeanSquaredErrorConfig():
            return Regression(_values(labels), None)
        case HuberConfig():
            return Regression(_values(labels), config.delta)
        case CornConfig():
            return Corn(len(labels))
        case _:
            raise AssertionError(config)


def _weights(config: LossConfig, labels: LabelSpace, targets: np.ndarray) -> torch.Tensor:
    return torch.tensor(class_weights(config, labels, targets), dtype=torch.float32)


def _values(labels: LabelSpace) -> torch.Tensor | None:
    return torch.tensor(labels.values, dtype=torch.float32) if labels.kind == "ordinal" else None
