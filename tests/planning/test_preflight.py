"""What a run would be refused for, found without training, and asked once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from command_line import CommandLine, write_rows
from headtohead.config import Config
from headtohead.errors import UserError
from headtohead.hydra_io.schema import to_typed
from headtohead.planning import preflight
from headtohead.planning.preflight import Preflight
from headtohead.tiny import tiny_checkpoint

OF_A_PAIR = "model.instruct={{kind:path,name:{folder},revision:null}}"


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=60))


def typed(line: CommandLine, *overrides: str) -> Config:
    return to_typed(line.composed(*overrides))


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["model=tfidf"],
        ["head=generative"],
        ["head.pooling=mean", "lora=full"],
        ["lora=frozen"],
        ["model.architecture=bert", "prompt=plain"],
    ],
)
def test_what_can_be_trained_passes(line: CommandLine, overrides: list[str]) -> None:
    Preflight().check(typed(line, *overrides))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["lora.targets=[q_prj]"], "did you mean 'q_proj'"),
        (["prompt.max_tokens=1000000"], r"set prompt\.max_tokens=\d+, or leave it out"),
        (["data.source.name=nowhere.jsonl"], "nowhere"),
        (["data.fields.label=stars"], "stars"),
        (["head=generative", "model.architecture=bert"], "generat"),
        (["prompt=descriptions"], "descriptions"),
        (["model=path", "model.id=/nowhere/model"], "/nowhere/model"),
    ],
)
def test_what_cannot_be_built_is_refused(line: CommandLine, overrides: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Preflight().check(typed(line, *overrides))


@pytest.mark.parametrize("name", ["roberta-base", "bert", "qwen3_0_6b"])
def test_a_model_of_another_architecture_than_its_label(line: CommandLine, cache: Path, name: str) -> None:
    folder = tiny_checkpoint("llama", cache)
    for told in (
        ["model=path", f"model.id={folder}"],
        ["model=qwen3_0_6b", OF_A_PAIR.format(folder=folder), "model.variant=instruct"],
    ):
        with pytest.raises(UserError, match=f"model.name={name} is a label and loads nothing: .* holds a llama"):
            Preflight().check(typed(line, *told, f"model.name={name}"))
    Preflight().check(typed(line, "model=path", f"model.id={folder}", "model.name=llama-of-mine"))


@pytest.mark.parametrize("varied", ["lora.rank", "seed", "head.pooling"])
def test_a_checkpoint_that_cannot_be_had_is_asked_for_once(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, varied: str
) -> None:
    asked: list[object] = []
    fetch = preflight.fetch_model
    monkeypatch.setattr(preflight, "fetch_model", lambda *given: (asked.append(given), fetch(*given))[1])
    checks, values = Preflight(), {"lora.rank": [2, 4, 8], "seed": [0, 1, 2], "head.pooling": ["mean", "last", "cls"]}
    for value in values[varied]:
        with pytest.raises(UserError, match="the hub could not be reached"):
            checks.check(typed(line, "model=hub", "model.id=nobody/nothing", f"{varied}={value}"))
    assert len(asked) == 1


def test_a_question_is_asked_once_whatever_its_answer(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    load = preflight.load_corpus
    monkeypatch.setattr(preflight, "load_corpus", lambda *given: (read.append(given), load(*given))[1])
    checks = Preflight()
    for seed in range(3):
        checks.check(typed(line, f"seed={seed}", "data.split.folds=5", f"data.split.fold={seed}"))
    assert len(read) == 1
    for seed in range(3):
        with pytest.raises(UserError, match="nowhere"):
            checks.check(typed(line, f"seed={seed}", "data.source.name=nowhere.jsonl"))
    assert len(read) == 2


def test_steps_are_those_of_a_run(line: CommandLine) -> None:
    line.here("export.form=none", "evaluate.baselines=false", "evaluate.resamples=100", "train.epochs=2.5")
    steps = line.record()["cost"]["training"]["planned_steps"]
    assert Preflight().steps(typed(line, "train.epochs=2.5")) == steps
    assert Preflight().steps(typed(line, "train.steps=7")) == 7


def test_a_file_that_is_broken_and_then_mended(line: CommandLine) -> None:
    whole = line.rows.read_text()
    line.rows.write_text(whole + '{"text": "no end\n')
    with pytest.raises(UserError, match=os.path.basename(line.rows)):
        Preflight().check(typed(line))
    line.rows.write_text(whole)
    Preflight().check(typed(line))
