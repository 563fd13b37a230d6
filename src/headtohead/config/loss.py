"""What training minimises. One class per loss, so that a key of another loss is a typo, not a silent no-op."""

from __future__ import annotations

from dataclasses import dataclass, field

from headtohead.errors import UserError, require_choice

CLASS_WEIGHTS = ("none", "balanced", "effective_number", "explicit")


@dataclass(kw_only=True, slots=True)
class LossConfig:
    """Shared by all losses: which one, and how much each class counts."""

    kind: str = ""
    class_weights: str = "none"
    """none, balanced (inverse frequency), effective_number (Cui et al. 2019, arXiv:1901.05555), explicit."""
    weights: dict[str, float] = field(default_factory=dict)
    """Weight per label name, for class_weights=explicit."""
    effective_beta: float = 0.999

    def __post_init__(self) -> None:
        require_choice("loss.class_weights", self.class_weights, CLASS_WEIGHTS)
        if (self.class_weights == "explicit") != bool(self.weights):
            raise UserError("loss.weights and loss.class_weights=explicit go together: set both or neither")
        if not 0 <= self.effective_beta < 1:
            raise UserError(f"loss.effective_beta must lie in [0, 1), given {self.effective_beta}")


@dataclass(kw_only=True, slots=True)
class LanguageModelLossConfig(LossConfig):
    """Cross-entropy over the full vocabulary on the label's tokens and the end token (generative head)."""

    kind: str = "language_model"


@dataclass(kw_only=True, slots=True)
class CrossEntropyConfig(LossConfig):
    """Softmax cross-entropy over the labels.

    With a generative head it is restricted to the label set, and trains the end token only where that is scored.
    """

    kind: str = "cross_entropy"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        LossConfig.__post_init__(self)
        if not 0 <= self.label_smoothing < 1:
            raise UserError(f"loss.label_smoothing must lie in [0, 1), given {self.label_smoothing}")


@dataclass(kw_only=True, slots=True)
class FocalConfig(LossConfig):
    """Focal loss (Lin et al. 2017, arXiv:1708.02002); its alpha is class_weights."""

    kind: str = "focal"
    gamma: float = 2.0

    def __post_init__(self) -> None:
        LossConfig.__post_init__(self)
        if self.gamma < 0:
            raise UserError(f"loss.gamma must be 0 or more, given {self.gamma}")


@dataclass(kw_only=True, slots=True)
class BinaryCrossEntropyConfig(LossConfig):
    """One sigmoid per label (multi-label); class_weights weigh the positives of each label."""

    kind: str = "bce"


@dataclass(kw_only=True, slots=True)
class MeanSquaredErrorConfig(LossConfig):
    """Squared error of one score."""

    kind: str = "mse"


@dataclass(kw_only=True, slots=True)
class HuberConfig(LossConfig):
    """Huber loss of one score: quadratic within delta, linear beyond."""

    kind: str = "huber"
    delta: float = 1.0

    def __post_init__(self) -> None:
        LossConfig.__post_init__(self)
        if self.delta <= 0:
            raise UserError(f"loss.delta must be positive, given {self.delta}")


@dataclass(kw_only=True, slots=True)
class CornConfig(LossConfig):
    """Conditional ordinal regression (Shi, Cao and Raschka 2021, arXiv:2111.08851)."""

    kind: str = "corn"


def loss_of_labels(kind: str) -> str:
    """Return the loss that data of a kind of labels start from, where nobody names one."""
    return "bce" if kind == "multi" else "cross_entropy"


def loss_in_words(kind: str, head: str, class_weights: str = "none") -> str:
    """Return a loss with what it is taken over, as records, cards and comparisons name it.

    Args:
        kind: of the loss.
        head: kind of the head; of a generative one a loss may cover every token or the label set alone.
        class_weights: as in ``LossConfig``.
    """
    over = {"language_model": " over the full vocabulary"}.get(kind, " restricted to the label set")
    weighted = "" if class_weights == "none" else f", class weights {class_weights}"
    return f"{kind}{over if head == 'generative' else ''}{weighted}"


LOSS_CONFIGS: dict[str, type[LossConfig]] = {
    "language_model": LanguageModelLossConfig,
    "cross_entropy": CrossEntropyConfig,
    "focal": FocalConfig,
    "bce": BinaryCrossEntropyConfig,
    "mse": MeanSquaredErrorConfig,
    "huber": HuberConfig,
    "corn": CornConfig,
}
