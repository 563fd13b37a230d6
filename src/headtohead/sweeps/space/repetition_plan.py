"""What every trial is repeated over: seeds, and the folds of a cross-validation. A repetition is no setting: none is the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from headtohead.sweeps.space.override_values import assignment

SHORT = {
    "data.split.seed": "split_seed",
    "data.seed": "data_seed",
    "data.split.repeat": "repeat",
    "data.split.fold": "fold",
    "seed": "seed",
}
"""Keys whose values are repetitions, in the order in which they are run, and what folders call them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One run of a trial."""

    folder: str
    """Within the trial's."""
    values: Mapping[str, int]
    """By key, what tells it from the trial's other runs."""

    @property
    def overrides(self) -> list[str]:
        """What its job adds to the trial's overrides."""
        return [assignment(key, value) for key, value in self.values.items()]

    def __str__(self) -> str:
        return self.folder.replace("data_seed", "data.seed").replace("split_seed", "data.split.seed").replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The runs that make up every trial; without any, a trial is one run."""

    repeated: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Key to values; every combination is a run."""
    folds: int = 0
    """Of the cross-validation whose folds are run; 0: none."""
    is_of_fold: bool = False
    """Every trial is of one and the same fold of a cross-validation, in which it is tuned."""
    first_seed: int = 0
    """Of a cross-validation: each of its runs has the next, so that the luck of a seed is in the spread of the folds."""

    @property
    def places(self) -> list[Place]:
        """The runs, in order; empty where a trial is one run."""
        keys = [key for key in SHORT if key in self.repeated]
        if not keys:
            return []
        points = [dict(zip(keys, values, strict=True)) for values in product(*(self.repeated[key] for key in keys))]
        return [Place(folder=_name(point), values=self._with_seed(point, place)) for place, point in enumerate(points)]

    def _with_seed(self, point: dict[str, int], place: int) -> dict[str, int]:
        return {**point, "seed": self.first_seed + place} if self.folds and "seed" not in point else point

    @property
    def within_folds(self) -> Plan:
        """What is repeated inside one fold: seeds alone."""
        return Plan(repeated={key: values for key, values in self.repeated.items() if key == "seed"}, is_of_fold=True)

    @property
    def measures_parts(self) -> bool:
        """Whether each run was trained on a part of the rows, to measure and not to be used."""
        return bool(self.folds) or self.is_of_fold

    @property
    def each_fold(self) -> list[Place]:
        """The folds, whatever is repeated inside them."""
        splits = {key: values for key, values in self.repeated.items() if key != "seed"}
        return replace(self, repeated=splits).places

    def shifted(self, by: int) -> Plan:
        """Return the plan with other seeds, where it names any."""
        seeds = {"seed": [seed + by for seed in self.repeated["seed"]]} if "seed" in self.repeated else {}
        return replace(self, repeated={**self.repeated, **seeds})

    @property
    def seeds(self) -> list[int]:
        """Of every trial, where they are listed."""
        return list(self.repeated.get("seed", []))

    def described(self) -> dict[str, Any]:
        """Return it for records."""
        return {"folds": self.folds, **{key: list(values) for key, values in self.repeated.items()}}

    def __str__(self) -> str:
        counted = {key: len(values) for key, values in self.repeated.items()}
        words = {
            "data.split.seed": "split seeds",
            "data.seed": "data seeds",
            "data.split.repeat": "repetitions",
            "data.split.fold": "folds",
            "seed": "seeds",
        }
        parts = [f"{counted[key]} {words[key]}" for key in reversed(SHORT) if key in counted]
        return " x ".join(parts)


def _name(point: Mapping[str, int]) -> str:
    return "_".join(f"{SHORT[key]}_{value}" for key, value in point.items())
