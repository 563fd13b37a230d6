"""From a typed configuration and a corpus to a pack that can be trained or scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from headtohead.adapters import TrialWeights, expected_count, prepare, recompute_activations, remove_adapters
from headtohead.backbone import Backbone, is_encoder, load_backbone, resolve_dtype
from headtohead.batching.attention import can_share_beginnings, read_packed_rows
from headtohead.batching.encode import EncodedRows, Encoder, encode_rows
from headtohead.batching.lengths import Length, choose_length
from headtohead.classifiers.activation_cache import what_is_kept, where_states_lie
from headtohead.config import Config, FullConfig
from headtohead.data import Corpus
from headtohead.errors import UserError, some_of
from headtohead.heads import (
    GenerativeHead,
    Head,
    LabelAudit,
    NativeHead,
    PooledHead,
    audit_labels,
    drop_pooler,
    require_answers_in_place,
)
from headtohead.labels import LabelSpace
from headtohead.losses import build_loss, check_loss_fits, class_weights
from headtohead.notices import Notice
from headtohead.prompts import Message, Prompt, build_prompt, choose_examples, label_text, settle_template
from headtohead.results import run_folder
from headtohead.training import (
    MemoryLimits,
    Pack,
    Processes,
    ScoreObjective,
    TokenObjective,
    Trial,
    load_weights,
    shard_trunk,
    sharding_asked,
    stored_labels,
)
from headtohead.training.frozen_layers import fingerprint_of

if TYPE_CHECKING:
    from datasets import Dataset

AUDITED_ROWS = 64


@dataclass(slots=True, kw_only=True)
class Reader:
    """Text to token ids: everything between a row and a batch."""

    prompt: Prompt
    encoder: Encoder
    audit: LabelAudit | None
    length: Length | None
    """How the budget was chosen; None where the configuration gives it."""

    def encode(self, split: str, rows: Dataset, *, labels: LabelSpace, key: str, cache: Path) -> EncodedRows:
        """Tokenise a split.

        Raises:
            UserError: a generative head's label changes the tokens of a row's prompt.
        """
        encoded = encode_rows(split, rows, self.encoder, kind=labels.kind, key=key, cache=cache)
        if self.audit is not None and not self.encoder.prompt.ends_in_a_phrase:
            require_answers_in_place(self.encoder, self.audit, encoded.texts_read(), split)
        return encoded


def build_reader(
    config: Config,
    backbone: Backbone,
    labels: LabelSpace,
    sample: Sequence[str],
    examples: Sequence[tuple[str, str]],
    messages: Sequence[list[Message]] | None = None,
) -> Reader:
    """Build the prompt, choose what the configuration leaves open, and audit a generative head's labels in it.

    Args:
        sample: texts of some training rows: the length is chosen by them, and some are audited as the model reads them.
        examples: few-shot examples.
        messages: of the same rows, where they are conversations.
    """
    settled = settle_template(config.prompt, reads_both_ways=is_encoder(backbone.model.config))
    prompt = build_prompt(settled, labels, backbone.tokenizer, examples)
    encoder = Encoder(prompt, backbone.tokenizer, backbone.positions)
    answer = _answer_tokens(config, encoder)
    length = None
    if settled.max_tokens is None:
        length = choose_length(encoder, sample, messages, positions=backbone.positions, answer=answer)
        settled = replace(settled, max_tokens=length.budget + answer)
    assert settled.max_tokens is not None
    budget = min(settled.max_tokens, backbone.positions) - answer
    encoder = replace(encoder, prompt=replace(prompt, config=settled), budget=budget)
    audit = None
    if config.head.is_generative:
        audit = audit_labels(encoder, [encoder.rendered(text) for text in sample[:AUDITED_ROWS]])
    return Reader(prompt=encoder.prompt, encoder=encoder, audit=audit, length=length)


def _answer_tokens(config: Config, encoder: Encoder) -> int:
    """Return how many tokens the longest answer takes with its end token; 0 of a head that writes none."""
    if not config.head.is_generative:
        return 0
    labels = encoder.prompt.labels
    if labels.kind not in ("single", "ordinal"):
        raise UserError(
            f"head=generative answers with one label; {labels.kind}-label data needs "
            f"head={'classification' if labels.kind == 'multi' else 'regression'}"
        )
    return max(len(answer) for answer in audit_labels(encoder, [encoder.prompt.render("")]).answers) + 1


def draw_examples(config: Config, corpus: Corpus, tokenizer: Any) -> list[tuple[str, str]]:
    """Return the few-shot examples of a run: (text, word), from training rows alone."""
    if config.prompt.examples == 0:
        return []
    chosen = choose_examples(corpus.train["label"][:], config.prompt.examples, seed=config.data.seed)
    pairs = []
    for row in chosen:
        item = corpus.train[row]
        offsets = tokenizer(item["text"], add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        end = offsets[: config.prompt.example_tokens][-1][1] if offsets else 0
        pairs.append((item["text"][:end], label_text(corpus.labels, item["label"])))
    return pairs


def load(config: Config, labels: LabelSpace, *, width: int, cache: Path, processes: Processes) -> Backbone:
    """Load the backbone in the dtype that what is trained needs."""
    products = resolve_dtype(config.model.precision, processes.device)
    weights = torch.float32 if isinstance(config.lora, FullConfig) else products
    return load_backbone(
        config.model,
        config.head,
        labels,
        width=width,
        quantisation=config.lora.quantisation,
        weights_dtype=weights,
        cache=cache,
        device=processes.device,
    )


def score_width(config: Config, labels: LabelSpace, targets: np.ndarray) -> int:
    """Return how many scores per row the loss needs."""
    check_loss_fits(config.loss, labels)
    return build_loss(config.loss, labels, targets).width


def build_pack(
    configs: Sequence[Config],
    backbone: Backbone,
    readers: Sequence[Reader],
    labels: LabelSpace,
    rows: EncodedRows | None,
    *,
    processes: Processes,
    limits: MemoryLimits | None = None,
) -> Pack:
    """Adapt the trunk and build the trials over it.

    Args:
        rows: the training rows; None for a pack that only scores.
        limits: what an earlier pack over the backbone has learnt of its memory.

    Raises:
        UserError: trials that cannot share a trunk, a head that nothing trains, or targets that match nothing.
    """
    model, trunk = backbone.model, backbone.trunk
    heads = [_build_head(config, backbone, reader) for config, reader in zip(configs, readers, strict=True)]
    backbone.pooler = drop_pooler(trunk)
    states = where_states_lie(configs, backbone, heads[0], rows) if rows is not None else "recompute"
    if states == "disk" and not backbone.fingerprint:  # before adapters are in place
        backbone.fingerprint = fingerprint_of(trunk)
    expected = [expected_count(trunk, model, config.lora) for config in configs]
    products = resolve_dtype(configs[0].model.precision, processes.device)
    full = isinstance(configs[0].lora, FullConfig)
    autocast = products if full and products != torch.float32 else None
    sharding = sharding_asked(configs) if rows is not None else None
    if sharding is not None and processes.count > 1:
        shard_trunk(model, trunk, sharding, processes, autocast)
    state, weights = prepare(model, trunk, [config.lora for config in configs], [config.seed for config in configs])
    trials = []
    for config, head, own, count in zip(configs, heads, weights, expected, strict=True):
        assert own.count() == count, f"{own.count()} trainable values in the trunk, {count} by the closed form"
        _add_head(own, head)
        if not own.tensors and config.train.steps != 0:
            raise UserError(
                "nothing is trained: lora=frozen leaves the trunk as it is and head=generative has no weights of its own; "
                "set train.steps=0 for zero-shot, or another lora"
            )
        trials.append(_build_trial(config, head, own, labels, rows))
    packs_rows = read_packed_rows(model)
    if configs[0].train.gradient_checkpointing:
        recompute_activations(trunk)
    kept = what_is_kept(states, configs, backbone, heads[0], packs_rows=packs_rows)
    return Pack(
        trunk,
        trials,
        state,
        processes=processes,
        dtype=torch.float32 if full else products,
        autocast=autocast,
        packs_rows=packs_rows,
        shares_beginnings=can_share_beginnings(model),
        limits=limits,
        **kept,
    )


def undress(backbone: Backbone) -> None:
    """Make a trunk what it was before a pack was built on it, so that another can be."""
    remove_adapters(backbone.trunk)
    if backbone.pooler is not None:
        backbone.trunk.pooler = backbone.pooler


def _build_head(config: Config, backbone: Backbone, reader: Reader) -> Head:
    if config.head.is_generative:
        assert reader.audit is not None
        prior = reader.encoder.ids([reader.prompt.render("")])[0]
        head = GenerativeHead(backbone.model, reader.audit, normalisation=config.head.normalisation, prior_prompt=prior)
        if head.extra_tokens and config.model.attention == "flash_attention_2":
            raise UserError(
                "model.attention=flash_attention_2 takes no mask of its own, which labels of several tokens need "
                "(head=generative scores them as a tree): set model.attention=sdpa, or give every label a word of one "
                "token in data.labels.words"
            )
        return head
    width = int(backbone.about["width"])
    if config.head.pooling == "native":
        return NativeHead(backbone.model, width=width, new_weights=backbone.new_weights, seed=config.seed)
    return PooledHead(backbone.model, pooling=config.head.pooling, width=width, seed=config.seed)


def _add_head(weights: TrialWeights, head: Head) -> None:
    """Register the head's weights: trainable, unquantised and fp32, whatever the trunk is."""
    for name, parameter in head.named_parameters():
        assert parameter.requires_grad, f"head weight {name} is frozen"
        assert parameter.dtype == torch.float32, f"head weight {name} is {parameter.dtype}"
        assert not hasattr(parameter, "quant_state"), f"head weight {name} is quantised"
        weights.add(f"head.{name}", parameter)


