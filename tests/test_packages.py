"""Packages that a configuration needs are named before anything is read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from command_line import CommandLine, write_rows
from headtohead.errors import UserError
from headtohead.hydra_io.schema import to_typed
from headtohead.packages import require, require_packages
from headtohead.planning.preflight import Preflight


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=60))


CASES = [
    (["lora=qlora"], "bitsandbytes", "lora.quantisation=nf4"),
    (["train.optimizer=adamw_8bit"], "bitsandbytes", "train.optimizer=adamw_8bit"),
    (["track=offline"], "wandb", "track.wandb=offline"),
    (["track=offline", "model=tfidf"], "wandb", "track.wandb=offline"),
    (["export.form=merged"], "peft", "export.form=merged"),
    (["model=path", "model.id=/models/some.gguf"], "gguf", "GGUF file"),
    (["model=smollm2_135m"], "gguf", "GGUF file"),
]


@pytest.mark.parametrize(("overrides", "package", "setting"), CASES)
def test_a_missing_package_is_named_with_the_line_that_installs_it(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, overrides: list[str], package: str, setting: str
) -> None:
    config = to_typed(line.composed(*overrides))
    require_packages(config)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"{setting}.* needs the package {package}, .*: pip install '{package}>="):
        Preflight().check(config)


@pytest.mark.parametrize(
    "overrides", [["export.form=none"], ["model=tfidf", "lora=qlora"], ["model=tfidf", "train.optimizer=adamw_8bit"]]
)
def test_a_package_that_is_not_needed_may_be_missing(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, overrides: list[str]
) -> None:
    config = to_typed(line.composed(*overrides))
    for package in ("bitsandbytes", "wandb", "peft", "gguf", "flash_attn"):
        monkeypatch.setitem(sys.modules, package, None)
    require_packages(config)


def test_a_run_is_refused_before_its_data_are_read(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(UserError, match="pip install 'bitsandbytes"):
        line.here("lora=qlora", "data.source.name=nowhere.jsonl")


def test_a_package_of_no_dependency_is_installed_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flash_attn", None)
    with pytest.raises(UserError, match="pip install 'flash-attn'"):
        require("flash_attn", "model.attention=flash_attention_2")
