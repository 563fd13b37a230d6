"""Random two-layer models of real architectures with a small tokenizer, for tests. Made in memory, saved once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from headtohead import atomic
from headtohead.quiet import quiet_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

HIDDEN = 64
TOKENIZER_TEXT = (
    "Text: Which of these describes the text: business, entertainment, politics, sport, tech? Answer with the label. "
    "The quick brown fox jumps over the lazy dog while the market and the match go on in the city of London. "
    "Respond with only the category name. Classify the following question. user assistant system related not "
)
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SHAPES: dict[str, dict[str, Any]] = {
    "llama": {"num_key_value_heads": 2},
    "qwen2": {"num_key_value_heads": 2},
    "qwen3": {"num_key_value_heads": 2, "head_dim": 16},
    "bert": {},
    "modernbert": {"global_attn_every_n_layers": 1},
}


def tiny_checkpoint(architecture: str, cache: Path) -> Path:
    """Return a folder holding the tiny model of that architecture, made on first use; the same on every machine."""
    folder = cache / "tiny" / architecture
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):  # jobs of a sweep come here at the same moment
        if folder.exists():
            return folder
        with quiet_transformers(), atomic.new_folder(folder) as temporary:
            tokenizer = _tokenizer(is_encoder=architecture in ("bert", "modernbert"))
            tokenizer.save_pretrained(temporary)
            _model(architecture, tokenizer).save_pretrained(temporary)
    return folder


def _tokenizer(*, is_encoder: bool) -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<|pad|>", "<|end|>", "<|im_start|>", "<|im_end|>", "[CLS]", "[SEP]", "[UNK]"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=448, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([TOKENIZER_TEXT], trainer)
    if is_encoder:
        ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
        tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        eos_token="[SEP]" if is_encoder else "<|im_end|>",
        unk_token="[UNK]",
        chat_template=CHAT_TEMPLATE,
        model_max_length=4096,
    )


def _model(architecture: str, tokenizer: PreTrainedTokenizerFast) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

    config = AutoConfig.for_model(
        architecture,
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=4096,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        cls_token_id=tokenizer.convert_tokens_to_ids("[CLS]"),
        sep_token_id=tokenizer.convert_tokens_to_ids("[SEP]"),
        **SHAPES[architecture],
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        factory = AutoModelForMaskedLM if "bert" in architecture else AutoModelForCausalLM
        return factory.from_config(config)
