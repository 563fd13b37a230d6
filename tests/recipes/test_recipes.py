"""Each recipe learns sixteen rows by heart, its gate passes, and its document's own snippet repeats what the run stored."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from export.finished_runs import run_code
from headtohead.results import Predictions, join
from recipes.tiny_recipes import RECIPES, Learnt, learn

pytestmark = pytest.mark.slow  # five small trainings, each with its export

CARDS = Path(__file__).parents[1] / "export" / "cards"
Run = Callable[[str], Learnt]


def card(name: str, **replaced: str) -> str:
    """Return a document's code, word for word, with the names of its models replaced."""
    code = (CARDS / name).read_text(encoding="utf-8")
    for theirs, ours in replaced.items():
        assert theirs in code
        code = code.replace(theirs, ours)
    return code


def names_of(predictions: Predictions) -> list[str]:
    return [predictions.labels.names[label] for label in predictions.predicted]


@pytest.mark.parametrize("recipe", RECIPES)
def test_sixteen_rows_are_learnt_by_heart_and_the_export_passes_its_gate(recipe: str, learnt: Run) -> None:
    run = learnt(recipe)
    assert len(run.train) == 16
    assert (run.train.predicted == run.train.gold).mean() >= 0.95
    assert run.record["status"] == "completed"
    assert run.record["export"]["status"] == "passed"
    assert run.record["export"]["form"] == RECIPES[recipe].form


def test_constructive_reports_its_three_test_sets_apart(learnt: Run) -> None:
    run = learnt("constructive")
    assert set(run.record["metrics"]) == {"validation", "ynacc", "iac", "reddit"}
    assert run.record["model"]["quantisation"] == "nf4"


def test_seed_000_reads_threads_through_the_adapter(learnt: Run) -> None:
    run = learnt("constructive")
    names = {"Qwen/Qwen3-Embedding-0.6B": str(run.base), "NiklasKoch/qwen-discussion-classifier": run.model}
    found = run_code(card("000_adapter.txt", **names))
    threads = run.inputs_of(run.stored)
    answers = [found["classify_text"](text) for text in threads]
    assert found["result"] == answers[threads.index(found["text"])]
    assert [answer["class"] for answer in answers] == names_of(run.stored)
    # The snippet loads the unquantised base; how far that moves the first test set's probabilities is what the card states.
    said = np.array([[answer["scores"][name] for name in run.stored.labels.names] for answer in answers])
    moved = np.abs(said - run.stored.probabilities)[run.stored.split == "ynacc"].max()
    assert moved == pytest.approx(run.record["export"]["drift"]["float32"]["largest"], abs=1e-5)


@pytest.mark.parametrize("recipe", ["topic_guard", "topic_guard_bert"])
def test_seed_001_reads_messages_through_the_merged_model(recipe: str, learnt: Run) -> None:
    run = learnt(recipe)
    code = card("001_merged.txt", **{"geoffmunn/Qwen3Guard-StarTrek-Classification-8B": run.model})
    everything = join([run.train, run.stored])
    messages = run.inputs_of(everything)
    own = "What is the warp core made of in Star Trek?"
    for row in (messages.index(own), *range(len(run.train), len(messages))):
        found = run_code(code.replace(repr(own).replace("'", '"'), repr(messages[row])))
        assert found["label"] == names_of(everything)[row]
        logits = found["outputs"].logits[0]
        np.testing.assert_allclose(logits.softmax(-1).tolist(), everything.probabilities[row], atol=1e-4)


def test_seed_002_answers_in_words(learnt: Run) -> None:
    run = learnt("mmlu_pro")
    names = {"Qwen/Qwen3-0.6B": str(run.base), "YOUR_USERNAME/qwen3-mmlu-classifier": run.model}
    code = card("002_generate.txt", **names)
    found = run_code(code)
    assert found["prompt"] == run.reloaded.reader.encoder.rendered(found["question"])
    asking = code.partition("# Prepare prompt\n")[2]
    for question, name in zip(run.inputs_of(run.train), names_of(run.train), strict=True):
        asked = run_code(asking.replace(found["question"], question), **found)
        assert asked["category"] == name.split()[0]  # the snippet prints the first word
    test = run.stored.of_split("test")
    for row, question in enumerate(run.inputs_of(test)[:3]):
        prompt = found["prompt"].replace(found["question"], question)
        said = [likelihood(found, prompt, f" {name}") for name in test.labels.names]
        np.testing.assert_allclose(np.exp(said) / np.exp(said).sum(), test.probabilities[row], atol=0.02)  # fp16


def likelihood(loaded: dict[str, Any], prompt: str, answer: str) -> float:
    """Return an answer's log-likelihood by the model that a snippet has loaded."""
    begun, whole = (loaded["tokenizer"](text, return_tensors="pt")["input_ids"] for text in (prompt, prompt + answer))
    with torch.no_grad():
        log_p = loaded["model"](whole).logits[0].float().log_softmax(-1)
    steps = range(begun.shape[1], whole.shape[1])
    return sum(float(log_p[step - 1, whole[0, step]]) for step in steps)


def test_chat_form_is_one_word_away(tmp_path: Path, cache: Path) -> None:
    run = learn("mmlu_pro", tmp_path, cache, "prompt=mmlu_pro_chat", "train.steps=1", "export.gate_rows=4")
    assert run.record["export"]["status"] == "passed"
    prompt = run.reloaded.reader.encoder.rendered("Is it so?")
    assert prompt.startswith("<|im_start|>user\nYou are an expert academic classifier.")
    assert prompt.endswith("A:<|im_end|>\n<|im_start|>assistant\n")
    assert [label["ids"] for label in run.record["audit"]["labels"]] == [
        label["without_space"] for label in run.record["audit"]["labels"]
    ]


def test_seed_003_reads_a_chinese_line_through_the_merged_model(learnt: Run) -> None:
    run = learnt("qwen2_article")
    names = {
        "torch": torch,
        "tokenizer": AutoTokenizer.from_pretrained(run.model),
        "saved_model": AutoModelForSequenceClassification.from_pretrained(run.model),
    }
    code = card("003_prediction.txt", **{"max_length=24": "max_length=64"})
    everything = join([run.train, run.stored])
    lines = run.inputs_of(everything)
    own = run_code(code, **names)["txt"]
    for row in (lines.index(own), *range(len(run.train), len(lines))):
        found = run_code(code.replace(own, lines[row]), **names)
        assert found["pred"] == everything.predicted[row]
        np.testing.assert_allclose(found["logits"][0].softmax(-1).tolist(), everything.probabilities[row], atol=1e-4)


def test_seed_004_scores_conversations(learnt: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run = learnt("quality")
    everything = join([run.train, run.stored])
    conversations = run.inputs_of(everything)
    code = card("004_score.txt", **{"Polygl0t/portuguese-qwen3-4b-instruct-quality-classifier": run.model})
    capsys.readouterr()
    found = run_code(code)
    asked = [found["good_messages"], found["bad_messages"], *run.inputs_of(run.stored)]
    scoring = code[code.index("for message in") :].replace("[good_messages, bad_messages]", "conversations")
    run_code(scoring, **found, conversations=asked[2:])
    said = [ast.literal_eval(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    rows = [conversations.index(messages) for messages in asked]
    np.testing.assert_allclose([row["score"] - 1 for row in said], everything.expected_score[rows], atol=1e-3)
    assert [str(row["int_score"]) for row in said] == [names_of(everything)[row] for row in rows]
