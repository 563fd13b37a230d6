"""How much each class counts."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from headtohead.config import LossConfig
from headtohead.errors import UserError, near_names, some_of
from headtohead.labels import LabelSpace


def class_weights(config: LossConfig, labels: LabelSpace, targets: np.ndarray) -> Float[np.ndarray, " labels"]:
    """Return one weight per label.

    ``balanced`` is scikit-learn's rows / (labels * count), for multi-label data negatives / positives of each label;
    ``effective_number`` is (1 - beta) / (1 - beta ** count),
    scaled to a mean of 1 (Cui et al. 2019, arXiv:1901.05555, equation 10).

    Args:
        targets: gold answers of the training rows: label index, or 0/1 per label.

    Raises:
        UserError: a label without training rows under a scheme that divides by its count, or names that do not match.
    """
    if config.class_weights == "none":
        return np.ones(len(labels))
    if config.class_weights == "explicit":
        return _explicit(config, labels)
    multi = labels.kind == "multi"
    counts = targets.sum(axis=0) if multi else np.bincount(targets, minlength=len(labels))
    if (counts == 0).any():
        missing = [name for name, count in zip(labels.names, counts, strict=True) if count == 0]
        raise UserError(
            f"loss.class_weights={config.class_weights} divides by the rows of a label, and the training split has none "
            f"of {some_of(missing)}: take more rows, or loss.class_weights=explicit"
        )
    if config.class_weights == "balanced":
        return (len(targets) - counts) / counts if multi else len(targets) / (len(labels) * counts)
    weights = (1 - config.effective_beta) / (1 - config.effective_beta**counts)
    return weights / weights.mean()


def _explicit(config: LossConfig, labels: LabelSpace) -> np.ndarray:
    for name in config.weights:
        if name not in labels.names:
            raise UserError(f"loss.weights.{name} is not a label{near_names(name, labels.names)}")
        if not 0 < config.weights[name] < float("inf"):
            raise UserError(f"loss.weights.{name} must be a positive number, given {config.weights[name]}")
    missing = [name for name in labels.names if name not in config.weights]
    if missing:
        raise UserError(f"loss.weights lacks {some_of(missing)}; give every label a weight")
    return np.asarray([config.weights[name] for name in labels.names], dtype=float)
