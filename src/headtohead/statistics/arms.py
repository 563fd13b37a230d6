"""What is compared: arms of runs that were all scored on the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from headtohead.errors import UserError
from headtohead.evaluation.resampling import independent_units
from headtohead.results import Predictions
from headtohead.statistics.draws import Draw, Sampling, Unit, sampling_of, units_of
from headtohead.statistics.folds import FoldPlan
from headtohead.statistics.unit_shares import unit_shares

METHOD_TUNINGS = 3
"""Independent tunings per arm from which on a verdict speaks of methods; fewer show no spread of tuning luck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Runs of one side of a comparison, by configuration; runs of one configuration differ in their seeds alone."""

    name: str
    configurations: Sequence[Sequence[Predictions]]
    """One split's predictions of every run. Several configurations are averaged, each with the same weight."""
    tuned: bool = False
    """Each configuration is what an independent tuning of this arm chose (not a list somebody made)."""
    trials: int | None = None
    """Trials each configuration was chosen from; ``None`` where nobody chose."""
    folders: Sequence[str] = ()
    """Where each of ``runs`` lies, if they lie in folders: errors name it."""
    draws: Sequence[Sequence[Draw]] = ()
    """Per configuration and run its seeds and training sample; empty where they are unknown, and each run counts."""
    plan: FoldPlan | None = None
    """Of a cross-validation: each entry of ``configurations`` then is a repetition, whose runs are its pooled folds."""

    @property
    def runs(self) -> list[Predictions]:
        """All runs."""
        return [run for configuration in self.configurations for run in configuration]

    def named_run(self, number: int) -> str:
        """Return what an error may call one of ``runs``, counted from one."""
        where = f" ({self.folders[number - 1]})" if self.folders else ""
        return f"run {number} of arm {self.name!r}{where}"

    @property
    def can_speak_of_method(self) -> bool:
        """Whether tuning luck can be told from the method: three independent tunings or more."""
        return self.tuned and len(self.configurations) >= METHOD_TUNINGS

    def units(self, *, as_method: bool = False) -> list[list[Unit]]:
        """Return what is exchangeable, by stratum: seeds, training samples, or tunings of a method."""
        unknown = [[Draw(seed=seed, data_seed=0) for seed in range(len(own))] for own in self.configurations]
        return units_of(self.draws or unknown, as_method=as_method)

    @property
    def sampling(self) -> Sampling | None:
        """What it was trained on; ``None`` where that is unknown."""
        return sampling_of(self.draws, as_method=self.can_speak_of_method)

    @property
    def is_single_run(self) -> bool:
        """Whether a configuration has one run only, so that luck of the seed cannot be seen."""
        return self.plan is None and any(len(stratum) == 1 for stratum in self.units())

    @property
    def trainings(self) -> int:
        """Models that were trained."""
        return len(self.runs) * (self.plan.folds if self.plan else 1)

    @property
    def spare_runs(self) -> int:
        """Draws beyond the first of each stratum: the degrees of freedom of the luck of seeds, or of training samples."""
        return sum(len(stratum) - 1 for stratum in self.units())

    @property
    def drawn(self) -> str:
        """What its draws are: ``runs``, or ``training samples`` where each has one of its own."""
        return "training samples" if self.sampling and self.sampling.luck_in_interval else "runs"

    def described(self, *, as_method: bool = False) -> str:
        """Return what a sentence may call this arm."""
        if as_method:
            return self.name
        if self.plan:
            return f"{self.name}, tuned by {self.trials} trials in every fold" if self.trials else self.name
        chosen = f"{self.name}'s best of {self.trials} trials" if self.trials else self.name
        return f"the one run of {chosen}" if len(self.runs) == 1 else chosen


def refuse_unequal_rows(arms: Sequence[Arm]) -> None:
    """Refuse runs that were not all scored on the same rows in the same order.

    Raises:
        UserError: naming the first run that differs, and in what.
    """
    reference, where = None, ""
    for arm, number, run in numbered_runs(arms):
        here = arm.named_run(number)
        if reference is None:
            reference, where = run, here
            if len(run) < 2:
                raise UserError(f"{here} holds {len(run)} rows; a comparison needs two or more")
            if independent_units(run.group).max() == 0:
                raise UserError(
                    f"the {len(run):,} rows of {here} are all of one group, which counts as one observation: intervals need "
                    "rows of two groups or more"
                )
        difference = _difference(run, reference)
        if difference:
            raise UserError(f"{here} and {where} cannot be compared: {difference}")


def numbered_runs(arms: Sequence[Arm]) -> Iterator[tuple[Arm, int, Predictions]]:
    """Yield every run with its arm and its number in it, from one."""
    for arm in arms:
        for number, run in enumerate(arm.runs, start=1):
            yield arm, number, run


def _difference(one: Predictions, other: Predictions) -> str | None:
    if (one.labels.kind, one.labels.names, one.labels.values) != (
        other.labels.kind,
        other.labels.names,
        other.labels.values,
    ):
        return f"their labels differ ({_few(one.labels.names)} and {_few(other.labels.names)})"
    if len(one) != len(other):
        return f"they were scored on {len(one)} and {len(other)} rows; give runs with the same data, split and subset"
    for column, what in (("row_id", "row ids"), ("text_hash", "texts"), ("gold", "gold answers"), ("group", "groups")):
        differs = np.any((getattr(one, column) != getattr(other, column)).reshape(len(one), -1), axis=1)
        if differs.any():
            row = int(np.argmax(differs))
            return f"{int(differs.sum())} of {len(one)} rows have other {what}, first row {one.row_id[row]!r}"
    return None


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def shares_of(arm: Arm, metric: str) -> list[Float[np.ndarray, "_ units"]]:
    """Return per configuration what each unit of rows adds to each run's metric.

    Raises:
        UserError: the metric is undefined for a run (kappa where all rows and all answers are of one label).
    """
    tables = [
        np.stack([unit_shares(run, metric) for run in configuration], axis=0) for configuration in arm.configurations
    ]
    defined = np.concatenate([np.isfinite(table).all(axis=1) for table in tables])
    if not defined.all():
        which = arm.named_run(int(np.argmin(defined)) + 1)
        raise UserError(
            f"{metric} is undefined for {which} on these rows; compare another metric, or leave the run out"
        )
    return tables
