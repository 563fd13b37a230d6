"""A sweep without arms says first where what costs seconds does as well as its best trial."""

from __future__ import annotations

import json
from typing import Any

import pytest

from command_line import CommandLine
from headtohead.evaluation import point_metrics
from headtohead.results import read_predictions, winner_of
from reporting.page_reader import Page

pytestmark = pytest.mark.slow  # whole sweeps


def beside(line: CommandLine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((line.folder() / "baselines.json").read_text())
    return found


@pytest.mark.parametrize("kind", [["evaluate.baselines=true"], ["evaluate.baselines=false"], ["evaluate.test=false"]])
def test_a_grid_whose_best_loses_to_tfidf_says_so_first(line: CommandLine, kind: list[str]) -> None:
    said = line("-m", "export.form=none", *kind, "lora.rank=2,4", "train.steps=1").stdout
    found = beside(line)
    splits = ["validation", "test"] if kind != ["evaluate.test=false"] else ["validation"]
    assert list(found["splits"]) == splits
    best = read_predictions(winner_of(line.folder()) / "predictions.parquet")
    for split, own in found["splits"].items():
        assert own["best"] == pytest.approx(point_metrics(best.of_split(split))["macro_f1"])
        assert own["baselines"]["tfidf"]["macro_f1"] > own["best"]
        lead = next(lead for lead in found["leads"] if f"on these {split} rows" in lead)
        assert lead.startswith("TF-IDF, which costs seconds, does at least as well as the best trial")
        assert said.index(lead) < said.index("2 of 2 trials completed")
    page = (line.folder() / "report.html").read_text()
    assert page.count('class="verdict bad"') == len(splits)
    assert 'class="verdict good"' not in page
    assert "best trial" in Page(page).text


def test_a_grid_of_tfidf_itself_has_nothing_to_lose_to(line: CommandLine) -> None:
    said = line("-m", "model=tfidf", "export.form=none", "evaluate.baselines=false", "seed=0,1").stdout
    found = beside(line)
    assert found["leads"] == []
    assert "which costs seconds" not in said
    for own in found["splits"].values():
        assert own["baselines"]["tfidf"]["macro_f1"] == pytest.approx(own["best"])


def test_of_costs_alone_nothing_is_compared(line: CommandLine) -> None:
    line("-m", "export.form=none", "lora.rank=2,4", "train.steps=1", "hydra.sweeper.objective=[cost.seconds.train]",
         "hydra.sweeper.direction=minimize")  # fmt: skip
    assert not (line.folder() / "baselines.json").exists()
