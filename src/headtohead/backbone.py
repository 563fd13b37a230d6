"""Loading a language model and its tokenizer at a revision. Knows sources and precisions, nothing of training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headtohead.checkpoints import fetch_model, loading_errors
from headtohead.config import HeadConfig, ModelConfig
from headtohead.errors import UserError
from headtohead.labels import LabelSpace
from headtohead.quiet import quiet_transformers
from headtohead.sources import Fetched

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(slots=True, kw_only=True)
class Backbone:
    """A transformers task model whose trunk produces hidden states, and its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    folder: str
    """What ``from_pretrained`` takes: a folder, or a hub id for models that live there."""
    about: dict[str, Any]
    new_weights: list[str]
    """Names of weights the checkpoint lacks, such as the head's."""
    pooler: torch.nn.Module | None = None
    """What was taken off the trunk while a pack stands on it."""
    cache: Path | None = None
    states: dict[str, Any] = field(default_factory=dict)
    """What its frozen part answered, where that is kept, by name."""
    fingerprint: str = ""
    """Of the trunk as it was loaded, where one was needed."""

    @property
    def positions(self) -> int:
        """Tokens that the model can place; a tokenizer without limit states an absurd one."""
        known = int(getattr(self.model.config.get_text_config(), "max_position_embeddings", None) or 10**9)
        table = getattr(getattr(self.trunk, "embeddings", None), "position_embeddings", None)
        before_first = getattr(table, "padding_idx", None)  # RoBERTa counts positions from behind it
        return min(known if before_first is None else known - before_first - 1, int(self.tokenizer.model_max_length))

    @property
    def content(self) -> dict[str, str]:
        """What was loaded, as ``Fetched`` has it."""
        return dict(self.about["source"]["content"])

    @property
    def trunk(self) -> PreTrainedModel:
        """The model without its head."""
        return self.model.base_model  # type: ignore[return-value]  # a PreTrainedModel in every task class


