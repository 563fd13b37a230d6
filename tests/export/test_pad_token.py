"""A checkpoint that names no pad token and a tokenizer that ends every row with its own: Qwen3-Embedding's shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from export.finished_runs import exported, finished
from headtohead.backbone import load_tokenizer, settle_pad_token
from headtohead.tiny import tiny_checkpoint


@pytest.fixture(scope="module")
def embedding_model(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    from tokenizers import processors
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("models") / "embedding"
    source = tiny_checkpoint("qwen3", cache)
    model = AutoModelForCausalLM.from_pretrained(source)
    model.config.pad_token_id = None
    model.save_pretrained(folder)
    tokenizer: Any = load_tokenizer(source)
    end = tokenizer.pad_token
    template = processors.TemplateProcessing(single=f"$A {end}", special_tokens=[(end, tokenizer.pad_token_id)])
    tokenizer.backend_tokenizer.post_processor = template
    tokenizer.save_pretrained(folder)
    return folder


def test_padding_takes_a_token_that_ends_no_row(embedding_model: Path) -> None:
    from transformers import AutoConfig

    config, tokenizer = AutoConfig.from_pretrained(embedding_model), load_tokenizer(embedding_model)
    assert tokenizer("a")["input_ids"][-1] == tokenizer.pad_token_id
    settle_pad_token(config, tokenizer)
    assert config.pad_token_id == tokenizer.pad_token_id != tokenizer("a")["input_ids"][-1]


def test_a_checkpoints_own_pad_token_is_kept(cache: Path) -> None:
    from transformers import AutoConfig

    source = tiny_checkpoint("qwen3", cache)
    config, tokenizer = AutoConfig.from_pretrained(source), load_tokenizer(source)
    config.pad_token_id = 3
    settle_pad_token(config, tokenizer)
    assert (config.pad_token_id, tokenizer.pad_token_id) == (3, 3)


@pytest.mark.slow  # exports twice
def test_both_forms_read_the_token_that_training_read(
    embedding_model: Path, tmp_path: Path, cache: Path, news: Path
) -> None:
    overrides = ["model=qwen3_0_6b", "model.instruct.kind=path", f"model.instruct.name={embedding_model}"]
    record = finished(tmp_path / "run", cache, news, *overrides, "prompt=plain", "lora.rank=4")
    assert record.export["status"] == "passed", record.export
    found = exported(tmp_path / "run", cache, "merged")
    assert found["status"] == "passed", found
    assert set(found["gate"]["checks"]) == {"row by row", "mixed batches", "the card's program", "the card's pipeline"}
    config = json.loads((tmp_path / "run/model/config.json").read_text(encoding="utf-8"))
    assert config["pad_token_id"] not in (None, 0)
