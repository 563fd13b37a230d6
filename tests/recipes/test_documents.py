"""The recipes as they stand hold the numbers of the documents they come from."""

from __future__ import annotations

from typing import Any

import pytest

from export.finished_runs import configured

SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# What each document says, by the keys of the typed configuration.
DOCUMENTS: dict[str, dict[str, Any]] = {
    "constructive": {
        "model.source.name": "Qwen/Qwen3-Embedding-0.6B",
        "head.kind": "classification",
        "data.labels.names": ["non-constructive", "constructive"],
        "lora.quantisation": "nf4",
        "lora.rank": 16,
        "lora.alpha": 32,
        "lora.dropout": 0.1,
        "lora.targets": SEVEN,
        "loss.kind": "focal",
        "loss.class_weights": "balanced",
        "prompt.template": "{text}",
        "prompt.max_tokens": 4096,
        "train.batch_size": 64,
        "train.learning_rate": 2e-6,
        "export.form": "adapter",
    },
    "topic_guard": {
        "model.source.name": "Qwen/Qwen3-8B",
        "head.kind": "classification",
        "data.fields.text": ["input"],
        "data.labels.names": ["not_related", "related"],
        "data.split.test": 0.1,
        "lora.quantisation": "none",
        "lora.rank": 16,
        "lora.alpha": 32,
        "lora.dropout": 0.05,
        "lora.targets": ["q_proj", "v_proj", "up_proj", "down_proj"],
        "loss.kind": "cross_entropy",
        "prompt.template": "{text}",
        "prompt.max_tokens": 512,
        "train.epochs": 3,
        "train.batch_size": 32,
        "train.micro_batch_size": 2,
        "train.learning_rate": 2e-4,
        "train.schedule": "cosine",
        "train.warmup_fraction": 0.1,
        "train.metric": "log_loss",
        "export.form": "merged",
    },
    "mmlu_pro": {
        "seed": 42,
        "model.source.name": "Qwen/Qwen3-0.6B",
        "head.kind": "generative",
        "data.source.name": "TIGER-Lab/MMLU-Pro",
        "data.seed": 42,
        "data.split.validation": 0.2,
        "data.split.test": 0.2,
        "data.subset.per_class": 142,
        "lora.rank": 16,
        "lora.alpha": 32,
        "lora.dropout": 0.05,
        "lora.targets": SEVEN,
        "loss.kind": "language_model",
        "prompt.chat": False,
        "prompt.max_tokens": 512,
        "train.epochs": 8,
        "train.batch_size": 16,
        "train.learning_rate": 3e-4,
        "train.schedule": "cosine",
        "train.warmup_fraction": 0.1,
        "train.weight_decay": 0.01,
        "train.clip_norm": 1.0,
        "export.form": "adapter",
    },
    "qwen2_article": {
        "model.source.name": "Qwen/Qwen2.5-3B-Instruct",
        "head.kind": "classification",
        "data.labels.names": ["正向", "负向"],
        "lora.rank": 64,
        "lora.alpha": 128,
        "lora.dropout": 0.1,
        "lora.targets": SEVEN,
        "loss.kind": "cross_entropy",
        "prompt.template": "{text}",
        "prompt.max_tokens": 24,
        "train.epochs": 3,
        "train.batch_size": 8,
        "train.learning_rate": 5e-5,
        "train.schedule": "linear",
        "train.warmup_fraction": 0,
        "train.metric": "log_loss",
        "export.form": "merged",
    },
    "quality": {
        "model.source.name": "Qwen/Qwen3-4B",
        "head.kind": "regression",
        "data.labels.names": ["1", "2", "3", "4", "5"],
        "data.labels.values": [0, 1, 2, 3, 4],
        "lora.kind": "full",
        "lora.embeddings": False,
        "loss.kind": "mse",
        "prompt.chat": True,
        "prompt.generation_prompt": False,
        "prompt.max_tokens": 6032,
        "train.epochs": 2,
        "train.batch_size": 64,
        "train.learning_rate": 5e-5,
        "train.schedule": "cosine",
        "train.warmup_steps": 100,
        "train.metric": "macro_f1",
        "export.form": "merged",
    },
}
GIVEN = {"qwen2_article": ["data.source.name=x.csv"]}


@pytest.mark.parametrize("recipe", DOCUMENTS)
def test_the_recipe_says_what_its_document_says(recipe: str) -> None:
    config = configured(f"experiment=recipe_{recipe}", *GIVEN.get(recipe, []))
    assert config.name == f"recipe_{recipe}-{config.model.name}"
    for key, expected in DOCUMENTS[recipe].items():
        value: Any = config
        for part in key.split("."):
            value = getattr(value, part)
        assert value == expected, key
