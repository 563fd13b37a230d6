"""What a kill is held against: the job that was alone, at first none of those that were together, never one that waited."""

from __future__ import annotations

from pathlib import Path

import pytest

from headtohead.launching import KilledJob
from headtohead.launching.lost_jobs import Losses, forgive, losses_of, note_loss
from headtohead.sweeps.study.outcome import Wanted, ended, may_try_again


def test_losses_are_counted_in_the_jobs_folder(tmp_path: Path) -> None:
    assert losses_of(tmp_path) == Losses()
    assert note_loss(tmp_path, "waiting") == Losses()
    assert not losses_of(tmp_path).is_suspect
    note_loss(tmp_path, "together")
    assert losses_of(tmp_path) == Losses(together=1)
    assert losses_of(tmp_path).is_suspect
    note_loss(tmp_path, "alone")
    assert losses_of(tmp_path) == Losses(alone=1, together=1)


def test_what_is_forgiven_is_a_suspect_still(tmp_path: Path) -> None:
    forgive(tmp_path)
    assert not losses_of(tmp_path).is_suspect
    note_loss(tmp_path, "alone")
    forgive(tmp_path)
    assert losses_of(tmp_path).alone == 0
    assert losses_of(tmp_path).is_suspect


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_only_what_a_job_does_alone_is_charged(tmp_path: Path, retries: int) -> None:
    def dies(company: str) -> bool:
        outcome = ended(tmp_path, Wanted(), KilledJob("killed", company))  # type: ignore[arg-type]
        return may_try_again(outcome, tmp_path, retries)

    assert all(dies(company) for company in ("waiting", "together", "waiting") * 3)
    assert [dies("alone") for _ in range(retries + 1)] == [True] * retries + [False]


def test_a_job_that_fails_by_itself_is_not_started_again(tmp_path: Path) -> None:
    assert not may_try_again(ended(tmp_path, Wanted(), RuntimeError("does not work")), tmp_path, 5)
    assert losses_of(tmp_path) == Losses()
