"""One Optuna study of a sweep: opened, continued, its trials adopted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from headtohead.errors import UserError
from headtohead.internals import optuna_internals as internals
from headtohead.provenance import code_fingerprint
from headtohead.sweeps.space.override_values import assignment, label, literal
from headtohead.sweeps.space.search_space import Space
from headtohead.sweeps.study.definition import flattened, refuse_another
from headtohead.sweeps.study.pruner_client import REPORTED, Judge
from headtohead.sweeps.study.storage import open_storage, storage_errors, told_to_jobs
from headtohead.sweeps.sweeper_settings import Settings, build_pruner, build_sampler

DEFINITION = "definition.json"
EXHAUSTED = "exhausted"
"""Attribute of a study whose sampler has nothing left."""
LOST = "lost"
"""Attribute of a trial that has failed for what may be mended around it: the next command adopts it."""
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)

Suggest = Callable[[optuna.Trial], None]
"""Suggests values beyond the space, as ``custom_search_space`` does."""
Refused = Callable[[list[str]], str | None]


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
    place: int = 0
    """Which of the trial's runs."""


class SweepStudy:
    """A study with its space and folder.

    Args:
        folder: of the study; trials get folders in it.
        storage: URL.
        metric: the validation metric that ``train.metric`` means.
        suggest: values beyond the space.
        refused: returns why a trial's overrides can make no run at all, or None.
        data: fingerprint of the rows that trials are of, where it is known.
        base: what every trial's configuration starts from, as plain values.
    """

    def __init__(
        self,
        settings: Settings,
        space: Space,
        *,
        name: str,
        folder: Path,
        storage: str,
        metric: str,
        suggest: Suggest | None = None,
        refused: Refused | None = None,
        data: str | None = None,
        base: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings, self.space, self.name, self.folder, self.suggest = settings, space, name, folder, suggest
        self.storage, self._refused = storage, refused
        self.places = space.plan.places
        self.objectives = settings.objective or [f"metrics.validation.{metric}"]
        directions = settings.directions(metric)
        reported = 0 if space.plan.places else settings.reported_objective(metric)
        refuse_another(folder / DEFINITION, {**self._definition(directions), "base": flattened(base or {})})
        if settings.lists_values:
            space.grid()  # refuses intervals
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
            self.study.set_user_attr(REPORTED, reported)
            self._refuse_other("code", code_fingerprint())
            self._refuse_other("data", data)
            self.judge = Judge(name, internals.storage_of(self.study), self.study.pruner)
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

    def _refuse_other(self, what: str, now: str | None) -> None:
        """Note which code and data a study's trials are of: those of others could not be compared, and none can be continued.

        Raises:
            UserError: trials are missing, and it is another by now.
        """
        then = self.study.user_attrs.get(what)
        if now is None:
            return
        if then is None:
            self.study.set_user_attr(what, now)
        elif then != now and (self.to_start() or self.trials(TrialState.RUNNING)):
            raise UserError(
                f"{self.folder} holds trials of other {what} ({then}, now {now}): go back to it, or give the sweep another "
                "name with hydra.sweeper.study_name=<name>"
            )

    def _definition(self, directions: Sequence[str]) -> dict[str, Any]:
        """Return what a study is about: trials of another could not be compared with its own."""
        return {
            "space": self.space.described(),
            "fixed": self.space.fixed_for_results,
            "objectives": self.objectives,
            "directions": list(directions),
            "plan": self.space.plan.described(),
            "constraints": {limit.path: str(limit) for limit in self.settings.constraints},
        }

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
        """Return the completed trials of a single objective that keep to the constraints, the best first.

        Ties go to the earlier.
        """
        sign = -1.0 if self.study.direction == StudyDirection.MAXIMIZE else 1.0
        completed = [trial for trial in self.trials(TrialState.COMPLETE) if is_feasible(trial)]
        return sorted(completed, key=lambda trial: (sign * float(trial.value or 0.0), trial.number))

    def to_start(self) -> int:
        """Return how many trials have not been started yet."""
        if self.study.user_attrs.get(EXHAUSTED):
            return 0
        return max(0, self.n_trials - len(self.trials(*FINISHED, TrialState.RUNNING)))

    def ask(self) -> Job:
        """Return the first job of a new trial."""
        trial = self.study.ask()
        self._suggest(trial)
        return self.job(self.trials()[trial.number])

    def adopt(self, trial: FrozenTrial, place: int) -> Job:
        """Return the job of a run that was cut off: same number, folder and values, another attempt.

        Args:
            trial: as an earlier command or a killed job left it.
            place: of the run among the trial's.
        """
        if "overrides" not in trial.user_attrs:  # cut off before all its values were suggested
            self._suggest(internals.reopened(self.study, trial))
        self.note(trial.number, attempt=int(trial.user_attrs.get("attempt", 1)) + 1)
        if trial.user_attrs.get(LOST):
            self.note(trial.number, **{LOST: False, "reason": ""})
        return self.job(self.trials()[trial.number], place)

    def _suggest(self, trial: optuna.Trial) -> None:
        """Suggest what the trial still lacks, and keep what a person would type; what it has stays."""
        for name, distribution in self.space.distributions.items():
            internals.suggest(trial, name, distribution)
        if self.suggest:
            self.suggest(trial)
        trial.set_user_attr("overrides", [*self.space.overrides(trial.params), *self._beyond_space(trial.params)])

    def job(self, trial: FrozenTrial, place: int = 0) -> Job:
        """Return the job of one of a trial's runs."""
        own = self.places[place] if self.places else None
        attempt = int(trial.user_attrs.get("attempt", 1))
        folder = self.run_folders(trial.number)[place]
        identity = {
            "hydra.sweep.dir": str(folder.parent),
            "hydra.sweep.subdir": folder.name,
            "hydra.callbacks.trial.study": self.name,
            "hydra.callbacks.trial.storage": told_to_jobs(self.storage),
            "hydra.callbacks.trial.number": trial.number,
            "hydra.callbacks.trial.attempt": attempt,
            "hydra.callbacks.trial.seed": own and own.values.get("seed", place),
            **self.membership("trial"),
        }
        return Job(
            number=trial.number,
            attempt=attempt,
            overrides=[*trial.user_attrs["overrides"], *(own.overrides if own else [])],
            identity=[assignment(key, value) for key, value in identity.items()],
            folder=folder,
            place=place,
        )

    def membership(self, job_type: str) -> dict[str, str | None]:
        """Return what tells a job its place in the sweep, for trackers.

        Args:
            job_type: trial or confirm.
        """
        sweep, *below = self.name.split("/")
        told = {"sweep": sweep, "arm": below[0] if below else None, "job_type": job_type}
        return {f"hydra.callbacks.trial.{key}": value for key, value in told.items()}

    def _beyond_space(self, params: Mapping[str, Any]) -> list[str]:
        return [assignment(name, literal(value)) for name, value in params.items() if name not in self.space.dimensions]

    def note(self, number: int, **attributes: Any) -> None:
        """Write attributes of a trial that is not finished."""
        for name, value in attributes.items():
            internals.set_attribute(self.study, self.trials()[number], name, value)

    def lose(self, number: int) -> None:
        """Give a trial up for this command; one whose own settings are at fault has failed for good."""
        if self._refused and self._refused(self.trials()[number].user_attrs["overrides"]):
            self.tell(number, TrialState.FAIL, None)
        else:
            self.note(number, **{LOST: True})

    def tell(self, number: int, state: TrialState, values: list[float] | None) -> None:
        """Put a trial's final state into the study; a trial that has one keeps it."""
        try:
            self.study.tell(number, values, state=state, skip_if_finished=True)
        except RuntimeError:  # the brute-force sampler has nothing left, and would stop a loop of Optuna's own
            if not self.trials()[number].state.is_finished():
                raise
            self.study.set_user_attr(EXHAUSTED, True)

    def constrain(self, number: int, values: Mapping[str, float | None]) -> str:
        """Tell the samplers by how much a trial breaks the constraints; return in which way it does."""
        trial = self.trials()[number]
        broken = []
        for limit in self.settings.constraints:
            value = values.get(limit.path)
            if value is not None:
                internals.set_constraint(self.study, trial, limit.path, limit.excess(value))
                broken += [why] if (why := limit.broken_by(value)) else []
        return "; ".join(broken)

    def trial_folder(self, number: int) -> Path:
        """Return where a trial lives."""
        return self.folder / f"trial_{number:04d}"

    def run_folders(self, number: int) -> list[Path]:
        """Return where a trial's runs live: in its folder, or in one for each repetition."""
        folder = self.trial_folder(number)
        return [folder / place.folder for place in self.places] or [folder]


def has_failed(trial: FrozenTrial) -> bool:
    """Whether a trial has failed, for good or until the next command tries it again."""
    return state_in_words(trial) == "fail"


def has_ended(trial: FrozenTrial) -> bool:
    """Whether nothing more comes of a trial in this command."""
    return trial.state.is_finished() or has_failed(trial)


def state_in_words(trial: FrozenTrial) -> str:
    """Return a trial's state; one that is lost goes on for its storage, so that it keeps its number when it comes again."""
    return "fail" if trial.state == TrialState.RUNNING and trial.user_attrs.get(LOST) else trial.state.name.lower()


def is_feasible(trial: FrozenTrial) -> bool:
    """Whether a trial keeps to the constraints, as far as it got."""
    return all(amount <= 0 for amount in trial.constraints.values())
