"""The export of a TF-IDF run: the card's own program gives the stored predictions, without this project or a pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.finished_runs import card_code, configured, news_rows, stored, write_rows
from headtohead.errors import UserError
from headtohead.evaluation import Tfidf, calibrate
from headtohead.results import read_record
from headtohead.runs.lifecycle import train
from headtohead.tasks import perform
from tasks.test_predict_tfidf import QUICK

pytestmark = pytest.mark.slow  # whole runs, each replayed in a fresh process
UNSPACED = Path(__file__).parents[1] / "data" / "unspaced" / "chinese.csv"


def exported(folder: Path, cache: Path, data: Path, *overrides: str) -> Path:
    given = [*QUICK[:-1], "export.gate_rows=8", f"data.source.name={data}", f"paths.cache={cache}", *overrides]
    record = train(configured(*given), folder, "0")
    assert record.export["status"] == "passed", record.export
    assert record.export["gate"]["checks"]["row by row"]["largest"] < 1e-12
    return folder


def classified(model: Path, texts: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, dict[str, Any]]:
    """Run the card's program in the export's folder."""
    names: dict[str, Any] = {}
    (code,) = card_code(model)
    monkeypatch.chdir(model)
    exec(compile(code, "card", "exec"), names)
    return names["classify"](texts), names


@pytest.mark.parametrize("kind", ["single", "two", "ordinal", "multi", "real", "absent"])
def test_the_cards_program_gives_what_was_stored(
    kind: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = news_rows(80)
    for number, row in enumerate(rows):
        label: Any = row["label"]
        row["label"] = {
            "two": "sport" if label == "sport" else "other",
            "multi": [label, "all"],
            "real": len(row["text"]) + number / 7,
            "ordinal": str(["sport", "tech", "business"].index(label)),
        }.get(kind, label)
    settings = {
        "multi": ["data.labels.kind=multi", "loss=bce"],
        "real": ["data.labels.kind=real", "head=regression", "loss=mse"],
        "ordinal": ["data.labels.kind=ordinal"],
        "absent": ["data.labels.names=[business,never,sport,tech]"],
    }.get(kind, [])
    data = write_rows(tmp_path / "rows.jsonl", rows)
    run = exported(tmp_path / "run", cache, data, *settings)
    texts = {f"rows.jsonl:{number}": row["text"] for number, row in enumerate(rows, 1)}
    measured = stored(run)
    found, names = classified(run / "model", [texts[row_id] for row_id in measured.row_id], monkeypatch)
    if kind == "real":
        np.testing.assert_allclose(found, measured.scores, rtol=1e-9)
        return
    np.testing.assert_allclose(found, measured.probabilities, atol=1e-12)
    temperature = read_record(run / "result.json").calibration["temperature"]
    np.testing.assert_allclose(names["calibrated"](found), calibrate(measured, temperature).probabilities, atol=1e-9)
    assert names["labels"] == list(measured.labels.names)


def test_text_without_spaces_and_no_pickle(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = exported(tmp_path / "run", cache, UNSPACED, "data.subset.train=200")
    assert sorted(path.name for path in (run / "model").iterdir()) == ["README.md", "tfidf.json", "tfidf.safetensors"]
    found, names = classified(run / "model", ["服务差", "服务好"], monkeypatch)
    assert [names["labels"][row.argmax()] for row in found] == ["差评", "好评"]


def test_a_gate_that_fails_says_so_and_keeps_the_earlier_export(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = exported(tmp_path / "run", cache, write_rows(tmp_path / "rows.jsonl", news_rows(60)))
    before = (run / "model" / "tfidf.json").read_bytes()
    model = Tfidf.load(run / "trained.safetensors")
    model.intercepts[0] += 0.01
    model.save(run / "trained.safetensors")
    config = configured("task=export", f"run={run}", f"paths.cache={cache}")
    with pytest.raises(UserError, match="answers move by up to"):
        perform(config, run, [], fingerprint="test")
    assert (run / "model" / "tfidf.json").read_bytes() == before
    assert json.loads((run / "result.json").read_text())["status"] == "failed"
    with pytest.raises(UserError, match="no adapter"):
        perform(configured("task=export", f"run={run}", "export.form=adapter"), run, [], fingerprint="test")


def test_a_finished_run_is_scored_again(cache: Path, tmp_path: Path) -> None:
    run = exported(tmp_path / "run", cache, write_rows(tmp_path / "rows.jsonl", news_rows(60)))
    perform(
        configured("task=evaluate", f"run={run}", "evaluate.resamples=100"), tmp_path / "again", [], fingerprint="x"
    )
    assert np.array_equal(stored(tmp_path / "again").scores, stored(run).scores)
    again, first = (read_record(folder / "result.json") for folder in (tmp_path / "again", run))
    assert again.metrics == first.metrics
