"""Whatever is trained and however it is read: both forms pass the gate, and the card's program gives the same answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.finished_runs import card_code, exported, finished, news_rows, run_code, stored, write_rows
from headtohead.classifiers.reload import read_run
from headtohead.evaluation.calibration import calibrate

pytestmark = [pytest.mark.usefixtures("no_page"), pytest.mark.slow]  # a run and two exports for each case
CALIBRATED = re.compile(r"^( +)(probabilities = .*)  # (?:.*; )?calibrated: (.*)$", flags=re.MULTILINE)
"""The program's line with the note of how its probabilities are calibrated."""
CASES = {
    "rslora on attention": ["model.architecture=qwen3", "lora.scaling=rslora", "lora.targets=[attention]"],
    "dora on the top layer": ["model.architecture=bert", "lora.dora=true", "lora.top_layers=0.5"],
    "head of a frozen encoder": ["model.architecture=modernbert", "lora=frozen"],
    "everything": ["model.architecture=modernbert", "lora=full", "prompt.keep=both", "prompt.max_tokens=40"],
    "mean of a decoder": ["head.pooling=mean", "prompt.keep=end", "prompt.max_tokens=40"],
    "first token of an encoder, everything": ["model.architecture=bert", "head.pooling=cls", "lora=full"],
    "last token of a frozen decoder": ["head.pooling=last", "lora=frozen", "prompt=plain"],
    "answers with embeddings adapted": ["head=generative", "lora.embeddings=true", "prompt.max_tokens=60"],
    "answers over their prior": [
        "head=generative",
        "head.normalisation=prior",
        "prompt=chat",
        "model.architecture=qwen2",
    ],
    "answers of a full model, per token": ["head=generative", "head.normalisation=length", "lora=full"],
    "answers untrained": ["head=generative", "lora=frozen", "train.steps=0"],
}
GRADED = {
    "ranks": ["head=classification", "loss=corn", "data.labels.kind=ordinal"],
    "grades as answers, one within another": ["head=generative", "data.labels.kind=ordinal"],
    "grades as a score": ["head=regression", "loss=huber", "data.labels.kind=ordinal", "prompt=chat"],
    "a real score": ["head=regression", "data.labels.kind=real", "model.architecture=bert", "lora=frozen"],
    "any of several labels": ["loss=bce", "data.labels.kind=multi", "data.fields.label=topics", "lora=frozen"],
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows with a grade (of which 1 begins 10) and a set of topics."""
    grades = {"business": 1, "sport": 2, "tech": 10}
    rows = [
        {"text": row["text"], "label": grades[row["label"]], "topics": [row["label"], "all"][: 1 + number % 2]}
        for number, row in enumerate(news_rows(60))
    ]
    return write_rows(tmp_path_factory.mktemp("graded") / "graded.jsonl", rows)


def passed(export: dict[str, Any], form: str) -> None:
    assert (export["status"], export["reason"], export["form"]) == ("passed", "", form), export
    assert all(check["largest"] < 1e-4 and not check["flips"] for check in export["gate"]["checks"].values())


def texts_of(data: Path, folder: Path, count: int = 4) -> list[str]:
    """Return the first test rows' texts, in the order of ``stored``."""
    lines = data.read_text(encoding="utf-8").splitlines()
    numbers = [int(re.findall(r"\d+", name)[-1]) for name in stored(folder).row_id[:count]]
    return [re.findall(r'"text": "(.*?)"', lines[number - 1])[0] for number in numbers]


def card_agrees(folder: Path, data: Path) -> None:
    """Run the card's own program on test rows, as printed and calibrated, and compare with the stored predictions."""
    code, temperature = card_code(folder / "model")[0], read_run(folder)[0].calibration["temperature"]
    program_agrees(code, folder, data, 1.0)
    noted = CALIBRATED.search(code) is not None
    assert noted == (temperature != 1)
    if noted:
        program_agrees(CALIBRATED.sub(r"\1\2\n\1probabilities = \3", code), folder, data, temperature)


def program_agrees(code: str, folder: Path, data: Path, temperature: float) -> None:
    names = run_code(code)
    answers = [names["classify"](text) for text in texts_of(data, folder)]
    predictions = calibrate(stored(folder).select(np.arange(len(answers))), temperature)
    if predictions.is_expected_score:
        said = [[answer["score"]] for answer in answers]
        np.testing.assert_allclose(said, predictions.scores, atol=1e-4)
    else:
        assert [list(answer) for answer in answers] == [list(predictions.labels.names)] * len(answers)
        said = [list(answer.values()) for answer in answers]
        np.testing.assert_allclose(said, predictions.probabilities, atol=1e-4 if temperature == 1 else 1e-3)


def both_forms(folder: Path, cache: Path, data: Path, overrides: list[str]) -> None:
    record = finished(folder, cache, data, *overrides)
    assert record.status == "completed", record.error
    whole = "lora=full" in overrides or "train.steps=0" in overrides
    passed(record.export, "merged" if whole else "adapter")
    card_agrees(folder, data)
    if not whole:
        passed(exported(folder, cache, "merged"), "merged")
        card_agrees(folder, data)
    files = {file.suffix for file in (folder / "model").iterdir()}
    assert files <= {".json", ".safetensors", ".md", ".jinja"}


@pytest.mark.parametrize("case", CASES)
def test_both_forms_say_what_training_said(case: str, tmp_path: Path, cache: Path, news: Path) -> None:
    both_forms(tmp_path / "run", cache, news, CASES[case])


@pytest.mark.parametrize("case", GRADED)
def test_both_forms_of_other_kinds_of_label(case: str, tmp_path: Path, cache: Path, graded: Path) -> None:
    both_forms(tmp_path / "run", cache, graded, GRADED[case])


def test_a_quantised_run_states_how_far_the_unquantised_base_drifts(tmp_path: Path, cache: Path, news: Path) -> None:
    overrides = ["lora=qlora", "model.architecture=qwen2", "model.precision=bf16"]
    record = finished(tmp_path / "run", cache, news, *overrides)
    passed(record.export, "adapter")
    drift = record.export["drift"]
    assert set(drift) == {"float32", "bfloat16"}
    assert 1e-6 < drift["float32"]["largest"] < 0.3
    card = (tmp_path / "run/model/README.md").read_text(encoding="utf-8")
    assert "measured with a 4-bit (NF4) trunk" in card
    assert f"| float32 | {drift['float32']['largest']:.1e} |" in card
    assert read_run(tmp_path / "run")[1].lora.quantisation == "nf4"
