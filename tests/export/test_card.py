"""The model card: metadata that parses, numbers that are the predictions', text that shows as it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard

from export.finished_runs import card_code, finished, news_rows, run_code, stored, write_rows
from headtohead.evaluation import point_metrics
from headtohead.export.card import escaped, fenced

AWKWARD = {"business": "a|b *c*", "sport": '- `d` # "e"', "tech": "<f>: {g}"}
TEMPLATE = "Read ```this```: {text} | labels: {labels} | Answer:"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """An export whose label names, prompt and name would break careless Markdown or YAML."""
    folder = tmp_path_factory.mktemp("card")
    rows = [{**row, "label": AWKWARD[row["label"]]} for row in news_rows(60)]
    data = write_rows(folder / "rows.jsonl", rows)
    overrides = ["name='run: #1 | \"x\"'", f"prompt.template={json.dumps(TEMPLATE)}", "evaluate.baselines=true"]
    finished(folder / "run", cache, data, *overrides)
    return folder / "run/model"


def test_the_metadata_parses_and_holds_the_predictions_own_numbers(model: Path) -> None:
    data = ModelCard.load(model / "README.md").data
    assert (data.library_name, data.pipeline_tag) == ("peft", "text-classification")
    assert {"headtohead", "lora"} <= set(data.tags)
    assert data.model_name == 'run: #1 | "x"'
    predictions = stored(model.parent)
    expected = point_metrics(predictions)
    found = {result.metric_name: result for result in data.eval_results}
    assert {"accuracy", "macro_f1", "log_loss", "ece"} <= found.keys()
    for name, result in found.items():
        assert result.metric_value == pytest.approx(expected[name])
        assert result.dataset_split == "test"
        low, high = result.metric_args["interval_95"]
        assert low <= high
    gold, said = predictions.gold, predictions.predicted
    assert found["accuracy"].metric_value == pytest.approx(np.mean(gold == said))


def test_names_stand_in_tables_as_they_are(model: Path) -> None:
    card = (model / "README.md").read_text(encoding="utf-8")
    body = card.split("---\n", 2)[2]
    assert "| 2 | a\\|b \\*c\\* |" in body
    assert "\\<f\\>: \\{g\\}" in body
    for table in re.findall(r"(?:^\|.*\|\n)+", re.sub(r"(?s)^(`{3,}).*?^\1", "", body, flags=re.M), flags=re.M):
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(columns) == 1, table


def test_baselines_gate_and_template_are_shown(model: Path) -> None:
    card = (model / "README.md").read_text(encoding="utf-8")
    assert "| Metric | This model (95 % interval) | majority | tfidf | tfidf truncated |" in card
    assert "| row by row |" in card
    assert "````text\nRead ```this```: {text} | labels: - `d` #" in card


def test_its_program_runs_whatever_the_names_are(model: Path) -> None:
    names = run_code(card_code(model)[0])
    assert set(names["classify"]("a text")) == set(AWKWARD.values())


def test_nothing_ends_a_fence() -> None:
    block = fenced("one\n````\ntwo", "text")
    assert block.startswith("`````text\n")
    assert block.endswith("\n`````")


def test_escaped_text_stays_on_its_line() -> None:
    assert escaped("a\n| b_c") == "a \\| b\\_c"
