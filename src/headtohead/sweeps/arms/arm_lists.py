"""What is compared: named override lists, each tuned alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headtohead.errors import UserError, near_names

KEYS = ("overrides", "params")
NAME = re.compile(r"\w[\w.-]{0,99}")
FIRST_FRESH_SEED = 1000
"""Of confirming runs: far from the seeds that people tune on. Every tuning has a thousand of its own."""
FIRST_CHOOSING_SEED = 500
"""Within these the first of the runs that choose a champion; the runs that are judged come before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSettings:
    """One arm: the overrides that make it, and what is tuned in it alone."""

    name: str
    overrides: list[str]
    params: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmSettings:
    """How an arm's winners are confirmed."""

    seeds: int
    top_k: int
    fresh_samples: bool = False

    def __post_init__(self) -> None:
        for key in ("seeds", "top_k"):
            if getattr(self, key) < 1:
                raise UserError(f"hydra.sweeper.confirm.{key} must be 1 or more, given {getattr(self, key)}")
        if self.seeds > FIRST_CHOOSING_SEED:
            raise UserError(f"hydra.sweeper.confirm.seeds is at most {FIRST_CHOOSING_SEED}, given {self.seeds}")
        if not isinstance(self.fresh_samples, bool):
            raise UserError(f"hydra.sweeper.confirm.fresh_samples is true or false, given {self.fresh_samples!r}")

    def runs(self, configurations: int) -> int:
        """Return how many runs confirm one of several configurations: those that choose it, and those that are judged."""
        return self.seeds * (configurations + 1 if configurations > 1 else 1)


def read_arms(plain: Mapping[str, Any]) -> list[ArmSettings]:
    """Read ``hydra.sweeper.arms``.

    Raises:
        UserError: fewer than two, a key that is none, a name that cannot be a folder, or two that are the same.
    """
    arms = [_read(str(name), given or {}) for name, given in plain.items()]
    if len(arms) == 1:
        raise UserError(f"hydra.sweeper.arms names {arms[0].name} alone; a comparison needs two arms or more")
    for i, arm in enumerate(arms):
        for other in arms[:i]:
            if (sorted(arm.overrides), arm.params) == (sorted(other.overrides), other.params):
                raise UserError(
                    f"the arms {other.name} and {arm.name} are the same, {arm.overrides}: nothing is compared"
                )
    return arms


def _read(name: str, given: Any) -> ArmSettings:
    if not NAME.fullmatch(name):
        raise UserError(f"hydra.sweeper.arms: {name!r} names a folder too: use letters, digits, '_', '.' and '-'")
    if isinstance(given, list):
        given = {"overrides": given}
    if not isinstance(given, dict):
        raise UserError(f"hydra.sweeper.arms.{name} must be a list of overrides, or {{overrides: [...], params: {{}}}}")
    for key in given:
        if key not in KEYS:
            raise UserError(f"hydra.sweeper.arms.{name}.{key} is not a setting{near_names(str(key), KEYS)}")
    overrides: Sequence[Any] = given.get("overrides") or []
    return ArmSettings(name=name, overrides=[str(line) for line in overrides], params=dict(given.get("params") or {}))
