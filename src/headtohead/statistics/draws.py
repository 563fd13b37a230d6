"""What chance decided of each run, and so what is exchangeable in an arm: seeds, training samples, or tunings.

Runs that share their training sample share its luck: three samples with three seeds each are three draws of it, not nine.
Where samples repeat, each is the mean of its runs and counts once, as a balanced nested layout is analysed by the means of
its top level. Samples with unequal numbers of runs count alike: the spread of their means is then still unbiased for the
variance of the mean over them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
from jaxtyping import Float

from headtohead.errors import UserError
from headtohead.statistics.variance import Stratum

Tables = Sequence[Float[np.ndarray, "..."]]
"""Per configuration what each unit of rows adds to each run's metric: runs x units, after any batch axes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What a run's luck comes from."""

    seed: int
    """Of initialisation, row order and dropout."""
    data_seed: int
    """Of the subset, and of the split where nothing else decides on it."""
    sample: str = ""
    """Hash of the rows it was trained on, whatever their order; where it is unknown, the data seed stands for them."""
    rows: int | None = None
    """Of that sample."""
    drawn_from: int | None = None
    """Rows that it was drawn from."""

    @property
    def training_sample(self) -> str:
        """Equal for runs that were trained on the same rows."""
        return self.sample or f"data.seed={self.data_seed}"


@dataclass(frozen=True, slots=True)
class Unit:
    """One draw that counts: a run, or the mean of several that share their luck."""

    places: tuple[tuple[int, int], ...]
    """Of its runs: number of the configuration, number of the run in it."""
    seeds: frozenset[tuple[int, int]]
    """``seed`` and ``data.seed`` of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """What an arm was trained on: the facts behind what a verdict speaks of."""

    samples: int
    """Different sets of training rows."""
    rows: int | None
    """Of each, on average."""
    drawn_from: int | None
    """Rows that they were drawn from, on average."""
    luck_in_interval: bool
    """Whether every draw that counts has a sample of its own, so that new samples are in the interval."""
    varied: tuple[str, ...]
    """Of ``seed`` and ``data.seed`` those in which runs differ."""


def alike(draws: Sequence[Sequence[Draw]]) -> Sequence[Sequence[Draw]]:
    """Return draws told apart by one measure: by data seeds, where some runs are older than the hash of their rows."""
    if all(draw.sample for own in draws for draw in own):
        return draws
    return [[replace(draw, sample="") for draw in own] for own in draws]


def sampling_of(draws: Sequence[Sequence[Draw]], *, as_method: bool) -> Sampling | None:
    """Return what is known of an arm's training samples; ``None`` where nothing is."""
    runs = [draw for configuration in draws for draw in configuration]
    if not runs:
        return None
    strata = [[_samples_in(unit, draws) for unit in stratum] for stratum in units_of(draws, as_method=as_method)]
    return Sampling(
        samples=len({draw.training_sample for draw in runs}),
        rows=_mean([draw.rows for draw in runs]),
        drawn_from=_mean([draw.drawn_from for draw in runs]),
        luck_in_interval=all(len(stratum) > 1 and not _overlap(stratum) for stratum in strata),
        varied=tuple(
            name
            for name, of in (("seed", "seed"), ("data.seed", "data_seed"))
            if len({getattr(d, of) for d in runs}) > 1
        ),
    )


def _samples_in(unit: Unit, draws: Sequence[Sequence[Draw]]) -> set[str]:
    return {draws[configuration][run].training_sample for configuration, run in unit.places}


def _overlap(units: Sequence[set[str]]) -> bool:
    return sum(map(len, units)) > len(set().union(*units))


def _mean(given: Sequence[int | None]) -> int | None:
    known = [number for number in given if number is not None]
    return round(fmean(known)) if len(known) == len(given) else None


def units_of(draws: Sequence[Sequence[Draw]], *, as_method: bool) -> list[list[Unit]]:
    """Return the strata of an arm, each the draws that are exchangeable in it.

    Of a method these are its tunings. Of given configurations they are the seeds within each, or the training samples where
    runs share some; where configurations share samples too, a sample is the mean over all of them.
    """
    places = [[(number, run) for run in range(len(own))] for number, own in enumerate(draws)]
    if as_method:
        return [[_unit(own, draws) for own in places]]
    if len(draws) > 1 and _configurations_share_samples(draws):
        return [_by_sample([place for own in places for place in own], draws)]
    return [_by_sample(own, draws) for own in places]


def _by_sample(places: Sequence[tuple[int, int]], draws: Sequence[Sequence[Draw]]) -> list[Unit]:
    samples: dict[str, list[tuple[int, int]]] = {}
    for place in places:
        samples.setdefault(_draw(place, draws).training_sample, []).append(place)
    if len(samples) == 1:  # its luck is the same for all of them, and seen in none
        return [_unit([place], draws) for place in places]
    return [_unit(own, draws) for own in samples.values()]


def _draw(place: tuple[int, int], draws: Sequence[Sequence[Draw]]) -> Draw:
    return draws[place[0]][place[1]]


def _unit(places: Sequence[tuple[int, int]], draws: Sequence[Sequence[Draw]]) -> Unit:
    own = [_draw(place, draws) for place in places]
    return Unit(tuple(places), frozenset((draw.seed, draw.data_seed) for draw in own))


def _configurations_share_samples(draws: Sequence[Sequence[Draw]]) -> bool:
    of_each = [{draw.training_sample for draw in own} for own in draws]
    return len(set().union(*of_each)) > 1 and _overlap(of_each)


def refuse_uneven_samples(arm: str, draws: Sequence[Sequence[Draw]]) -> None:
    """Refuse configurations that share some training samples and not others: they could not be averaged over.

    Raises:
        UserError: naming a configuration and what it lacks.
    """
    if len(draws) < 2 or not _configurations_share_samples(draws):
        return
    of_each = [{draw.data_seed: draw.training_sample for draw in own} for own in draws]
    whole = {sample: seed for own in of_each for seed, sample in own.items()}
    for number, own in enumerate(of_each, start=1):
        if lacking := sorted(seed for sample, seed in whole.items() if sample not in own.values()):
            raise UserError(
                f"arm {arm!r}: configuration {number} of {len(draws)} was trained on some of the samples of the others and not "
                f"on data.seed={', '.join(map(str, lacking))}: give every configuration the same data seeds, or each its own"
            )


def strata_of(units: Sequence[Sequence[Unit]], tables: Tables, weight: float) -> list[Stratum]:
    """Return an arm's tables of shares as strata of exchangeable draws.

    Args:
        units: Of the arm.
        tables: Of each configuration.
        weight: Of the arm's mean in the difference; its strata share it.
    """
    return [Stratum(np.stack(list(_means(stratum, tables)), axis=-2), weight / len(units)) for stratum in units]


def _means(stratum: Sequence[Unit], tables: Tables) -> Iterator[np.ndarray]:
    for unit in stratum:
        yield np.mean([tables[configuration][..., run, :] for configuration, run in unit.places], axis=0)
