"""The very snippets of the five published cards, names aside, work on what we export and say what we stored.

``cards/`` holds their code word for word. Each card's own example stands among the test rows.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from export.finished_runs import card_code, finished, outspoken, run_code, stored, write_rows

pytestmark = [pytest.mark.usefixtures("no_page"), pytest.mark.slow]  # a run and an export for each card
CARDS = Path(__file__).parent / "cards"
LEARN = ["train.steps=20", "train.learning_rate=1e-2", "train.keep_best=false", "prompt=plain", "lora.rank=8"]


def card(name: str, **names: str) -> str:
    """Return a card's code with the names of its models replaced."""
    code = (CARDS / name).read_text(encoding="utf-8")
    for theirs, ours in names.items():
        assert theirs in code
        code = code.replace(theirs, ours)
    return code


def data_folder(folder: Path, train: list[dict[str, Any]], test: list[dict[str, Any]]) -> list[str]:
    """Write rows; return the overrides that read them. Training and test texts may be equal here: it is learnt by heart."""
    folder.mkdir()
    write_rows(folder / "train.jsonl", train)
    write_rows(folder / "test.jsonl", test)
    write_rows(folder / "validation.jsonl", [{**row, "question_id": -number} for number, row in enumerate(test, 1)])
    files = [f"+data.files.{split}={split}.jsonl" for split in ("validation", "test")]
    return [f"data.source.name={folder}", "data.files.train=train.jsonl", *files, "data.leakage=report"]


def probabilities(folder: Path) -> np.ndarray:
    return stored(folder).probabilities


def test_seed_000_an_adapter_row_by_row(tmp_path: Path, cache: Path) -> None:
    example = ast.literal_eval(card("000_adapter.txt").partition("\ntext = ")[2].partition("\n")[0])
    kind, harsh = "[author0] thanks, that is a good point [author1] I agree", "[author0] you fool [author1] shut up"
    rows = [
        {"text": f"{text} {i}", "label": label}
        for i in range(8)
        for label, text in (("non-constructive", harsh), ("constructive", kind))
    ]
    names = ["data.labels.names=[non-constructive,constructive]"]
    data = data_folder(tmp_path / "data", rows, [{"text": example, "label": "constructive"}, *rows[:4]])
    record = finished(
        tmp_path / "run",
        cache,
        tmp_path / "data",
        *data,
        *names,
        *LEARN,
        "model.architecture=qwen3",
        "prompt.max_tokens=4096",
        "loss=focal",
        "loss.class_weights=balanced",
    )
    assert record.metrics["test"]["accuracy"]["value"] >= 0.8
    code = card(
        "000_adapter.txt",
        **{
            "Qwen/Qwen3-Embedding-0.6B": str(cache / "tiny/qwen3"),
            "NiklasKoch/qwen-discussion-classifier": str(tmp_path / "run/model"),
        },
    )
    found = run_code(code)
    answers = [found["result"], *(found["classify_text"](row["text"]) for row in rows[:4])]
    said = [[answer["scores"]["non-constructive"], answer["scores"]["constructive"]] for answer in answers]
    np.testing.assert_allclose(said, probabilities(tmp_path / "run"), atol=1e-4)


@pytest.mark.parametrize("architecture", ["bert", "modernbert", "llama"])
def test_seed_001_a_merged_model_alone_in_batches_and_in_a_pipeline(
    architecture: str, tmp_path: Path, cache: Path
) -> None:
    question = "What is the warp core made of in Star Trek?"
    related, other = "What does a phaser do aboard the Enterprise", "Who wrote Pride and Prejudice"
    rows = [
        {"text": f"{text}, {i}?", "label": label}
        for i in range(8)
        for label, text in (("not_related", other), ("related", related))
    ]
    names = ["data.labels.names=[not_related,related]"]
    test = [{"text": question, "label": "related"}, *rows[:5]]
    data = data_folder(tmp_path / "data", rows, test)
    finished(
        tmp_path / "run",
        cache,
        tmp_path / "data",
        *data,
        *names,
        *LEARN,
        f"model.architecture={architecture}",
        "export.form=merged",
    )
    model, expected = str(tmp_path / "run/model"), probabilities(tmp_path / "run")
    found = run_code(card("001_merged.txt", **{"geoffmunn/Qwen3Guard-StarTrek-Classification-8B": model}))
    assert found["label"] == ["not_related", "related"][expected[0].argmax()]
    np.testing.assert_allclose(found["outputs"].logits.softmax(-1).tolist(), expected[:1], atol=1e-4)
    texts = [row["text"] for row in test]
    batch = found["tokenizer"](texts, padding=True, return_tensors="pt")
    np.testing.assert_allclose(found["model"](**batch).logits.softmax(-1).tolist(), expected, atol=1e-4)
    answers = pipeline("text-classification", model=model, top_k=None)(texts, batch_size=6)
    said = [{part["label"]: part["score"] for part in answer} for answer in answers]
    np.testing.assert_allclose([[row["not_related"], row["related"]] for row in said], expected, atol=1e-4)


