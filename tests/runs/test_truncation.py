"""What a run reads of its texts: all by default, and where much is cut the terminal and the page lead with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command_line import CommandLine
from headtohead.classifiers.reload import reload_run
from headtohead.results import read_predictions

pytestmark = pytest.mark.slow  # whole runs

FIFTEEN = Path(__file__).parent / "rows" / "fifteen_labels.csv"
QUICK = ["evaluate.baselines=false", "evaluate.resamples=100", "export.form=none", "train.steps=1"]


def line_of(folder: Path, cache: Path, rows: Path) -> CommandLine:
    return CommandLine(folder / "outputs", cache, rows, always=["model=tiny", "track=off", "data=files"])


def rows_of(folder: Path, texts: list[str], labels: list[str]) -> Path:
    path = folder / "rows.jsonl"
    rows = [{"text": f"{text} {i}", "label": labels[i % len(labels)]} for i, text in enumerate(texts)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def leading(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [notice for notice in record["notices"] if notice["leads"] and "texts were cut" in notice["text"]]


def cut(record: dict[str, Any]) -> dict[str, int]:
    return {split: found["rows_cut"] for split, found in record["data"]["truncation"].items()}


@pytest.mark.parametrize(
    "own", [[], ["head=generative"], ["prompt=few_shot"], ["prompt=chat"], ["model.architecture=bert"]]
)
def test_the_text_is_read_beside_fifteen_labels(tmp_path: Path, cache: Path, own: list[str]):
    line = line_of(tmp_path, cache, FIFTEEN)
    line.here(*QUICK, *own)
    record = line.record()
    assert cut(record) == {"train": 0, "validation": 0, "test": 0}
    assert not leading(record)
    (said,) = [notice["text"] for notice in record["notices"] if "prompt.max_tokens=auto" in notice["text"]]
    assert f"rows may take {record['model']['prompt']['max_tokens']:,} tokens" in said
    assert record["config"]["prompt"]["max_tokens"] is None  # as it was asked for


def test_twelve_long_labels_leave_the_text_whole(tmp_path: Path, cache: Path):
    labels = [f"tickets of the {name} department and its partners" for name in "abcdefghijkl"]
    line = line_of(tmp_path, cache, rows_of(tmp_path, ["it broke after a day " * 8] * 120, labels))
    line.here(*QUICK)
    assert set(cut(line.record()).values()) == {0}


def test_a_given_length_that_cuts_leads_with_the_line_that_mends_it(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
):
    line = line_of(tmp_path / "first", cache, FIFTEEN)
    line.here(*QUICK, "prompt.max_tokens=204")
    record = line.record()
    assert cut(record) == {"train": 126, "validation": 18, "test": 36}
    (notice,) = leading(record)
    assert str(notice["text"]) in capsys.readouterr().out
    assert "126 of 126 train, 18 of 18 validation, 36 of 36 test rows" in notice["text"]
    page = (line.folder() / "report.html").read_text()
    assert 0 < page.index("texts were cut") < page.index("<main")
    mended = line_of(tmp_path / "second", cache, FIFTEEN)
    mended.here(*QUICK, *notice["command"].split())
    assert max(cut(mended.record()).values()) <= 2
    assert not leading(mended.record())


def test_texts_longer_than_the_most_that_is_chosen_are_told(tmp_path: Path, cache: Path):
    line = line_of(tmp_path / "first", cache, rows_of(tmp_path, ["market share " * 500] * 30, ["a", "b"]))
    line.here(*QUICK)
    (notice,) = leading(line.record())
    mended = line_of(tmp_path / "second", cache, line.rows)
    mended.here(*QUICK, *notice["command"].split())
    assert set(cut(mended.record()).values()) == {0}


@pytest.mark.parametrize(("keep", "advice"), [("start", "prompt.keep=both"), ("both", "model=smollm2_135m")])
def test_texts_longer_than_the_positions(tmp_path: Path, cache: Path, keep: str, advice: str):
    line = line_of(tmp_path, cache, rows_of(tmp_path, ["market share " * 4000] * 30, ["a", "b"]))
    line.here(*QUICK, "prompt.max_tokens=9000", f"prompt.keep={keep}")
    (notice,) = leading(line.record())
    assert "fit 4,096 tokens" in notice["text"]
    assert notice["command"].startswith(advice)


def test_what_reads_a_finished_run_reads_as_it_did(tmp_path: Path, cache: Path):
    """The chosen length and template come from the record, whatever rows are at hand."""
    line = line_of(tmp_path, cache, FIFTEEN)
    line.here(*QUICK, "head=generative")
    stored, run = line.record()["model"]["prompt"], reload_run(line.folder(), cache=str(cache))
    assert run.reader.prompt.as_dict() == stored
    assert stored["template"] == "{text}\n\nOne of {labels}:"
    tokens = read_predictions(line.folder() / "predictions.parquet").of_split("test").tokens
    rows = run.reader.encoder.whole([""], None)[0]
    assert len(rows) < tokens.min()
    line("task=evaluate", f"run={line.folder()}", train=False)


def test_seeds_and_adapters_share_a_chosen_length(tmp_path: Path, cache: Path):
    line = line_of(tmp_path, cache, FIFTEEN)
    fused = ["hydra/launcher=fused", "hydra.launcher.trials_at_once=2", "lora.rank=2,4", "hydra.sweeper.n_jobs=1"]
    line("-m", *QUICK, *fused)
    records = [json.loads(path.read_text()) for path in line.outputs.rglob("result.json")]
    assert len(records) == 2
    assert len({json.dumps(record["model"]["prompt"]) for record in records}) == 1
    assert {record["cost"]["trials_in_pack"] for record in records} == {2}
