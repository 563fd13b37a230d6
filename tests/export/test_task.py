"""The end of a run and ``task=export``: what the record says, what stays when an export fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from export.finished_runs import configured, finished
from headtohead.errors import UserError
from headtohead.export import gate, parity
from headtohead.results import read_record
from headtohead.runs.run_export import export_again
from headtohead.tasks import perform


def wrong_answer(request: dict[str, Any]) -> dict[str, Any]:
    """A fresh process that sees other probabilities."""
    found = gate.answer(request)
    table = found["passes"]["float32"]["row by row"]
    found["passes"]["float32"]["row by row"] = [row[::-1] for row in table]
    return found


@pytest.mark.slow  # whole runs
def test_a_failed_export_loses_nothing_and_can_be_mended(
    tmp_path: Path, cache: Path, news: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as broken:
        broken.setattr(parity, "ask_fresh_process", wrong_answer)
        with pytest.raises(UserError, match="export failed: row by row: the probability of"):
            finished(run, cache, news)
    record = read_record(run / "result.json")
    assert record.status == "failed"
    assert record.error is not None
    assert record.error.startswith("export failed: row by row")
    assert record.export["status"] == "failed"
    assert record.metrics["test"]["accuracy"]["value"] is not None
    assert {"predictions.parquet", "report.html", "trained.safetensors"} <= {file.name for file in run.iterdir()}
    assert not (run / "model").exists()

    asked = configured("task=export", f"run={run}", "export.form=merged", f"paths.cache={cache}", "export.gate_rows=5")
    perform(asked, run / "export", ["task", "run", "export.form"], fingerprint="test")
    record = read_record(run / "result.json")
    assert (record.status, record.error) == ("completed", None)
    assert (record.export["form"], record.export["gate"]["rows"]) == ("merged", 5)
    config = json.loads((run / "model/config.json").read_text(encoding="utf-8"))
    assert config["id2label"] == {"0": "business", "1": "sport", "2": "tech"}
    assert (config["pad_token_id"], config["problem_type"]) == (0, "single_label_classification")

    with monkeypatch.context() as broken:
        broken.setattr(parity, "ask_fresh_process", wrong_answer)
        with pytest.raises(UserError, match="export failed"):
            export_again(asked)
    assert (run / "model/config.json").exists()  # what passed before stays
    assert read_record(run / "result.json").status == "failed"


@pytest.mark.slow
def test_a_bug_in_the_export_loses_nothing_either(
    tmp_path: Path, cache: Path, news: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(request: dict[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError("no such thing")

    monkeypatch.setattr(parity, "ask_fresh_process", crash)
    with pytest.raises(UserError, match="export failed: ZeroDivisionError: no such thing"):
        finished(tmp_path / "run", cache, news)
    assert "in crash" in read_record(tmp_path / "run/result.json").export["trace"]
    assert (tmp_path / "run/report.html").exists()


def test_an_adapter_of_a_full_model_is_refused_before_anything_is_trained(cache: Path, news: Path) -> None:
    with pytest.raises(UserError, match=r"export\.form=adapter"):
        configured("model=tiny", "lora=full", "export.form=adapter", "data=files", f"data.source.name={news}")
