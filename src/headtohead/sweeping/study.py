"""One Optuna study of a sweep: opened, continued, its trials adopted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from headtohead import atomic
from headtohead.errors import UserError
from headtohead.sweeping.overrides import assignment, label, literal
from headtohead.sweeping.settings import Settings, build_pruner, build_sampler
from headtohead.sweeping.space import Space
from headtohead.sweeping.storage import open_storage, storage_errors, told_to_jobs

DEFINITION = "definition.json"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)

Suggest = Callable[[optuna.Trial], None]
"""Suggests values beyond the space, as ``custom_search_space`` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A trial as it is launched."""

    number: int
    attempt: int
    overrides: list[str]
    """Of the task: what a person would type."""
    identity: list[str]
    """Tells the job which trial it is, and where: literal folders, so that no resolver splits a sweep."""
    folder: Path


class SweepStudy:
    """A study with its space and folder.

    Args:
        folder: of the study; trials get folders in it.
        storage: URL.
        suggest: values beyond the space.
    """

    def __init__(
        self,
        settings: Settings,
        space: Space,
        *,
        name: str,
        folder: Path,
        storage: str,
        directions: Sequence[str],
        suggest: Suggest | None = None,
    ) -> None:
        self.settings, self.space, self.name, self.folder, self.suggest = settings, space, name, folder, suggest
        self.storage = storage
        _refuse_another(folder / DEFINITION, space, directions)
        with storage_errors(storage):
            backend = open_storage(storage)
            known = {summary.study_name: summary.n_trials for summary in optuna.get_all_study_summaries(backend)}
            self.study = optuna.create_study(
                study_name=name,
                storage=backend,
                sampler=build_sampler(settings, known.get(name, 0)),
                pruner=build_pruner(settings.pruner),
                directions=[StudyDirection[direction.upper()] for direction in directions],
                load_if_exists=True,
            )
            self._claim_name()
        self._enqueue()

    def _claim_name(self) -> None:
        """Note whose study this is: a database holds those of many folders, and their trials must not mix.

        Raises:
            UserError: it is another folder's.
        """
        if self.settings.storage in (None, "auto"):  # a file of its own, which moves with the folder
            return
        owner = self.study.user_attrs.get("folder")
        if owner is None:
            self.study.set_user_attr("folder", str(self.folder))
        elif owner != str(self.folder):
            raise UserError(
                f"the storage holds a study {self.name} already, of the sweep in {owner}; give this one another name: "
                "hydra.sweeper.study_name=<name>"
            )

    def _enqueue(self) -> None:
        """Queue what was asked for, and a grid's points, unless they were queued by an earlier command."""
        for given in self.settings.enqueue:
            self.study.enqueue_trial(
                {key.lstrip("+"): label(literal(value)) for key, value in given.items()}, skip_if_exists=True
            )
        for point in self.space.grid() if self.settings.is_grid else []:
            self.study.enqueue_trial(point, skip_if_exists=True)

    @property
    def n_trials(self) -> int:
        """Trials in all."""
        return len(self.space.grid()) if self.settings.is_grid else self.settings.n_trials

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Return the trials in some states, or all."""
        return self.study.get_trials(deepcopy=False, states=states or None)

    def ranked(self) -> list[FrozenTrial]:
        """Return the completed trials of a single objective, the best first, ties to the earlier."""
        sign = -1.0 if self.study.direction == StudyDirection.MAXIMIZE else 1.0
        completed = self.trials(TrialState.COMPLETE)
        return sorted(completed, key=lambda trial: (sign * float(trial.value or 0.0), trial.number))

    def to_start(self) -> int:
        """Return how many trials have not been started yet."""
        return max(0, self.n_trials - len(self.trials(*FINISHED, TrialState.RUNNING)))

    def adopt(self, trial: FrozenTrial) -> Job:
        """Return the job of a trial that an earlier command left: same number, folder and values, another attempt."""
        attempt = int(trial.user_attrs.get("attempt", 0)) + 1
        return self._job(optuna.Trial(self.study, trial._trial_id), attempt)

    def ask(self) -> Job:
        """Return the job of a new trial."""
        return self._job(self.study.ask(), 1)

    def _job(self, trial: optuna.Trial, attempt: int) -> Job:
        """Suggest what the trial still lacks; what it has stays."""
        for name, distribution in self.space.distributions.items():
            trial._suggest(name, distribution)
        if self.suggest:
            self.suggest(trial)
        overrides = [*self.space.overrides(trial.params), *self._beyond_space(trial.params)]
        trial.set_user_attr("attempt", attempt)
        trial.set_user_attr("overrides", overrides)
        folder = self.trial_folder(trial.number)
        identity = {
            "hydra.sweep.dir": str(folder.parent),
            "hydra.sweep.subdir": folder.name,
            "hydra.sweeper.trial.study": self.name,
            "hydra.sweeper.trial.storage": told_to_jobs(self.storage),
            "hydra.sweeper.trial.number": trial.number,
            "hydra.sweeper.trial.attempt": attempt,
            **self.membership("trial"),
        }
        return Job(
            number=trial.number,
            attempt=attempt,
            overrides=overrides,
            identity=[assignment(key, value) for key, value in identity.items()],
            folder=folder,
        )

    def membership(self, job_type: str) -> dict[str, str | None]:
        """Return what tells a job its place in the sweep, for trackers.

        Args:
            job_type: trial or confirm.
        """
        sweep, *below = self.name.split("/")
        told = {"sweep": sweep, "arm": below[0] if below else None, "job_type": job_type}
        return {f"hydra.sweeper.trial.{key}": value for key, value in told.items()}

    def _beyond_space(self, params: Mapping[str, Any]) -> list[str]:
        return [assignment(name, literal(value)) for name, value in params.items() if name not in self.space.dimensions]

    def note(self, number: int, **attributes: Any) -> None:
        """Write attributes of a trial that is not finished."""
        backend = self.study._storage
        for name, value in attributes.items():
            backend.set_trial_user_attr(self.trials()[number]._trial_id, name, value)

    def trial_folder(self, number: int) -> Path:
        """Return where a trial's run lives."""
        return self.folder / f"trial_{number:04d}"


def _refuse_another(path: Path, space: Space, directions: Sequence[str]) -> None:
    """Write what the study is about, or refuse to continue one about something else.

    Raises:
        UserError: with the difference.
    """
    now: dict[str, Any] = {"space": space.described(), "fixed": sorted(space.fixed), "directions": list(directions)}
    if not path.exists():
        atomic.write_json(path, now)
        return
    then = json.loads(path.read_text(encoding="utf-8"))
    if then == now:
        return
    lines = [
        f"  {name}: was {then['space'].get(name, 'not varied')}, is {now['space'].get(name, 'not varied')}"
        for name in sorted({*then["space"], *now["space"]})
        if then["space"].get(name) != now["space"].get(name)
    ]
    lines += [f"  no longer given: {line}" for line in then["fixed"] if line not in now["fixed"]]
    lines += [f"  newly given: {line}" for line in now["fixed"] if line not in then["fixed"]]
    if then["directions"] != now["directions"]:
        lines.append(f"  direction: was {then['directions']}, is {now['directions']}")
    raise UserError(
        f"{path.parent} holds a sweep over another space; its trials and new ones could not be compared:\n"
        + "\n".join(lines)
        + "\nGo back to it, or give the new sweep a name: hydra.sweeper.study_name=<name>"
    )
