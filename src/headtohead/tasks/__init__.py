"""What can be done: each task composes the layers below."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from headtohead.config import Config
from headtohead.console.status_lines import doing, is_main_process
from headtohead.errors import DiskFull, Diverged, UserError, is_disk_full, is_out_of_memory
from headtohead.quiet import quiet_bitsandbytes
from headtohead.results import winner_of

if TYPE_CHECKING:
    from headtohead.runs.run import SweepLink
    from headtohead.tracking import Membership

quiet_bitsandbytes()  # here, since every process that does a task imports this first

LOADING = "loading PyTorch and Transformers"


def perform(
    config: Config,
    folder: Path,
    given: list[str],
    *,
    fingerprint: str,
    sweep: SweepLink | None = None,
    membership: Membership | None = None,
) -> float | None:
    """Do the configured task; a training run returns its validation objective.

    Args:
        folder: where a training run lives, or where a task that reads a run writes.
        given: the overrides of the command line, which may not contradict a run that is read.
        fingerprint: hash of the configuration.
        sweep: hears of a trial's evaluations, and may stop it.
        membership: what the run is within a sweep.

    Raises:
        UserError: whatever the user can mend.
        Diverged: non-finite numbers; never a class, never a finite objective.
    """
    try:
        if config.task.name == "train":
            with doing(LOADING, is_told=is_main_process()):
                from headtohead.runs.lifecycle import train

            value = train(config, folder, fingerprint, sweep, membership).objective.get("value")
            return float(value) if value is not None else None
        _perform(config, folder, given)
        return None
    except (UserError, Diverged):
        raise
    except Exception as error:
        if is_disk_full(error):
            where = getattr(error, "filename", None) or folder
            raise DiskFull(f"no disk space left in {where}: free some and run the same command again") from error
        if is_out_of_memory(error):  # where no step of training or scoring could take less and go on
            raise UserError(
                f"out of memory: take a smaller model or smaller prompt.max_tokens ({str(error).splitlines()[0]})"
            ) from error
        raise


def say_next(folder: Path) -> None:
    """Print what to type after a training run that is over, unless another process does."""
    if is_main_process():
        from headtohead.runs.next_steps import print_next

        print_next(folder)


def _perform(config: Config, folder: Path, given: list[str]) -> None:
    """Do a task that reads finished runs."""
    if config.task.name == "compare":
        from headtohead.tasks.compare import compare_runs

        compare_runs(config.compare, folder)
        return
    with redirect_stdout(sys.stderr), doing(LOADING):  # the standard output may be for answers
        from headtohead.classifiers.reload import read_run, refuse_contradictions

    assert config.run is not None
    run = winner_of(Path(config.run))
    if run != Path(config.run):
        print(f"run={config.run}: the winner is {run}", flush=True)
    config = replace(config, run=str(run))
    refuse_contradictions(config, read_run(run)[1], given)
    match config.task.name:
        case "evaluate":
            from headtohead.tasks.evaluate import evaluate_run

            evaluate_run(config, folder)
        case "predict":
            from headtohead.tasks.predict import predict

            predict(config, given)
        case "export":
            from headtohead.runs.run_export import export_again

            export_again(config)
        case _:
            raise AssertionError(config.task.name)