def load_tokenizer(folder: Path | str, *, trust_remote_code: bool = False) -> PreTrainedTokenizerBase:
    """Load a tokenizer that can pad; a tokenizer without pad token pads with its end token."""
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token is None:
            raise UserError(f"the tokenizer of {folder} has neither a pad token nor an end token; add one to its files")
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def settle_pad_token(config: Any, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give model and tokenizer one pad token: the checkpoint's own, else one that ends no row.

    transformers' decoders classify from the last token that is not the pad token. A checkpoint that names none reads
    the very last token, one row at a time, and that is how an exported adapter is used; so where a tokenizer ends every
    row with its pad token (Qwen3-Embedding), padding takes another special token.
    """
    own = getattr(config.get_text_config(), "pad_token_id", None)
    if own is not None and 0 <= own < len(tokenizer):
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(own)
    elif tokenizer("a")["input_ids"][-1] == tokenizer.pad_token_id:
        special = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
        others = [token for token in special if token != tokenizer.pad_token]
        tokenizer.pad_token = min(others, key=lambda token: "pad" not in token, default=tokenizer.pad_token)
    config.pad_token_id = tokenizer.pad_token_id


def load_backbone(
    config: ModelConfig,
    head: HeadConfig,
    labels: LabelSpace,
    *,
    width: int,
    quantisation: str,
    weights_dtype: torch.dtype,
    cache: Path,
    device: torch.device,
) -> Backbone:
    """Load the task model that ``head`` reads from.

    Args:
        width: scores per row of a native classification readout.
        weights_dtype: of the trunk's weights (the head is fp32 always).

    Raises:
        UserError: the architecture has no such head, or the weights do not fit the device.
    """
    fetched = fetch_model(config, cache)
    with loading_errors(config.name):
        tokenizer = load_tokenizer(fetched.path, trust_remote_code=config.trust_remote_code)
    factory, options = _task_class(fetched.path, config, head, labels, width)
    if quantisation == "nf4":
        options["quantization_config"] = _nf4()
    with quiet_transformers(), loading_errors(config.name):
        model, info = factory.from_pretrained(
            fetched.path,
            dtype=weights_dtype,
            attn_implementation=config.attention,
            trust_remote_code=config.trust_remote_code,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
        if quantisation == "none":
            model.to(device)
        else:
            _keep_weights_as_stored(model)
    settle_pad_token(model.config, tokenizer)
    model.config.use_cache = False  # keys and values are of no use to whole-row forwards
    if not config.trunk_dropout:
        switch_dropout_off(model)
    return Backbone(
        model=model,
        tokenizer=tokenizer,
        folder=fetched.name if fetched.kind == "hub" else str(fetched.path),
        about={
            **_describe(config, fetched, model, width=width, dtype=weights_dtype, quantisation=quantisation),
            "products": str(resolve_dtype(config.precision, device)).removeprefix("torch."),
        },
        new_weights=sorted(info["missing_keys"]),
        cache=cache,
    )


def _transformers_config(path: Path, model: ModelConfig) -> Any:
    from transformers import AutoConfig

    with loading_errors(model.name):
        return AutoConfig.from_pretrained(path, trust_remote_code=model.trust_remote_code)


def sketch_backbone(
    config: ModelConfig, fetched: Fetched, head: HeadConfig, labels: LabelSpace, *, width: int
) -> Backbone:
    """Build what ``load_backbone`` does without any weights: enough to see what it would be refused for.

    Args:
        fetched: the checkpoint on this disk.
        width: scores per row of a native classification readout.

    Raises:
        UserError: it cannot be read, or the architecture has no such head.
    """
    import torch
    from transformers import AutoConfig

    with loading_errors(config.name):
        tokenizer = load_tokenizer(fetched.path, trust_remote_code=config.trust_remote_code)
    factory, options = _task_class(fetched.path, config, head, labels, width)
    with quiet_transformers(), loading_errors(config.name), torch.device("meta"):
        about = AutoConfig.from_pretrained(fetched.path, trust_remote_code=config.trust_remote_code, **options)
        model = factory.from_config(about, trust_remote_code=config.trust_remote_code)
    settle_pad_token(model.config, tokenizer)
    return Backbone(model=model, tokenizer=tokenizer, folder=str(fetched.path), about={}, new_weights=[])


def _keep_weights_as_stored(model: Any) -> None:
    """Keep bitsandbytes from storing 4-bit weights otherwise once they are read without gradients.

    On processors with AVX512-BF16 the first evaluation would repack them for good, and gradients of later steps would be taken
    through weights in the wrong order (bitsandbytes 0.50, ``Linear4bit.forward``; ``dequantize_4bit`` does not undo it).
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _task_class(
    path: Path, config: ModelConfig, head: HeadConfig, labels: LabelSpace, width: int
) -> tuple[Any, dict[str, Any]]:
    """Return the class a head reads from, with the options that class alone takes."""
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification

    if head.is_generative:
        _refuse_encoder(path, config)
        return AutoModelForCausalLM, {}
    if head.pooling == "native":
        return AutoModelForSequenceClassification, {"num_labels": width, **_label_names(labels, width)}
    return AutoModel, {}


def _describe(
    config: ModelConfig, fetched: Fetched, model: Any, *, width: int, dtype: torch.dtype, quantisation: str
) -> dict[str, Any]:
    """Return what the record says of a model."""
    source = {
        "kind": fetched.kind,
        "name": fetched.name,
        "revision": fetched.revision,
        "sha256": fetched.sha256,
        "content": dict(fetched.content),
    }
    return {
        "name": config.name,
        "variant": config.variant,
        "source": source,
        "class": type(model).__name__,
        "architecture": model.config.model_type,
        "dtype": str(dtype).removeprefix("torch."),
        "quantisation": quantisation,
        "width": width,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


def resolve_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the dtype that ``model.precision`` means on a device.

    ``auto`` is bf16 only where bf16 products run natively: a CPU without AMX or AVX512-BF16 emulates them several
    times slower than fp32.
    """
    import torch

    from headtohead.internals.torch_internals import cpu_runs_bf16_natively

    if precision != "auto":
        return {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        native = cpu_runs_bf16_natively()
    else:
        native = False
    return torch.bfloat16 if native else torch.float32


def switch_dropout_off(model: PreTrainedModel) -> None:
    """Set every dropout of the checkpoint to zero, in its modules and in the configuration they consult."""
    from torch import nn

    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name in ("attention_dropout", "dropout_prob", "attention_probs_dropout_prob"):
            if isinstance(module.__dict__.get(name), float):
                setattr(module, name, 0.0)


def _label_names(labels: LabelSpace, width: int) -> dict[str, Any]:
    if width != len(labels):
        return {}
    return {"id2label": dict(enumerate(labels.names)), "label2id": {name: i for i, name in enumerate(labels.names)}}


def _nf4() -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        # heads are never quantised; names count from the whole model's start, or as endings
        llm_int8_skip_modules=["score", "classifier", "pre_classifier", "head", "pooler", "pooler.dense", "lm_head"],
    )


def is_encoder(config: Any) -> bool:
    """Whether a model of this configuration sees a row's tokens from both sides, and writes no text."""
    from headtohead.internals.transformers_internals import is_masked_language_model

    return is_masked_language_model(config) and not getattr(config, "is_decoder", False)


def _refuse_encoder(path: Path, model: ModelConfig) -> None:
    """A masked language model has no next token; AutoModelForCausalLM would load some of them all the same."""
    config = _transformers_config(path, model)
    if is_encoder(config):
        raise UserError(
            f"head=generative needs a model that writes text; model={model.name} ({config.model_type}) is an encoder: "
            "add model=smollm2_135m or another decoder to the command, or set head=classification"
        )
