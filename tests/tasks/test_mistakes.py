"""A user's mistake gets one readable message, no stack trace, a non-zero exit and, once there is a folder, a record."""

import json
from pathlib import Path

import pytest

from command_line import CommandLine, write_rows


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=60))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["lora.targets=[q_prj]"], "did you mean 'q_proj'"),
        (["prompt.max_tokens=12"], "raise prompt.max_tokens"),
        (["head=generative", "prompt.template='{text}'", "prompt.answer_start=''"], "prompt.template"),
        (["head=generative", "model.architecture=bert"], "is an encoder"),
        (["loss=bce"], "does not fit single-label data"),
        (["train.metric=f1"], "did you mean"),
        (["lora=frozen", "head=generative"], "train.steps=0"),
        (["model.adapter=nowhere"], "no trained weights"),
        (["data.source.name=missing.jsonl"], "missing.jsonl"),
        (["prompt=descriptions"], "data.labels.descriptions"),
        (["train.learning_rate=1e30", "train.clip_norm=0"], "diverged"),
        (["loss.class_weights=explicit", "+loss.weights.sport=1"], "loss.weights lacks"),
    ],
)
def test_mistake(line: CommandLine, overrides: list[str], said: str):
    done = line("export.form=none", *overrides, code=1)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    record = line.record()
    assert record["status"] == ("diverged" if said == "diverged" else "failed")
    assert said in record["error"]


def test_full_error_shows_the_trace(line: CommandLine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert "Traceback" in line("lora.targets=[q_prj]", code=1).stderr


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["lora.rnak=4"], "did you mean 'rank'"),
        (["lora=r17"], "did you mean 'r16'"),
        (["data.subset.trian=5"], "did you mean 'train'"),
    ],
)
def test_mistyped_command(line: CommandLine, overrides: list[str], said: str):
    done = line(*overrides, code=1)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_full_disk_is_said_in_one_line(line: CommandLine, monkeypatch: pytest.MonkeyPatch):
    """/dev/full fails every write with ENOSPC: the output of a prediction goes there."""
    line("export.form=none")
    folder = line.folder()
    import errno

    from headtohead import atomic
    from headtohead.errors import UserError
    from headtohead.tasks import perform

    def full(moment: str, path: Path) -> None:
        if moment == "before write" and path.name == "predictions.parquet":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(atomic, "on_step", full)
    from headtohead.config import build_config

    stored = json.loads((folder / "result.json").read_text())["config"]
    config = build_config({**stored, "fresh": True})
    with pytest.raises(UserError, match="no disk space left"):
        perform(config, folder, [])
    assert json.loads((folder / "result.json").read_text())["status"] == "failed"
