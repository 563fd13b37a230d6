"""A study's journal stays readable whatever a disk or a kill does to its last line."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from headtohead.sweeps.study.journal import TAIL, Journal


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: a write takes what fits, then fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def lines_of(path: Path) -> list[dict[str, object]]:
    return list(JournalFileBackend(str(path)).read_logs(0))


def test_a_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "study.journal")
    journal.append_logs([{"a": 1}])
    before = (tmp_path / "study.journal").read_bytes()
    with at_most(len(before) + 5), pytest.raises(OSError, match="File too large"):
        journal.append_logs([{"b": 2}])
    assert (tmp_path / "study.journal").read_bytes() == before
    journal.append_logs([{"c": 3}])
    assert lines_of(tmp_path / "study.journal") == [{"a": 1}, {"c": 3}]


def test_optunas_own_backend_does_not(tmp_path: Path) -> None:
    """Why ours exists: the day this fails, it can go."""
    path = tmp_path / "study.journal"
    theirs = JournalFileBackend(str(path))
    theirs.append_logs([{"a": 1}])
    with at_most(path.stat().st_size + 5), pytest.raises(OSError, match="File too large"):
        theirs.append_logs([{"b": 2}])
    theirs.append_logs([{"c": 3}])
    theirs.append_logs([{"d": 4}])
    with pytest.raises(ValueError, match="Expecting"):
        lines_of(path)


@given(cut=st.binary(max_size=200).filter(lambda cut: b"\n" not in cut))
def test_half_a_line_is_cut_off(tmp_path_factory: pytest.TempPathFactory, cut: bytes) -> None:
    path = tmp_path_factory.mktemp("journal") / "study.journal"
    Journal(path).append_logs([{"a": "x" * TAIL}, {"b": 2}])
    with path.open("ab") as file:
        file.write(cut)
    Journal(path).append_logs([{"c": 3}])
    assert [list(line) for line in lines_of(path)] == [["a"], ["b"], ["c"]]


def test_a_file_without_a_whole_line_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    path.write_bytes(b"x" * (3 * TAIL))
    Journal(path).append_logs([{"a": 1}])
    assert lines_of(path) == [{"a": 1}]


def test_optuna_reads_a_study_in_it(tmp_path: Path) -> None:
    study = optuna.create_study(storage=JournalStorage(Journal(tmp_path / "study.journal")), study_name="own")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    theirs = optuna.load_study(
        study_name="own", storage=JournalStorage(JournalFileBackend(str(tmp_path / "study.journal")))
    )
    assert [trial.params for trial in theirs.trials] == [trial.params for trial in study.trials]
