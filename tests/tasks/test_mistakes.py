"""A user's mistake gets one readable message, no stack trace, a non-zero exit and, once there is a folder, a record."""

import errno
import json
from pathlib import Path

import pytest

from command_line import CommandLine, write_rows
from headtohead import atomic
from headtohead.config import build_config
from headtohead.errors import Diverged, UserError
from headtohead.tasks import perform


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=60))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["lora.targets=[q_prj]"], "did you mean 'q_proj'"),
        (["prompt.max_tokens=8"], "raise prompt.max_tokens"),
        (["head=generative", "prompt.template='{text}'", "prompt.answer_start=''"], "prompt.template"),
        (["head=generative", "model.architecture=bert"], "is an encoder"),
        (["loss=bce"], "does not fit single-label data"),
        (["train.metric=f1"], "did you mean"),
        (["lora=frozen", "head=generative"], "train.steps=0"),
        (["model.adapter=nowhere"], "no trained weights"),
        (["data.source.name=missing.jsonl"], "missing.jsonl"),
        (["prompt=descriptions"], "data.labels.descriptions"),
        (["loss.class_weights=explicit", "+loss.weights.sport=1"], "loss.weights lacks"),
        (["train.learning_rate=fast"], "must be a number"),
        (["lora=full", "lora.quantisation=nf4"], "lora=qlora"),
    ],
)
def test_mistake(line: CommandLine, overrides: list[str], said: str):
    with pytest.raises(UserError) as caught:
        line.here("export.form=none", *overrides)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    record = line.record()
    assert record["status"] == "failed"
    assert said in record["error"]


def test_divergence_is_a_status_and_never_a_class(line: CommandLine):
    with pytest.raises(Diverged, match=r"lower train\.learning_rate"):
        line.here("export.form=none", "train.learning_rate=1e30", "train.clip_norm=0")
    assert line.record()["status"] == "diverged"
    assert not (line.folder() / "predictions.parquet").exists()
    assert (line.folder() / "report.html").exists()


@pytest.mark.slow  # a process each
@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["lora.targets=[q_prj]"], "UserError: lora.targets: 'q_prj' matches no linear layer"),
        (["lora.rnak=4"], "did you mean 'rank'"),
        (["lora=r17"], "did you mean 'r16'"),
        (
            ["data.files={test:x.jsonl}"],
            "data.files needs a 'train' entry, given ['test']; +data.files={...} adds to what",
        ),
    ],
)
def test_message_on_the_terminal(line: CommandLine, overrides: list[str], said: str):
    done = line(*overrides, code=1)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistyped_run_gets_no_folder(line: CommandLine, tmp_path: Path):
    (tmp_path / "news-1").mkdir()
    (tmp_path / "news-1" / "result.json").write_text("{}")
    done = line("task=evaluate", f"run={tmp_path / 'news-2'}", train=False, code=1)
    assert f"UserError: run={tmp_path / 'news-2'} holds no run; did you mean 'news-1'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "news-2").exists()


def test_message_of_a_new_python(line: CommandLine):
    done = line.in_new_python("lora.rnak=4", code=1)
    assert "did you mean 'rank'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow  # a process
def test_full_error_shows_the_trace(line: CommandLine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert "Traceback" in line("lora.targets=[q_prj]", code=1).stderr


@pytest.mark.slow
def test_full_disk_loses_nothing(line: CommandLine, monkeypatch: pytest.MonkeyPatch):
    line.here("export.form=none", "evaluate.baselines=false", "evaluate.resamples=100")
    folder = line.folder()
    stored = json.loads((folder / "result.json").read_text())["config"]

    def full(moment: str, path: Path) -> None:
        if moment == "before write" and path.name == "predictions.parquet":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(atomic, "on_step", full)
    with pytest.raises(UserError, match="no disk space left"):
        perform(build_config({**stored, "fresh": True}), folder, [], fingerprint="test")
    assert line.record()["status"] == "interrupted"  # a sweep stops, and goes on later
    assert (folder / "trained.safetensors").exists()
    monkeypatch.undo()
    perform(build_config(stored), folder, [], fingerprint="test")
    assert line.record()["status"] == "completed"
    assert line.record()["attempt"] == 2
