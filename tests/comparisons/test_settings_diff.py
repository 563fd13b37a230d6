"""A verdict names the settings in which its arms differ, and what each loss is taken over."""

from __future__ import annotations

from typing import Any

from headtohead.comparisons.settings_diff import settings_in_words, settings_of_arms


def config(loss: str, seed: int = 0, rate: float = 1e-3, **lora: Any) -> dict[str, Any]:
    return {
        "name": f"run {seed}",
        "seed": seed,
        "data": {"name": "news", "seed": seed, "labels": {"map": {}}},
        "head": {"kind": "generative"},
        "loss": {"kind": loss, "class_weights": "none"},
        "lora": lora,
        "train": {"learning_rate": rate},
    }


def test_what_differs_is_named_per_arm_and_seeds_are_not():
    full = [config("language_model", seed, targets=["q"]) for seed in (0, 1)]
    label_set = [config("cross_entropy", 5, rate=rate, targets=["q", "v"]) for rate in (3e-3, 1e-3)]
    found = settings_of_arms({"full": full, "label set": label_set})
    assert found["differ"] == {
        "loss.kind": {"full": ["language_model"], "label set": ["cross_entropy"]},
        "lora.targets": {"full": [["q"]], "label set": [["q", "v"]]},
        "train.learning_rate": {"full": [0.001], "label set": [0.001, 0.003]},
    }
    assert found["losses"] == {
        "full": ["language_model over the full vocabulary"],
        "label set": ["cross_entropy restricted to the label set"],
    }
    said = settings_in_words(found)
    assert "train.learning_rate: full 0.001, label set 0.001 or 0.003" in said
    assert said[-1].endswith("label set cross_entropy restricted to the label set")


def test_arms_alike_differ_in_nothing_and_a_setting_of_one_arm_is_null_in_the_other():
    assert settings_of_arms({"a": [config("focal")], "b": [config("focal", 3)]})["differ"] == {}
    with_rank = settings_of_arms({"a": [config("focal")], "b": [config("focal", rank=8)]})["differ"]
    assert with_rank == {"lora.rank": {"a": [None], "b": [8]}}
    plain = {**config("cross_entropy"), "head": {"kind": "classification"}}
    assert settings_of_arms({"a": [plain]})["losses"] == {"a": ["cross_entropy"]}
