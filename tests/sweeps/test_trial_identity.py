"""A job's place in its sweep: told where Hydra 1.3 and 1.4 let a job differ from its sweep, and read back unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from command_line import ROOT, CommandLine, write_rows
from headtohead.hydra_io import schema  # noqa: F401 - its resolvers
from headtohead.sweeps.study.trial_link import membership_of, trial_of
from made_up_sweeps import study_in


def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("config", overrides=list(overrides), return_hydra_config=True).hydra


@pytest.mark.parametrize("seeds", [None, [3, 4]])
def test_a_job_differs_from_its_sweep_in_neither_sweeper_nor_launcher(tmp_path: Path, seeds: list[int] | None) -> None:
    """Hydra 1.4 refuses one that does. What the job is told comes back."""
    study = study_in(tmp_path, "lora.rank=2,4", seeds=seeds)
    sweep, job = composed(), study.ask()
    own = composed(*job.overrides, *job.identity)
    assert (own.sweeper, own.launcher) == (sweep.sweeper, sweep.launcher)
    trial, place = trial_of(own), membership_of(own)
    assert trial
    assert place
    assert (trial.study, trial.number, trial.seed) == ("made-up", 0, seeds and seeds[0])
    assert (place.sweep, place.trial, place.attempt, place.job_type) == ("made-up", 0, 1, "trial")


def test_what_is_no_job_of_a_sweep_has_no_place_in_one() -> None:
    own = composed()
    assert trial_of(own) is None
    assert membership_of(own) is None


@pytest.mark.slow  # sweeps in new Pythons
@pytest.mark.parametrize(
    "how", ["hydra/launcher=basic", "hydra/launcher=local", "hydra/launcher=fused", "hydra/sweeper=basic"]
)
def test_a_sweep_runs_with_the_hydra_that_is_installed(tmp_path: Path, cache: Path, how: str) -> None:
    rows, out = write_rows(tmp_path / "rows.jsonl"), tmp_path / "out"
    line = CommandLine(outputs=out, cache=cache, rows=rows)
    quick = ["evaluate.resamples=100", "evaluate.baselines=false", "export.form=none"]
    done = line.in_new_python("-m", how, "lora.rank=2,4", *quick)
    assert "must be configured before the sweep starts" not in done.stdout + done.stderr
    assert "UserWarning" not in done.stderr
    assert len(list(out.rglob("predictions.parquet"))) == 2
