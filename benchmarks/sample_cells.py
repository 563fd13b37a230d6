"""The designs on which error rates over new training samples are measured, as data, by what is special about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headtohead.statistics import Draw


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCell:
    """Two arms of one configuration each, every run with a seed and a training sample; luck is on the logit of being right.

    A luck of .2 moves an accuracy of .7 by about 3.5 points.
    """

    runs: tuple[int, ...]
    """Seeds of each training sample, in either arm."""
    rows: int = 300
    level: float = 1.0
    sample_luck: float = 0.0
    seed_luck: float = 0.06
    shared: float = 0.0
    """Share of the variance of both lucks that the arms have in common: of runs of one number."""
    pairing: str = "none"
    as_exchangeable: bool = False
    """Every run counts, as if samples were nothing: how grids were judged once."""
    own_spread: float = 0.5
    row_spread: float = 1.0

    @property
    def name(self) -> str:
        """The parts that identify it."""
        parts = [f"{len(self.runs)} samples, seeds {self.runs[0] if len(set(self.runs)) == 1 else self.runs}"]
        parts += [f"{self.rows} rows", f"sample luck {self.sample_luck:g}, seed luck {self.seed_luck:g}"]
        parts += [f"{self.shared:.0%} shared"] if self.shared else []
        parts += ["paired"] if self.pairing == "seeds" else []
        parts += ["every run counted"] if self.as_exchangeable else []
        return ", ".join(parts)

    @property
    def draws(self) -> list[Draw]:
        """Of either arm; runs of one seed number in different samples are other runs all the same."""
        return [
            Draw(seed=seed, data_seed=0 if self.as_exchangeable else sample)
            for sample, count in enumerate(self.runs)
            for seed in range(sum(self.runs[:sample]), sum(self.runs[:sample]) + count)
        ]

    @property
    def spread(self) -> float:
        """Standard deviation of the logit over new rows, samples and seeds."""
        return float(np.sqrt(self.row_spread**2 + self.own_spread**2 + self.sample_luck**2 + self.seed_luck**2))


SMALL, LARGE, HUGE = 0.06, 0.18, 0.4
"""Luck of a training sample: of one point of accuracy, of three, and of seven."""

FAMILIES: Mapping[str, Sequence[SampleCell]] = {
    "a training sample for every seed": (
        *(SampleCell(runs=(1,) * runs, sample_luck=luck) for runs in (3, 5, 8) for luck in (SMALL, LARGE)),
        SampleCell(runs=(1,) * 5, sample_luck=HUGE),
        *(SampleCell(runs=(1,) * runs, rows=2000, sample_luck=LARGE) for runs in (3, 5)),
    ),
    "grids, by training sample": (
        SampleCell(runs=(3, 3, 3), sample_luck=LARGE),
        SampleCell(runs=(2,) * 5, sample_luck=LARGE),
        SampleCell(runs=(5,) * 4, sample_luck=SMALL),
        SampleCell(runs=(3, 3, 3), sample_luck=0.0, seed_luck=0.18),
        SampleCell(runs=(1, 2, 3, 4, 5), sample_luck=LARGE),
        SampleCell(runs=(8, 1, 1, 1), sample_luck=SMALL, seed_luck=0.18),
    ),
    "paired, luck shared": (
        *(SampleCell(runs=(runs,), seed_luck=LARGE, shared=0.8, pairing="seeds") for runs in (3, 5, 8)),
        *(SampleCell(runs=(1,) * runs, sample_luck=LARGE, shared=0.8, pairing="seeds") for runs in (3, 5, 8)),
        SampleCell(runs=(3, 3, 3), sample_luck=LARGE, shared=0.8, pairing="seeds"),
    ),
    "paired, no luck shared": (
        *(SampleCell(runs=(runs,), seed_luck=LARGE, pairing="seeds") for runs in (3, 5, 8)),
        SampleCell(runs=(1,) * 5, sample_luck=LARGE, pairing="seeds"),
        SampleCell(runs=(2,) * 5, sample_luck=LARGE, pairing="seeds"),
    ),
}

BEYOND: Mapping[str, Sequence[SampleCell]] = {
    "one training sample for all seeds": tuple(
        SampleCell(runs=(runs,), rows=rows, sample_luck=luck)
        for rows in (300, 2000)
        for luck in (SMALL, LARGE)
        for runs in (3, 5)
    ),
    "grids, every run counted": (
        SampleCell(runs=(3, 3, 3), sample_luck=LARGE, as_exchangeable=True),
        SampleCell(runs=(2,) * 5, sample_luck=LARGE, as_exchangeable=True),
    ),
    "luck shared, not paired": (
        *(SampleCell(runs=(runs,), seed_luck=LARGE, shared=0.8) for runs in (3, 5, 8)),
        *(SampleCell(runs=(1,) * runs, sample_luck=LARGE, shared=0.8) for runs in (3, 5)),
    ),
    "no luck shared, not paired": tuple(SampleCell(runs=(runs,), seed_luck=LARGE) for runs in (3, 5, 8)),
}
"""For comparison, and not held to the limits: claims about new training samples that one sample cannot carry, grids as they
were judged once, and what pairing gains and costs."""
