"""A refused command leaves no folder, a finished run no checkpoint, and neither takes what was there before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from command_line import CommandLine, write_rows

QUICK = ["export.form=none", "evaluate.baselines=false", "evaluate.resamples=100"]


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "new" / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=60))


@pytest.mark.slow  # a process each
@pytest.mark.parametrize(
    "overrides",
    [
        ["data.source.name=missing.jsonl"],
        ["lora.targets=[q_prj]"],
        ["train.learning_rate=fast"],
        ["data.fields.label=lable"],
        ["lora.rnak=4"],
        ["loss=bce", "track=offline"],
    ],
)
def test_a_refused_run_leaves_no_folder(line: CommandLine, tmp_path: Path, overrides: list[str]) -> None:
    line(*QUICK, *overrides, code=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl"]


@pytest.mark.slow  # a process each
@pytest.mark.parametrize("task", [["task=predict"], ["task=compare"], ["task=export", "run=nowhere"]])
def test_a_refused_task_leaves_no_folder(line: CommandLine, tmp_path: Path, task: list[str]) -> None:
    line(*task, train=False, code=1)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow  # two processes
def test_what_was_there_before_stays(line: CommandLine, tmp_path: Path) -> None:
    own = tmp_path / "mine"
    own.mkdir()
    (own / "notes.txt").write_text("kept")
    line(*QUICK, "data.source.name=missing.jsonl", f"hydra.run.dir={own}", code=1)
    assert (own / "notes.txt").read_text() == "kept"
    line.outputs.mkdir(parents=True)
    line(*QUICK, "data.source.name=missing.jsonl", code=1)
    assert list(line.outputs.iterdir()) == []


@pytest.mark.slow  # a process
def test_a_run_that_trained_is_kept_when_it_fails(line: CommandLine) -> None:
    line(*QUICK, "train.learning_rate=1e30", "train.clip_norm=0", code=1)
    assert line.record()["status"] == "diverged"


@pytest.mark.slow  # whole runs
def test_a_finished_run_keeps_checkpoints_if_asked(line: CommandLine) -> None:
    line.here(*QUICK, "paths.keep_checkpoints=true")
    folder = line.folder()
    assert list((folder / "checkpoint").glob("step-*"))
    weights = (folder / "trained.safetensors").read_bytes()
    line.here(*QUICK)  # the same folder: what is kept is no part of a configuration's identity
    assert not (folder / "checkpoint").exists()
    assert line.folder() == folder
    line.here(*QUICK, "fresh=true")
    assert not (folder / "checkpoint").exists()
    assert (folder / "trained.safetensors").read_bytes() == weights


@pytest.mark.slow  # a whole run
def test_the_page_and_the_record_say_whose_data_it_was(line: CommandLine, tmp_path: Path) -> None:
    named = line.rows.rename(tmp_path / "My reviews & more.jsonl")
    line.always = [*line.always, "model=tfidf"]
    line.here(*QUICK, f'data.source.name="{named}"')
    folder = line.folder()
    assert folder.name.startswith("My_reviews_more-tfidf-")
    assert line.record()["data"]["name"] == "My_reviews_more"
    assert "My_reviews_more" in (folder / "report.html").read_text()
    assert os.listdir(line.outputs) == [folder.name]