def _build_trial(
    config: Config, head: Head, weights: TrialWeights, labels: LabelSpace, rows: EncodedRows | None
) -> Trial:
    if rows is None:
        loss_config, targets = replace(config.loss, class_weights="none", weights={}), np.zeros(0, dtype=np.int64)
    else:
        loss_config, targets = config.loss, rows.targets
    loss = build_loss(loss_config, labels, targets)
    objective: ScoreObjective | TokenObjective = ScoreObjective(head, loss)
    if config.loss.kind == "language_model":
        assert isinstance(head, GenerativeHead)
        per_class = torch.tensor(class_weights(loss_config, labels, targets), dtype=torch.float32)
        objective = TokenObjective(head, per_class)
    return Trial(
        seed=config.seed,
        config=config.train,
        head=head,
        objective=objective,
        link=loss.link,
        weights=weights,
        rows=rows,
    )


def start_from(trial: Trial, folder: str, labels: LabelSpace) -> list[Notice]:
    """Load an earlier run's trained weights; a head for other labels (or the same in another order) starts fresh.

    Returns:
        What is to be said of it.

    Raises:
        UserError: the folder holds no trained weights, or its adapters differ.
    """
    path = Path(folder) / run_folder.WEIGHTS
    if not path.is_file():
        raise UserError(f"model.adapter={folder}: no trained weights at {path}; give the folder of a completed run")
    earlier, mine = stored_labels(path), trial.weights.state()
    state, notices = load_weights(path, labels=earlier), []
    if list(labels.names) != earlier:
        text = (
            f"model.adapter={folder} answered {some_of(earlier)}: its head is left behind, a fresh one answers "
            f"{some_of(labels.names)}"
        )
        notices.append(Notice(text=text, leads=False))
        state = {name: tensor for name, tensor in state.items() if not name.startswith("head.")}

    def fits(name: str) -> bool:
        return name in state and state[name].shape == mine[name].shape

    trunk = [name for name in mine if not name.startswith("head.")]
    wrong = [name for name in trunk if not fits(name)]
    if wrong:
        raise UserError(
            f"model.adapter={folder} does not fit: {len(wrong)} of {len(trunk)} trained tensors differ, such as "
            f"{wrong[0]}; use the same model and lora settings as that run"
        )
    trial.weights.load({name: state[name] if fits(name) else own for name, own in mine.items()})
    return notices