def test_seed_002_an_adapter_that_writes_its_answer(tmp_path: Path, cache: Path) -> None:
    base = outspoken("qwen3", cache, tmp_path / "base")
    topics = {"physics": "quantum mechanics", "law": "contract law", "computer science": "sorting algorithms"}
    rows = [
        {"question": f"What are the key principles of {topic}?", "category": name, "question_id": i}
        for i, (name, topic) in enumerate(list(topics.items()) * 2)
    ]
    test = [{**row, "question_id": 100 + i} for i, row in enumerate(rows[:3])]
    record = finished(
        tmp_path / "run",
        cache,
        tmp_path / "data",
        "experiment=recipe_mmlu_pro",
        "model=qwen3_0_6b",
        "model.instruct.kind=path",
        f"model.instruct.name={base}",
        "data=mmlu_pro",
        "data.source.kind=path",
        "data.subset.per_class=null",
        *data_folder(tmp_path / "data", rows, test),
        "lora.dropout=0",
        "train.steps=25",
        "train.learning_rate=3e-3",
        "train.schedule=constant",
        "train.micro_batch_size=null",
        "train.evaluate_every=100",
    )
    assert record.metrics["test"]["accuracy"]["value"] == 1.0
    assert record.export["form"] == "adapter"
    model = tmp_path / "run/model"
    found = run_code(
        card("002_generate.txt", **{"Qwen/Qwen3-0.6B": str(base), "YOUR_USERNAME/qwen3-mmlu-classifier": str(model)})
    )
    assert found["category"] == "physics"
    own, writing = card_code(model)
    names = run_code(own.replace("The text to classify.", test[2]["question"]))
    said = [list(names["classify"](row["question"]).values()) for row in test]
    np.testing.assert_allclose(said, probabilities(tmp_path / "run"), atol=1e-4)
    output = run_code(writing.replace("The text to classify.", test[2]["question"]), **names)
    assert names["tokenizer"].decode(output["output"][0], skip_special_tokens=True).endswith("A: computer science")


def test_seed_003_a_merged_model_and_its_chinese_line(tmp_path: Path, cache: Path) -> None:
    bad, good = "退钱,什么辣鸡基金", "很好,赚钱了,谢谢"
    rows = [{"text": f"{text}{i}", "label": name} for i in range(8) for name, text in (("正向", good), ("负向", bad))]
    data = data_folder(tmp_path / "data", rows, [{"text": bad, "label": "负向"}, {"text": good, "label": "正向"}])
    finished(
        tmp_path / "run",
        cache,
        tmp_path / "data",
        *data,
        *LEARN,
        "model.architecture=qwen2",
        "data.labels.names=['正向','负向']",
        "export.form=merged",
    )
    model = tmp_path / "run/model"
    import torch

    found = run_code(
        card("003_prediction.txt").replace("max_length=24", "max_length=128"),  # the tiny tokenizer writes bytes
        torch=torch,
        tokenizer=AutoTokenizer.from_pretrained(model),
        saved_model=AutoModelForSequenceClassification.from_pretrained(model),
    )
    assert found["pred"] == 1
    np.testing.assert_allclose(found["logits"].softmax(-1).tolist(), probabilities(tmp_path / "run")[:1], atol=1e-4)


def test_seed_004_a_score_of_a_conversation(tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = {"role": "user", "content": "Qual é a capital de Portugal?"}
    answers = {"5": "A capital de Portugal é Lisboa.", "1": "Minha cor favorita é azul."}
    rows = [
        {"messages": [asked, {"role": "assistant", "content": text}], "score": int(score)}
        for score, text in answers.items()
    ]
    data = data_folder(tmp_path / "data", rows * 8, rows)
    finished(
        tmp_path / "run",
        cache,
        tmp_path / "data",
        "experiment=recipe_quality",
        "model=tiny",
        "model.architecture=qwen3",
        "data=portuguese_quality",
        "data.source.kind=path",
        *data,
        "data.subset={per_class: null, train: null, validation: null, test: null}",
        "train.steps=30",
        "train.warmup_steps=2",
        "train.schedule=constant",
        "train.learning_rate=3e-3",
        "train.batch_size=16",
        "train.gradient_checkpointing=false",
        "train.micro_batch_size=null",
    )
    capsys.readouterr()
    model = str(tmp_path / "run/model")
    run_code(card("004_score.txt", **{"Polygl0t/portuguese-qwen3-4b-instruct-quality-classifier": model}))
    said = [ast.literal_eval(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    np.testing.assert_allclose([row["score"] - 1 for row in said], stored(tmp_path / "run").expected_score, atol=1e-3)
    assert [row["int_score"] for row in said] == [5, 1]
