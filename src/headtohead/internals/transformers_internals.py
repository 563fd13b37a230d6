"""transformers' internal API: its attention and masks, which architectures are encoders, marks of a quantised file.

All of it was seen in transformers 5.23; without it the import or the call fails with the name that is gone.
"""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedConfig, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward as sdpa_attention_forward
from transformers.masking_utils import sdpa_mask as sdpa_mask
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES


def attention_of(config: PreTrainedConfig) -> str | None:
    """Return the name of the attention a model runs with (``config._attn_implementation``); no public one tells it."""
    name: str | None = config._attn_implementation
    return name


def is_masked_language_model(config: Any) -> bool:
    """Whether an architecture has a masked language model (``MODEL_FOR_MASKED_LM_MAPPING_NAMES``, by ``model_type``)."""
    return config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES


def forget_quantisation(model: PreTrainedModel) -> None:
    """Have a model whose weights were de-quantised as they were read saved as any other.

    Sets ``model.hf_quantizer`` to None, otherwise ``save_pretrained`` refuses ("quantized with gguf ... not serializable"),
    and takes ``quantization_config`` out of ``config.__dict__``, so that it is not written.
    """
    model.hf_quantizer = None  # type: ignore[assignment]
    model.config.__dict__.pop("quantization_config", None)
