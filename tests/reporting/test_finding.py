"""The page's words follow from the numbers, and say so when the baseline wins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headtohead.reporting import finding
from headtohead.reporting.numbers import count, interval, number, percent, plain, seconds
from headtohead.results import RunRecord


def entry(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def record(own: dict[str, float | None], metric: str = "accuracy", **baselines: Any) -> RunRecord:
    return RunRecord(
        name="run",
        fingerprint="abc",
        status="completed",
        config={
            "model": {"name": "smollm2_135m", "kind": "transformers", "variant": "instruct"},
            "lora": {"kind": "lora", "rank": 16},
            "head": {"kind": "generative"},
            "data": {"name": "bbc_news"},
        },
        metrics={"validation": {metric: entry(0.1)}, "test": {metric: own}},
        details={"test": {"rows": 400}},
        baselines={name: {"test": {metric: value}} for name, value in baselines.items()},
        cost={"seconds": {"train": 100.0, "evaluate": 43.2}},
        model={"name": "smollm2_135m", "source": {"kind": "hub", "name": "HuggingFaceTB/SmolLM2-135M-Instruct"}},
    )


def test_the_sentence_of_the_finding() -> None:
    run = record(entry(0.95, 0.93, 0.97), tfidf=entry(0.96), majority=entry(0.23))
    assert finding.subject(run).replace("\xa0", " ") == "SmolLM2-135M-Instruct + LoRA r16, generative head, on bbc_news"
    expected = "accuracy .950 [.930, .970] on 400 test rows; TF-IDF .960; majority .230; 143 s"
    assert finding.lead(run).replace("\xa0", " ") == expected


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (400, "400 test rows, every one of them cut"),
        (84, "400 test rows, 84 of them (21 %) cut"),
        (20, "400 test rows;"),
    ],
)
def test_the_sentence_says_that_the_model_read_parts_alone(cut: int, said: str) -> None:
    run = record(entry(0.95), tfidf=entry(0.96))
    run.data["truncation"] = {"test": {"rows": 400, "rows_cut": cut}, "train": {"rows": 10, "rows_cut": 10}}
    assert said in finding.lead(run)


def test_models_from_elsewhere_go_by_their_configured_name() -> None:
    run = record(entry(0.9))
    run.model = {}
    assert finding.model_name(run) == "smollm2_135m"
    run.config["model"] |= {"base": {"kind": "wheel"}, "instruct": {"kind": "wheel"}}
    assert finding.model_name(run) == "smollm2_135m instruct"


@pytest.mark.parametrize(
    ("lora", "expected"),
    [
        ({"kind": "lora", "rank": 8, "quantisation": "nf4"}, "QLoRA r8"),
        ({"kind": "lora", "rank": 8, "quantisation": "none", "dora": True}, "DoRA r8"),
        ({"kind": "full", "embeddings": True}, "full fine-tuning"),
        ({"kind": "full", "embeddings": False}, "full fine-tuning but embeddings"),
        ({"kind": "frozen"}, "frozen trunk"),
        ({}, ""),
    ],
)
def test_what_was_trained_in_words(lora: dict[str, Any], expected: str) -> None:
    run = record(entry(0.9))
    run.config["lora"] = lora
    assert finding.trained_name(run).replace("\xa0", " ") == expected


@pytest.mark.parametrize(
    ("own", "difference", "tone", "title"),
    [
        (0.95, entry(0.05, 0.01, 0.08), "good", "Beats TF-IDF by .050"),
        (0.91, entry(0.01, -0.01, 0.02), "level", "Ahead of TF-IDF by .010, but not clearly"),
        (0.90, entry(0.0, -0.02, 0.02), "bad", "No better than TF-IDF"),
        (0.89, entry(-0.01, -0.02, 0.01), "bad", "TF-IDF is ahead by .010, not clearly"),
        (0.74, entry(-0.16, -0.2, -0.1), "bad", "TF-IDF wins by .160"),
        (0.95, entry(0.05), "level", "Ahead of TF-IDF by .050, but not clearly"),
        (0.95, None, "level", "Ahead of TF-IDF by .050, but not clearly"),
    ],
)
def test_the_verdict_follows_from_the_paired_difference(own: float, difference: Any, tone: str, title: str) -> None:
    run = record(entry(own, own - 0.02, own + 0.02), tfidf=entry(0.9, 0.88, 0.92), majority=entry(0.2, 0.1, 0.3))
    run.differences = {"tfidf": {"test": {"accuracy": difference}}} if difference else {}
    found = finding.verdict(run)
    assert found is not None
    assert (found.tone, found.title) == (tone, title)
    assert ("linear model" in found.text) == (tone == "bad")


def test_the_strongest_baseline_is_the_one_that_counts() -> None:
    found = finding.verdict(record(entry(0.9, 0.8, 1.0), tfidf=entry(0.5), tfidf_truncated=entry(0.95, 0.9, 1.0)))
    assert found is not None
    assert found.title.startswith("TF-IDF on truncated text is ahead")


def test_an_error_is_better_when_lower() -> None:
    run = record(entry(0.5, 0.4, 0.6), "mae", tfidf=entry(0.9, 0.8, 1.0), majority=entry(2.0))
    run.differences = {"tfidf": {"test": {"mae": entry(-0.4, -0.5, -0.3)}}}
    found = finding.verdict(run)
    assert found is not None
    assert found.title == "Beats TF-IDF by .400"


def test_a_run_that_learned_nothing_is_told_so_first() -> None:
    found = finding.verdict(record(entry(0.2, 0.1, 0.3), tfidf=entry(0.1, 0.0, 0.2), majority=entry(0.2, 0.1, 0.3)))
    assert found is not None
    assert (found.tone, found.title) == ("bad", "No better than always giving the same answer")


def test_nothing_to_compare_gives_no_verdict() -> None:
    assert finding.verdict(record(entry(0.9))) is None
    assert finding.verdict(record(entry(None), tfidf=entry(0.9))) is None


def test_the_test_split_heads_the_page_and_scores_are_headed_by_their_error() -> None:
    run = record(entry(0.9))
    assert finding.main_split(run) == "test"
    run.metrics = {"validation": {}, "new_york": {}}
    assert finding.main_split(run) == "new_york"
    assert finding.headline({"accuracy": entry(0.1), "mae": entry(1.0)}) == "mae"
    assert finding.headline({"macro_f1": entry(0.1), "subset_accuracy": entry(1.0)}) == "macro_f1"


def test_numbers_are_written_in_one_style() -> None:
    assert [number(value) for value in (0.95, 1.0, -0.5, 0.0, -0.0001, 12.34, 4321.0, None)] == [
        ".950", "1.000", "−.500", ".000", ".000", "12.3", "4,321", "–",
    ]  # fmt: skip
    assert interval(entry(0.5)) == ""
    assert [percent(share) for share in (0.035, 0.0, 0.83, 1.0)] == ["3.5 %", "0 %", "83 %", "100 %"]
    assert count(139_400_000) == "139 M"
    assert [seconds(value).replace("\xa0", " ") for value in (3.91, 143.2, 900, 10_800)] == [
        "3.9 s", "143 s", "15 min", "3.0 h",
    ]  # fmt: skip
    assert plain({"a": [1, None, True], "b": 3.1e-07}) == "a: 1, –, yes, b: 3.1e-07"


def test_a_loss_restricted_to_the_label_set_is_named() -> None:
    restricted = replace(record(entry(0.9)), model={"loss": "cross_entropy restricted to the label set"})
    assert "cross_entropy restricted to the label set" in finding.subject(restricted)
    whole = replace(restricted, model={"loss": "language_model over the full vocabulary"})
    assert "vocabulary" not in finding.subject(whole)
