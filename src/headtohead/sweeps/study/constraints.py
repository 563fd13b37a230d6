"""What a trial must keep to if it is to be the best: limits on what its record holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headtohead.errors import UserError, near_names
from headtohead.evaluation.metrics import HIGHER_IS_BETTER

READABLE = ("metrics.validation.", "cost.")
BOUNDS = ("max", "min")
COSTS = ("trainable_parameters", "parameters", "padded_tokens", "peak_memory_bytes", "trials_in_pack")
_READING = ("train", "validate", "score validation", "score test")
PARTS_OF_COSTS = {
    "seconds": (*_READING, "data", "load", "tokenise", "read", "evaluate", "baselines", "export"),
    "tokens": _READING,
    "training": ("steps", "planned_steps", "best_step", "best_value"),
}
"""What the ``cost`` of a record holds; ``trainable_parameters`` and the like of language models alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Bounds of one value of a record."""

    path: str
    max: float | None
    min: float | None

    def excess(self, value: float) -> float:
        """Return how far a value lies outside, as a share of the bound; zero or less is allowed.

        A share, since samplers add up what several constraints are exceeded by.
        """
        over = [(value - self.max) / (abs(self.max) or 1.0)] if self.max is not None else []
        under = [(self.min - value) / (abs(self.min) or 1.0)] if self.min is not None else []
        return max(over + under)

    def broken_by(self, value: float) -> str | None:
        """Say in which way a value lies outside, or None."""
        if self.max is not None and value > self.max:
            return f"{self.path} is {value:.6g}, above {self.max:.6g}"
        if self.min is not None and value < self.min:
            return f"{self.path} is {value:.6g}, below {self.min:.6g}"
        return None

    def __str__(self) -> str:
        """For messages and records."""
        bounds = [f"{bound} {value:.6g}" for bound in BOUNDS if (value := getattr(self, bound)) is not None]
        return " and ".join(bounds)


def read_constraints(plain: Mapping[str, Any]) -> list[Limit]:
    """Read ``hydra.sweeper.constraints``.

    Raises:
        UserError: a path that a sweep may not read, or bounds that are none.
    """
    return [_read(str(path), bounds) for path, bounds in plain.items()]


def _read(path: str, bounds: Any) -> Limit:
    key = f"hydra.sweeper.constraints.{path}"
    require_readable(path, "hydra.sweeper.constraints")
    if not isinstance(bounds, dict) or not bounds or not set(bounds) <= set(BOUNDS):
        raise UserError(f"{key} must be {{max: ...}}, {{min: ...}} or both, given {bounds!r}")
    numbers: dict[str, float | None] = {bound: bounds.get(bound) for bound in BOUNDS}
    for bound, value in numbers.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise UserError(f"{key}.{bound} must be a number, given {value!r}")
    low, high = numbers["min"], numbers["max"]
    if low is None and high is None:
        raise UserError(f"{key} has no bound: set max, min or both")
    if low is not None and high is not None and low > high:
        raise UserError(f"{key}: nothing is above {low} and below {high}")
    return Limit(path=path, max=high, min=low)


def require_readable(path: str, key: str) -> None:
    """Refuse what a sweep may not decide by, and what no record holds.

    Raises:
        UserError: the path leads elsewhere, such as to a test split, or nowhere.
    """
    if not path.startswith(READABLE):
        raise UserError(
            f"{key}={path} is not a path into a record that a sweep may optimise: "
            f"start with {' or '.join(READABLE)}. Validation tunes, test reports"
        )
    _, part, *rest = path.split(".")
    if path.startswith("metrics."):
        if rest[0] not in HIGHER_IS_BETTER:
            raise UserError(f"{key}={path}: {rest[0]!r} is no metric{near_names(rest[0], HIGHER_IS_BETTER)}")
    elif part in PARTS_OF_COSTS:
        own = ".".join(rest)
        if own not in PARTS_OF_COSTS[part] and not own.startswith("score "):  # of a split of any name
            raise UserError(f"{key}={path}: no run has it{near_names(own, PARTS_OF_COSTS[part])}")
    elif part not in COSTS or rest:
        raise UserError(f"{key}={path}: no run has it{near_names(part, (*COSTS, *PARTS_OF_COSTS))}")
