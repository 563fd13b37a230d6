"""Checkpoints of this disk: known by content, converted once, and refused where reading them would run something."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from checkpoints.made_up_checkpoints import RAN, copy_of_tiny, edit, with_code, write_gguf
from headtohead.backbone import load_backbone
from headtohead.checkpoints import content_now, fetch_model
from headtohead.config import HeadConfig, ModelConfig
from headtohead.config.source import SourceConfig
from headtohead.errors import UserError
from headtohead.sources import content_of
from tiny_runs import labels_of


def model_at(path: Path, *, trusted: bool = False) -> ModelConfig:
    return ModelConfig(name="mine", base=SourceConfig(kind="path", name=str(path)), trust_remote_code=trusted)


def load(config: ModelConfig, cache: Path, head: HeadConfig) -> object:
    labels = labels_of()
    return load_backbone(
        config,
        head,
        labels,
        width=len(labels),
        quantisation="none",
        weights_dtype=torch.float32,
        cache=cache,
        device=torch.device("cpu"),
    )


@pytest.mark.slow  # a conversion
def test_a_gguf_file_is_known_by_its_content_and_read_by_itself(tmp_path: Path, cache: Path) -> None:
    file = write_gguf(tmp_path / "mine.gguf")
    with_code(tmp_path / "beside", cache, tokenizer=True)
    for beside in ("config.json", "tokenizer_config.json", "own.py"):
        (tmp_path / beside).write_bytes((tmp_path / "beside" / beside).read_bytes())
    first = fetch_model(model_at(file), tmp_path / "cache")
    assert first.path.name == first.content[""][:16]
    assert not (tmp_path / RAN).exists()
    assert "auto_map" not in (first.path / "config.json").read_text()
    before, made = file.stat(), load_file(first.path / "model.safetensors")
    assert fetch_model(model_at(file), tmp_path / "cache") == first

    write_gguf(file, seed=1)
    assert file.stat().st_size == before.st_size
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    other = fetch_model(model_at(file), tmp_path / "cache")
    assert other.content != first.content
    name = "model.layers.0.mlp.up_proj.weight"
    assert not torch.equal(load_file(other.path / "model.safetensors")[name], made[name])
    assert content_now(model_at(file), tmp_path / "cache") == other.content

    save_file({key: -tensor for key, tensor in made.items()}, first.path / "model.safetensors", {"format": "pt"})
    write_gguf(file)  # what was made of it before has been written over: it is made again
    assert fetch_model(model_at(file), tmp_path / "cache") == first
    assert torch.equal(load_file(first.path / "model.safetensors")[name], made[name])


def test_content_is_of_what_loading_reads_and_of_nothing_else(tmp_path: Path, cache: Path) -> None:
    folder = copy_of_tiny(tmp_path / "model", cache)
    before = content_of(folder)
    for name in ("README.md", "optimizer.pt", ".gitattributes", "runs/config.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    assert content_of(folder) == before
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tools.jinja").write_text("x")
    assert content_of(folder).keys() - before.keys() == {"additional_chat_templates/tools.jinja"}


HEADS = {
    "native": HeadConfig(),
    "generative": HeadConfig(kind="generative"),
    "pooled": HeadConfig(pooling="mean"),
}


@pytest.mark.parametrize("stdin", ["open", "closed"])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("part", ["model", "tokenizer", "both known"])
def test_code_of_a_checkpoint_is_neither_asked_about_nor_run(
    part: str, head: str, stdin: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = with_code(tmp_path / "model", cache, model=part == "model", tokenizer=part != "model")
    if part == "both known":  # to transformers too, which builds them without
        edit(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
        edit(folder / "config.json", auto_map={"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnCausal"})
    answers = io.StringIO("y\n" * 9)
    if stdin == "closed":
        answers.close()
    monkeypatch.setattr(sys, "stdin", answers)
    if part != "both known":
        with pytest.raises(UserError, match=r"needs code of its own .*model\.trust_remote_code=true runs it"):
            load(model_at(folder), tmp_path / "cache", HEADS[head])
    else:
        load(model_at(folder), tmp_path / "cache", HEADS[head])
    assert not (folder / RAN).exists()
    assert stdin == "closed" or answers.tell() == 0


def test_code_runs_where_it_is_trusted(tmp_path: Path, cache: Path) -> None:
    folder = with_code(tmp_path / "model", cache)
    load(model_at(folder, trusted=True), tmp_path / "cache", HEADS["generative"])
    assert (folder / RAN).exists()
    assert "own.py" in content_of(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "tf_model.h5", "flax_model.msgpack"])
def test_weights_that_are_no_safetensors_are_not_read(tmp_path: Path, cache: Path, name: str) -> None:
    folder = copy_of_tiny(tmp_path / "model", cache)
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(UserError, match=f"holds its weights as {name}, and a pickle can run anything"):
        fetch_model(model_at(folder), tmp_path / "cache")


def test_shards_must_be_there_and_be_safetensors(tmp_path: Path, cache: Path) -> None:
    folder = copy_of_tiny(tmp_path / "model", cache)
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(UserError, match=r"names model-00002-of-00002\.safetensors, which is not there"):
        fetch_model(model_at(folder), tmp_path / "cache")
    index.write_text(json.dumps({"weight_map": shards | {"b": "pytorch_model-00002-of-00002.bin"}}))
    with pytest.raises(UserError, match=r"names pytorch_model-00002-of-00002\.bin, which is no safetensors file"):
        fetch_model(model_at(folder), tmp_path / "cache")


def test_what_is_no_checkpoint_says_what_it_is(tmp_path: Path, cache: Path) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(UserError) as raised:
            fetch_model(model_at(path), tmp_path / "cache")
        return str(raised.value)

    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "owner/base"}))
    assert "is an adapter over owner/base, not a model" in refused(adapter)
    run = tmp_path / "run"
    (run / "model").mkdir(parents=True)
    (run / "result.json").write_text("{}")
    (run / "model/config.json").write_text("{}")
    assert f"is a run, not a model: model.id={run}/model loads what it exported" in refused(run)
    assert "there is no config.json" in refused(tmp_path)
    (tmp_path / "weights.bin").write_text("")
    assert "give the folder that holds config.json" in refused(tmp_path / "weights.bin")
    folder = copy_of_tiny(tmp_path / "cut", cache)
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(UserError, match="model=mine cannot be loaded"):
        load(model_at(folder), tmp_path / "cache", HEADS["native"])
