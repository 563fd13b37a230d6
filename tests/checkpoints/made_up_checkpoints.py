"""Checkpoints of every kind, small and random: GGUF, with code of their own, with weights that no one should read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from headtohead.tiny import tiny_checkpoint

RAN = "ran.txt"
CODE = """
open({mark!r}, "w").close()
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, LlamaModel, PreTrainedTokenizerFast

class OwnConfig(LlamaConfig):
    model_type = "own"

class OwnModel(LlamaModel):
    config_class = OwnConfig

class OwnCausal(LlamaForCausalLM):
    config_class = OwnConfig

class OwnClassifier(LlamaForSequenceClassification):
    config_class = OwnConfig

class OwnTokenizer(PreTrainedTokenizerFast):
    pass
"""
OWN_CLASSES = {
    "AutoConfig": "own.OwnConfig",
    "AutoModel": "own.OwnModel",
    "AutoModelForCausalLM": "own.OwnCausal",
    "AutoModelForSequenceClassification": "own.OwnClassifier",
}


def copy_of_tiny(folder: Path, cache: Path, architecture: str = "llama") -> Path:
    return Path(shutil.copytree(tiny_checkpoint(architecture, cache), folder))


def edit(path: Path, **values: object) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(stored | values), encoding="utf-8")


def with_code(folder: Path, cache: Path, *, model: bool = True, tokenizer: bool = False) -> Path:
    """Make a checkpoint that only its own code can build; the code leaves ``ran.txt`` where it is run."""
    copy_of_tiny(folder, cache)
    (folder / "own.py").write_text(CODE.format(mark=str(folder / RAN)))
    if model:
        edit(folder / "config.json", model_type="own", auto_map=OWN_CLASSES)
    if tokenizer:
        edit(
            folder / "tokenizer_config.json",
            tokenizer_class="OwnTokenizer",
            auto_map={"AutoTokenizer": [None, "own.OwnTokenizer"]},
        )
    return folder


def write_gguf(path: Path, *, seed: int = 0) -> Path:
    """Write a random Llama of one layer as GGUF, its tokenizer of single bytes inside; equal seeds, equal bytes."""
    import gguf
    import numpy as np
    from tokenizers import pre_tokenizers

    hidden, inner, heads = 32, 64, 4
    tokens = ["<|pad|>", "<|end|>", *sorted(pre_tokenizers.ByteLevel.alphabet()), "th"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("made up")
    writer.add_context_length(512)
    writer.add_embedding_length(hidden)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_rope_dimension_count(hidden // heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, *[1] * (len(tokens) - 2)])
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(0)
    draw = np.random.default_rng(seed)
    shapes = {"token_embd": (len(tokens), hidden), "output": (len(tokens), hidden)}
    shapes |= {f"blk.0.attn_{name}": (hidden, hidden) for name in ("q", "k", "v", "output")}
    shapes |= {"blk.0.ffn_gate": (inner, hidden), "blk.0.ffn_up": (inner, hidden), "blk.0.ffn_down": (hidden, inner)}
    shapes |= dict.fromkeys(("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"), (hidden,))
    for name, shape in shapes.items():
        values = np.ones(shape) if len(shape) == 1 else draw.normal(0, 0.3, shape)
        writer.add_tensor(f"{name}.weight", values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
