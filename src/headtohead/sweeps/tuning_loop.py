"""One command's sweep: what its studies share, and how one of them runs to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hydra.utils import get_method
from omegaconf import DictConfig
from optuna.trial import FrozenTrial

from headtohead.errors import UserError
from headtohead.evaluation.metrics import default_metric
from headtohead.hydra_io.schema import without_hydra
from headtohead.sweeps.arms.cheap_beside import beside_best, print_beside
from headtohead.sweeps.controller import Controller
from headtohead.sweeps.job_notices import Told
from headtohead.sweeps.live_table import watching
from headtohead.sweeps.space.search_space import NOT_OF_RESULTS, Space
from headtohead.sweeps.study.importance import importances_of
from headtohead.sweeps.study.study import Refused, Suggest, SweepStudy
from headtohead.sweeps.study.study_summary import print_end, write_summary
from headtohead.sweeps.study.trial_averages import averages_of
from headtohead.sweeps.sweep_jobs import Jobs
from headtohead.sweeps.sweeper_settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One command's sweep."""

    settings: Settings
    config: DictConfig
    name: str
    folder: Path
    storage: str
    jobs: Jobs
    told: Told
    refused: Refused
    """Why a trial's overrides can make no run, or None."""
    data: Mapping[str, str]
    """By arm, what rows its trials are of; empty where nothing is left to run."""

    @property
    def metric(self) -> str:
        """The validation metric that decides, and that arms are judged by."""
        return str(self.config.train.metric or default_metric(self.config.data.labels.kind))

    def study(self, name: str, folder: Path, space: Space, settings: Settings | None = None) -> SweepStudy:
        """Open a study of the sweep, with settings of its own where given."""
        return SweepStudy(
            settings or self.settings,
            space,
            name=name,
            folder=folder,
            storage=self.storage,
            metric=self.metric,
            suggest=_custom(self.settings, self.config),
            refused=self.refused,
            data=self.data.get([*name.split("/"), ""][1]),
            base={key: value for key, value in without_hydra(self.config).items() if key not in NOT_OF_RESULTS},
        )

    def tune(self, study: SweepStudy) -> None:
        """Run a study to its end."""
        try:
            with watching(study, live=self.jobs.elsewhere, told=self.told) as show:

                def watch(trial: FrozenTrial | None) -> None:
                    if trial is not None:
                        write_summary(study)
                    show(trial)

                Controller(study, self.jobs, watch).run()
        finally:
            averages = averages_of(study)
            write_summary(study, importances_of(study.study), averages)
        if not self.settings.arms and (beside := beside_best(study)):
            print_beside(beside)
        print_end(study, averages, self.metric)


def _custom(settings: Settings, config: DictConfig) -> Suggest | None:
    if settings.custom_search_space is None:
        return None
    try:
        function = get_method(settings.custom_search_space)
    except Exception as error:
        raise UserError(
            f"hydra.sweeper.custom_search_space={settings.custom_search_space} cannot be imported: {error}"
        ) from error
    return partial(function, config)
