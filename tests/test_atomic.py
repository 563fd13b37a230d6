"""Writing: what a library says of a full disk is an OSError, whichever language the library is written in."""

import errno
import resource
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from command_line import in_child
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
