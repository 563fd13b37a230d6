"""The hub: a snapshot is whole or not used, and what cannot be had says why."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from headtohead.config.source import SourceConfig
from headtohead.errors import UserError
from headtohead.sources import fetch
from sources.made_up_hub import COMMIT, REPO, Hub, serving

FILES = {
    "data/train-00000-of-00001.jsonl": b'{"text": "a"}\n',
    "data/test.jsonl": b'{"text": "b"}\n',
    "README.md": b"#",
}
SOURCE = SourceConfig(kind="hub", name=REPO)
PATTERNS = ["data/*.jsonl"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    with serving(FILES) as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", running.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield running


def disconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/{revision}/{filename}")


def test_a_snapshot_is_fetched_in_part_and_its_commit_recorded(hub: Hub, tmp_path: Path) -> None:
    fetched = fetch(SOURCE, tmp_path, setting="data.source", patterns=PATTERNS)
    assert fetched.revision == COMMIT
    assert fetched.path.is_relative_to(tmp_path)
    found = {p.relative_to(fetched.path).as_posix() for p in fetched.path.rglob("*") if p.is_file()}
    assert found == {"data/train-00000-of-00001.jsonl", "data/test.jsonl"}


def test_the_cache_serves_without_network(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fetch(SOURCE, tmp_path, setting="data.source", patterns=PATTERNS)
    disconnect(monkeypatch)
    assert fetch(SOURCE, tmp_path, setting="data.source", patterns=PATTERNS) == first


def test_half_a_snapshot_is_never_taken_for_the_whole(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.lost.add("data/test.jsonl")
    with pytest.raises(UserError, match="could not be reached"):
        fetch(SOURCE, tmp_path, setting="data.source", patterns=PATTERNS)
    with monkeypatch.context() as unplugged:
        disconnect(unplugged)
        with pytest.raises(UserError, match="could not be reached"):
            fetch(SOURCE, tmp_path, setting="data.source", patterns=PATTERNS)
    hub.lost.clear()
    assert (fetch(SOURCE, tmp_path, setting="data.source", patterns=PATTERNS).path / "data/test.jsonl").is_file()


def test_without_network_and_cache_the_message_says_what_to_do(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disconnect(monkeypatch)
    with pytest.raises(UserError) as raised:
        fetch(SOURCE, tmp_path, setting="data.source", patterns=PATTERNS)
    message = str(raised.value)
    assert f"the data {REPO} is not in the cache ({tmp_path / 'hub'})" in message
    assert f"hf download {REPO} --repo-type dataset --local-dir FOLDER" in message
    assert "data.source.kind=path" in message


def test_a_repository_without_wanted_files_lists_what_it_has(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has none of \*\.parquet \.\.\.; it has data/train-.*README\.md"):
        fetch(SOURCE, tmp_path, setting="data.source", patterns=["*.parquet"])


def test_unknown_repositories_and_names_that_are_none(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="owner/other is not on the hub, or private"):
        fetch(SourceConfig(kind="hub", name="owner/other"), tmp_path, setting="data.source")
    with pytest.raises(UserError, match=r"is no hub id; for a folder: data=files data\.source\.name=/a/folder/of/mine"):
        fetch(SourceConfig(kind="hub", name="/a/folder/of/mine"), tmp_path, setting="data.source")


def test_the_users_own_hub_cache_is_used(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "theirs"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "theirs"))
    fetched = fetch(SOURCE, tmp_path / "ours", setting="data.source", patterns=PATTERNS)
    assert fetched.path.is_relative_to(tmp_path / "theirs")


@pytest.mark.parametrize("named", [hashlib.sha256, lambda body: hashlib.sha1(b"blob 14\0" + body)])
def test_a_damaged_download_is_refused_and_fetched_again(hub: Hub, tmp_path: Path, named: Callable[..., Any]) -> None:
    """The hub's library compares sizes alone; a large file is named by its SHA-256, a small one by git's id."""
    content = FILES["data/test.jsonl"]
    hub.named["data/test.jsonl"] = named(content).hexdigest()
    hub.files["data/test.jsonl"] = content.replace(b"b", b"x")
    with pytest.raises(UserError, match=r"data/test\.jsonl from the hub does not have the hash"):
        fetch(SOURCE, tmp_path, setting="data.source", patterns=PATTERNS)
    hub.files["data/test.jsonl"] = content
    fetched = fetch(SOURCE, tmp_path, setting="data.source", patterns=PATTERNS)
    assert (fetched.path / "data/test.jsonl").read_bytes() == content
