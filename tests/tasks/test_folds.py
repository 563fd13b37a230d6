"""Repeated cross-validation from the command line: small sets are told of it, and its runs test every row once."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import CommandLine, write_rows
from headtohead.results import read_predictions

pytestmark = pytest.mark.slow  # whole runs

QUICK = ["model=tfidf", "evaluate.baselines=false", "evaluate.resamples=100"]


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=30))


def test_a_small_set_is_told(line: CommandLine, capsys: pytest.CaptureFixture[str]):
    line.here(*QUICK)
    told = "-m data.split.folds=5 'data.split.fold=range(5)' 'data.split.repeat=range(3)'"
    assert told in capsys.readouterr().out
    assert told.removeprefix("-m ") in Path(__file__).parents[2].joinpath("README.md").read_text()
    line.here(*QUICK, "data.split.folds=3")
    assert told not in capsys.readouterr().out


def test_the_runs_of_a_repetition_test_every_row_once(line: CommandLine):
    line("-m", *QUICK, "data.split.folds=3", "data.split.fold=range(3)", "data.split.repeat=range(2)")
    runs = [path.parent for path in line.outputs.rglob("predictions.parquet")]
    tested: dict[int, list[str]] = {0: [], 1: []}
    for run in runs:
        split = line.record(run)["config"]["data"]["split"]
        tested[split["repeat"]] += read_predictions(run / "predictions.parquet").of_split("test").row_id.tolist()
    for rows in tested.values():
        assert sorted(rows) == sorted(f"rows.jsonl:{n}" for n in range(1, 31))
