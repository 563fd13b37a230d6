"""transformers' internal API: attention and masks against PyTorch's, encoders by name, quantised models saved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.masking_utils import bidirectional_mask_function
from transformers.quantizers.quantizer_gguf import GgufHfQuantizer
from transformers.utils.quantization_config import GgufConfig

from headtohead.internals.transformers_internals import (
    attention_of,
    forget_quantisation,
    is_masked_language_model,
    sdpa_attention_forward,
    sdpa_mask,
)
from small_trunks import MODELS, SMALL, make_trunk


def tiny_llama() -> PreTrainedModel:
    """A random decoder of two layers."""
    model: PreTrainedModel = AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **SMALL))
    return model


@pytest.mark.parametrize("is_causal", [True, False])
def test_sdpa_attention_forward_is_pytorch_s_attention(is_causal: bool):
    q, k, v = torch.randn(3, 2, 4, 7, 16, generator=torch.Generator().manual_seed(0)).unbind()
    module = torch.nn.Module()
    attended, weights = sdpa_attention_forward(module, q, k, v, None, is_causal=is_causal, scaling=0.3)
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=is_causal, scale=0.3).transpose(1, 2)
    assert weights is None
    assert torch.equal(attended, expected)  # rows x tokens x heads x features


def test_sdpa_mask_hides_what_comes_after_and_padding():
    real = torch.tensor([[True, True, True], [True, True, False]])
    found = sdpa_mask(batch_size=2, q_length=3, kv_length=3, attention_mask=real, allow_is_causal_skip=False)
    assert torch.equal(found, torch.ones(3, 3).tril().bool() & real[:, None, None, :])


def test_sdpa_mask_is_none_where_pytorch_knows_the_mask():
    assert sdpa_mask(batch_size=1, q_length=5, kv_length=5, attention_mask=None) is None
    both_ways = {"mask_function": bidirectional_mask_function, "allow_is_bidirectional_skip": True}
    assert sdpa_mask(batch_size=1, q_length=5, kv_length=5, attention_mask=None, **both_ways) is None


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_attention_of_a_model_is_what_was_set(name: str, attention: str):
    trunk = make_trunk(name)
    trunk.set_attn_implementation(attention)
    assert attention_of(trunk.config) == attention


@pytest.mark.parametrize(
    ("architecture", "is_one"),
    [("bert", True), ("modernbert", True), ("deberta-v2", True), ("llama", False), ("qwen3", False), ("gpt2", False)],
)
def test_masked_language_models_are_told_by_architecture(architecture: str, is_one: bool):
    assert is_masked_language_model(AutoConfig.for_model(architecture)) is is_one


def test_a_model_read_from_gguf_is_saved_as_any_other(tmp_path: Path):
    model = tiny_llama()
    model.config.quantization_config = GgufConfig("weights.gguf")
    model.hf_quantizer = GgufHfQuantizer(model.config.quantization_config)
    with pytest.raises(ValueError, match="gguf"):
        model.save_pretrained(tmp_path)
    forget_quantisation(model)
    model.save_pretrained(tmp_path)
    assert "quantization_config" not in json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(again.lm_head.weight, model.lm_head.weight)
