"""Every setting that a file's reader prints is one that Hydra takes as it is printed, and it has the effect it names."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from data.made_up_files import row
from data.test_ready_files import CONF
from headtohead.data import load_corpus
from headtohead.errors import UserError
from headtohead.hydra_io.schema import to_typed

ROWS = [row(n) for n in range(30)]
TEXTS = [(str(r["text"]), str(r["label"])) for r in ROWS]


def load(path: Path, cache: Path, *overrides: str) -> int:
    """Return how many rows a command would use."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", overrides=["data=files", f"data.source.name='{path}'", *overrides])
    return sum(load_corpus(to_typed(config).data, cache).ledger["rows"].values())


def advised(message: str) -> list[str]:
    """Return the settings in a message, as a shell hands them on."""
    return [
        word.rstrip(".;,") for word in shlex.split(message.replace("'s ", "s ")) if word.startswith("data.dialect.")
    ]


def table(path: Path, join: str, *before: str) -> Path:
    path.write_text("\n".join([*before, *(join.join(pair) for pair in TEXTS)]) + "\n")
    return path


@pytest.mark.slow  # a composition for each
def test_settings_are_taken_as_printed(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for file in (
        table(tmp_path / "no_header.csv", ","),
        table(tmp_path / "three columns.csv", ",7,"),
    ):
        with pytest.raises(UserError) as raised:
            load(file, cache)
        (setting,) = advised(str(raised.value).rpartition("Name the columns by ")[2])
        assert load(file, cache, setting) == 30


@pytest.mark.slow
def test_characters_that_a_command_line_quotes(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    commented = table(tmp_path / "rows.csv", "^", "text^label", "# a comment", "#^another")
    assert load(commented, cache, *shlex.split("""'data.dialect.delimiter="^"' 'data.dialect.comment="#"'""")) == 30
    for kind in (".md", ".html"):
        for n, (text, label) in enumerate(TEXTS):
            path = tmp_path / "texts" / label / f"{n}{kind}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    with pytest.raises(UserError) as raised:
        load(tmp_path / "texts", cache)
    assert advised(str(raised.value)) == ["data.dialect.endings=[.html]"]
    assert load(tmp_path / "texts", cache, "data.dialect.endings=[.html]") == 30
