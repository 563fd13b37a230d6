"""Writing: what a library says of a full disk is an OSError, whichever language the library is written in."""

import errno
import os
import resource
import signal
import stat
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from command_line import CommandLine, in_child, write_rows
from headtohead import atomic, tasks
from headtohead.config import Config
from headtohead.errors import UserError
from tiny_runs import config_of


def test_weights_that_do_not_fit_on_the_disk(tmp_path: Path):
    """A limit on the size of files stands for a full disk: the system refuses the same write."""

    def write() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(OSError, match="File too large") as caught, atomic.new_file(tmp_path / "weights") as file:
            save_file({"weight": torch.zeros(1000)}, file)
        assert caught.value.errno == errno.EFBIG

    assert in_child(write) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [atomic.new_file, atomic.new_folder])
def test_a_full_disk_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], AbstractContextManager[Path]]
):
    def full(config: Config, folder: Path, *rest: object) -> None:
        with write(folder / "trained"):
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("headtohead.runs.lifecycle.train", full)
    with pytest.raises(UserError, match=r"no disk space left in .*trained"):
        tasks.perform(config_of(), tmp_path, [], fingerprint="test")


def test_other_errors_stay_what_they_are(tmp_path: Path):
    with pytest.raises(SafetensorError), atomic.new_file(tmp_path / "weights"):
        raise SafetensorError("invalid header")


def modes(folder: Path) -> dict[str, int]:
    """Return the permissions of everything below a folder."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in sorted(folder.rglob("*"))}


def with_umask(umask: int, action: Callable[[], object]) -> int:
    """Run an action in a process of its own, whose umask concerns no other test."""

    def act() -> None:
        os.umask(umask)
        action()

    return in_child(act)


def write_privately(folder: Path) -> None:
    """Write as safetensors and Python's tempfile do: for the owner alone."""
    save_file({"weight": torch.zeros(2)}, folder / "weights.safetensors")
    (folder / "private").mkdir(mode=0o700)
    tempfile.mkstemp(dir=folder / "private", prefix="state")
    (folder / "private" / "script").touch(mode=0o700)
    (folder / "private" / "text").write_text("plain")


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o002, 0o077])
def test_who_may_read_is_the_umasks_to_say(tmp_path: Path, umask: int) -> None:
    outside = tmp_path / "outside"
    outside.touch(mode=0o600)

    def write() -> None:
        with atomic.new_file(tmp_path / "out" / "weights") as file:
            save_file({"weight": torch.zeros(2)}, file)
        with atomic.new_folder(tmp_path / "out" / "folder") as folder:
            write_privately(folder)
            (folder / "link").symlink_to(outside)

    assert with_umask(umask, write) == 0
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600  # what a link leads to is another's
    found = modes(tmp_path / "out")
    assert found.pop("folder/link") == 0o600
    for name, mode in found.items():
        may_run = (tmp_path / "out" / name).is_dir() or name.endswith("script")
        assert mode == (0o777 if may_run else 0o666) & ~umask, name


def test_threads_that_write_at_once_leave_the_umask_alone(tmp_path: Path) -> None:
    """One that looked at the umask by setting it would let files of other threads be written with none."""

    def write(number: int) -> None:
        with atomic.new_file(tmp_path / f"weights-{number}") as file:
            save_file({"weight": torch.zeros(2)}, file)
        with atomic.new_folder(tmp_path / f"folder-{number}") as folder:
            save_file({"weight": torch.zeros(2)}, folder / "weights")
        os.close(os.open(tmp_path / f"plain-{number}", os.O_CREAT, 0o666))

    def write_all() -> None:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(write, range(200)))
        assert os.umask(0) == 0o027

    assert with_umask(0o027, write_all) == 0
    found = modes(tmp_path)
    assert len(found) == 200 * 4
    assert {mode for name, mode in found.items() if "/" in name or not name.startswith("folder")} == {0o640}


@pytest.mark.slow  # a run with its export and a sweep in two processes of jobs, under each umask
@pytest.mark.parametrize("umask", [0o022, 0o027])
def test_a_group_reads_all_of_runs_sweeps_exports_and_caches(tmp_path: Path, umask: int) -> None:
    rows = write_rows(tmp_path / "rows.jsonl")
    own = CommandLine(outputs=tmp_path / "made" / "out", cache=tmp_path / "made" / "cache", rows=rows)
    quick = ["evaluate.resamples=100", "evaluate.baselines=false", "lora=r8", "lora.rank=2"]

    def work() -> None:
        own("train.checkpoint_seconds=0", "paths.keep_checkpoints=true", *quick)
        own("-m", "hydra/launcher=local", "seed=1,2", "export.form=none", *quick)
        own("model=tfidf", "evaluate.resamples=100")

    assert with_umask(umask, work) == 0
    found = modes(tmp_path / "made")
    assert {Path(name).suffix for name in found} >= {".safetensors", ".json", ".parquet", ".html", ".journal", ".log"}
    wrong = {
        name: oct(mode)
        for name, mode in found.items()
        if mode != (0o777 if (tmp_path / "made" / name).is_dir() else 0o666) & ~umask
    }
    assert wrong == {}
