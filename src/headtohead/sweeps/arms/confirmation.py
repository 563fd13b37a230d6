"""The best configuration of an arm, trained again on fresh seeds; only these runs read the test split.

Of several that stand for champion the best on seeds of their own is taken, and then trained on further ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from headtohead.comparisons.finished_run import held_out_seed
from headtohead.errors import UserError
from headtohead.launching import forgive
from headtohead.results import read_record, run_folder
from headtohead.sweeps.arms.arm_lists import FIRST_CHOOSING_SEED, FIRST_FRESH_SEED
from headtohead.sweeps.job_notices import Told
from headtohead.sweeps.slots import run_jobs
from headtohead.sweeps.space.override_values import assignment
from headtohead.sweeps.study.outcome import Outcome, Wanted, ended, may_try_again, recorded_outcome
from headtohead.sweeps.study.study import Job, SweepStudy, has_failed
from headtohead.sweeps.sweep_jobs import Jobs

FINAL = ("evaluate.test=true", "evaluate.baselines=false", "export.form=none")
CHOOSING = ("evaluate.test=false", *FINAL[1:])


def winners(study: SweepStudy, top_k: int) -> list[FrozenTrial]:
    """Return the best completed trials by validation, ties to the earlier.

    Raises:
        UserError: none has completed.
    """
    ranked = study.ranked()
    if not ranked:
        reasons = [str(trial.user_attrs.get("reason")) for trial in study.trials() if has_failed(trial)]
        raise UserError(
            f"no trial of {study.name} has completed, so there is nothing to confirm"
            + (f"; the latest failed with: {reasons[-1]}" if reasons else "")
        )
    return ranked[:top_k]


def champion(study: SweepStudy, confirmed: Mapping[int, Sequence[Job]]) -> int:
    """Return the trial that is best by validation over the seeds that choose; ties go to the better ranked.

    The test split has no part in it: what is judged there was chosen without it.

    Args:
        study: they belong to.
        confirmed: number of a trial to its completed jobs, the best ranked first.
    """
    sign = 1.0 if study.study.direction == StudyDirection.MAXIMIZE else -1.0
    return max(confirmed, key=lambda number: sign * _mean_value(confirmed[number], study.settings.objective))


def _mean_value(jobs: Sequence[Job], objectives: list[str]) -> float:
    outcomes = [recorded_outcome(job.folder, Wanted(objectives=objectives)) for job in jobs]
    return fmean(outcome.values[0] for outcome in outcomes if outcome and outcome.values)


def confirmation_jobs(
    study: SweepStudy, trial: FrozenTrial, seeds: int, *, tuning: int = 1, fresh_samples: bool = False
) -> list[Job]:
    """Return the jobs that train a trial's configuration on fresh seeds and score the test splits.

    Args:
        study: it was chosen in.
        trial: whose configuration it is.
        seeds: how many.
        tuning: number of the tuning, each of which has fresh seeds of its own: shared luck would not show.
        fresh_samples: whether each also draws training rows of its own, from those that are not held out.
    """
    first = FIRST_FRESH_SEED * tuning
    return _jobs(study, trial, "confirm", range(first, first + seeds), FINAL, fresh_samples=fresh_samples)


def choosing_jobs(
    study: SweepStudy, trial: FrozenTrial, seeds: int, *, tuning: int = 1, fresh_samples: bool = False
) -> list[Job]:
    """Return the jobs by which a trial's configuration stands for champion, as ``confirmation_jobs`` does.

    Their seeds are none of those that are judged, and they leave the test splits alone: a seed that is good on validation
    is good on test, and a champion judged on the seeds that chose it would look better than it is.
    """
    first = FIRST_FRESH_SEED * tuning + FIRST_CHOOSING_SEED
    return _jobs(study, trial, "choose", range(first, first + seeds), CHOOSING, fresh_samples=fresh_samples)


def _jobs(
    study: SweepStudy, trial: FrozenTrial, what: str, seeds: Iterable[int], final: Sequence[str], *, fresh_samples: bool
) -> list[Job]:
    jobs = []
    held_out = _held_out(study, trial) if fresh_samples else None
    for seed in seeds:
        sample = [] if held_out is None else [f"data.seed={seed}", f"data.split.seed={held_out}"]
        own = [f"seed={seed}", *sample, *final]
        decided = {line.partition("=")[0] for line in own}
        kept = [line for line in trial.user_attrs["overrides"] if line.partition("=")[0].lstrip("+") not in decided]
        folder = study.folder / f"{what}_{trial.number:04d}_{'sample' if fresh_samples else 'seed'}_{seed}"
        place = {"hydra.sweep.dir": str(folder.parent), "hydra.sweep.subdir": folder.name}
        identity = {**place, **study.membership("confirm")}
        jobs.append(
            Job(
                number=seed,
                attempt=1,
                overrides=[*kept, *own],
                identity=[assignment(key, value) for key, value in identity.items()],
                folder=folder,
            )
        )
    return jobs


def _held_out(study: SweepStudy, trial: FrozenTrial) -> int:
    """Return the seed of the rows that a trial held out, which runs that draw other training rows hold out too."""
    folder = study.run_folders(trial.number)[0]
    return held_out_seed(read_record(folder / run_folder.RECORD).config)


def run_all(todo: Sequence[Job], jobs: Jobs, max_retries: int, told: Told) -> None:
    """Run jobs that have not completed yet, each to its end, and say of each that it has.

    Raises:
        UserError: one fails by itself, or is killed more than ``max_retries`` times.
    """
    left = deque(job for job in todo if not _is_complete(recorded_outcome(job.folder, Wanted())))
    over = len(todo) - len(left)
    for job in left:
        forgive(job.folder)

    def ended_job(job: Job, error: BaseException | None) -> Job | None:
        nonlocal over
        outcome = ended(job.folder, Wanted(), error)
        if may_try_again(outcome, job.folder, max_retries):
            return replace(job, attempt=job.attempt + 1)
        over += 1
        words = "; ".join(filter(None, [_in_words(outcome), told.ended([job.folder])]))
        print(f"[{over}/{len(todo)}] {job.folder.parent.name}/{job.folder.name}: {words}", flush=True)
        return None

    run_jobs(jobs, lambda: left.popleft() if left else None, ended_job)
    for job in todo:
        _require(job, recorded_outcome(job.folder, Wanted()))


def _in_words(outcome: Outcome) -> str:
    value = f", validation {outcome.values[0]:.4f}" if outcome.values else ""
    seconds = f", {outcome.seconds:.0f} s" if outcome.seconds is not None else ""
    return f"{outcome.state.name.lower()}{value}{seconds}" + (f" ({outcome.reason})" if outcome.reason else "")


def _is_complete(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.state == TrialState.COMPLETE


def _require(job: Job, outcome: Outcome | None) -> None:
    if not _is_complete(outcome):
        why = outcome.reason if outcome else "it was killed"
        raise UserError(f"the confirming run {job.folder} did not complete: {why}. The same command tries again")
