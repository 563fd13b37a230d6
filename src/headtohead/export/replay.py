"""Scores texts with an exported folder as its card's snippet does. Knows transformers, peft and torch, nothing of ours.

Nothing here shares code with training: prompts arrive as text, are tokenised by the exported tokenizer, and a
generative model's labels are scored one at a time, each tokenised together with its prompt.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors import safe_open
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from headtohead.export.pooled_head import load_pooled

MIXED_ROWS = 8


class Unusable(RuntimeError):
    """The files do not make a model."""


@dataclass(slots=True, kw_only=True)
class Replay:
    """An exported folder, loaded in one precision."""

    folder: Path
    base: str | None
    """Where the base model lies on this disk."""
    dtype: torch.dtype
    device: str
    about: dict[str, Any] = field(init=False)
    tokenizer: Any = field(init=False)
    model: Any = field(init=False, default=None)
    problems: list[str] = field(init=False, default_factory=list)
    """Whatever is wrong with the files, in words."""

    def __post_init__(self) -> None:
        self.about = json.loads((self.folder / "headtohead.json").read_text(encoding="utf-8"))
        trusted = self.about["trust_remote_code"]
        self.tokenizer = AutoTokenizer.from_pretrained(self.folder, trust_remote_code=trusted)
        if self.about["readout"] != "pooled":
            self.model = self._load().to(self.device).eval()
        if self.is_whole and self.model is not None:
            self._check_config()

    @property
    def is_whole(self) -> bool:
        """Whether the folder holds the whole model."""
        return bool(self.about["form"] == "merged")

    def _load_pooled(self) -> Any:
        return load_pooled(str(self.folder), None if self.is_whole else self.base, self.dtype)

    def _load(self) -> Any:
        generative = self.about["readout"] == "generative"
        factory: Any = AutoModelForCausalLM if generative else AutoModelForSequenceClassification
        options = {"dtype": self.dtype, "trust_remote_code": self.about["trust_remote_code"]}
        if self.is_whole:
            model, info = factory.from_pretrained(self.folder, output_loading_info=True, **options)
            if info["missing_keys"]:
                self.problems.append(f"weights missing from the files: {', '.join(sorted(info['missing_keys'])[:4])}")
            return model
        width = {} if generative else {"num_labels": self.about["width"]}
        model = factory.from_pretrained(self.base or self.about["base"]["model"], **options, **width)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what PEFT would warn of is looked for below
            try:
                adapted = PeftModel.from_pretrained(model, self.folder)
            except KeyError as missing:
                raise Unusable(_lost([str(missing.args[0])])) from missing
            wanted = get_peft_model_state_dict(adapted, save_embedding_layers=False).keys()
        with safe_open(self.folder / "adapter_model.safetensors", "pt") as file:
            lost = wanted - set(file.keys())
        if lost:
            self.problems.append(_lost(lost))
        return adapted

    def _check_config(self) -> None:
        config, pad = self.model.config, self.tokenizer.pad_token_id
        if config.pad_token_id != pad:
            self.problems.append(f"the pad token is {config.pad_token_id} in config.json and {pad} in the tokenizer")

    def label_names(self) -> list[str] | None:
        """Return what the configuration calls the logits' columns; None where it cannot say."""
        if not self.is_whole or self.about["readout"] != "native":
            return None
        config = self.model.config
        backwards = {number: name for name, number in config.label2id.items()}
        if backwards != config.id2label:
            self.problems.append(f"id2label and label2id disagree: {config.id2label}, {config.label2id}")
        return [config.id2label[number] for number in range(config.num_labels)]

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokenise rendered prompts."""
        special = self.about["prompt"]["add_special_tokens"]
        ids: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=special)["input_ids"]
        return ids

    @torch.no_grad()
    def logits(self, texts: Sequence[str]) -> Tensor:
        """Return the logits of one batch of rendered prompts, padded to the longest."""
        if self.about["readout"] == "pooled":
            self.model = self.model or self._load_pooled()
            result: Tensor = self.model(list(texts))
            return result
        special = self.about["prompt"]["add_special_tokens"]
        inputs = self.tokenizer(list(texts), padding=len(texts) > 1, add_special_tokens=special, return_tensors="pt")
        logits: Tensor = self.model(**inputs.to(self.device)).logits
        return logits

    def row_by_row(self, texts: Sequence[str]) -> Tensor:
        """Return what the snippet reads from each text by itself: probabilities, or scores."""
        if self.about["readout"] == "generative":
            return torch.stack([self._likelihoods(text) for text in texts]).softmax(dim=1)
        return read(torch.cat([self.logits([text]) for text in texts]), self.about["link"])

    def in_mixed_batches(self, texts: Sequence[str]) -> Tensor | None:
        """Return the same from padded batches of mixed lengths; None where an export cannot promise that.

        A decoder's adapter cannot carry the pad token; a generative model is asked one prompt at a time.
        """
        if self.about["readout"] == "generative" or (self.about["readout"] == "native" and not self.is_whole):
            return None
        batches = [texts[start : start + MIXED_ROWS] for start in range(0, len(texts), MIXED_ROWS)]
        return read(torch.cat([self.logits(batch) for batch in batches]), self.about["link"])

    def _likelihoods(self, text: str) -> Tensor:
        """Return the log-likelihood of every label after one prompt, normalised as the record says."""
        answers = self.about["answers"]
        found = self._whole_labels(text)
        if answers["normalisation"] == "length":
            end = int(answers["needs_end"])
            return found / torch.tensor([len(ids) + end for ids in answers["token_ids"]])
        return found - self._whole_labels(answers["prior_prompt"]) if answers["normalisation"] == "prior" else found

    @torch.no_grad()
    def _whole_labels(self, text: str) -> Tensor:
        answers = self.about["answers"]
        (prompt,) = self.token_ids([text])
        seen: dict[tuple[int, ...], Tensor] = {}  # labels of one token share the prompt's forward pass
        found = []
        for ids in self.token_ids([text + answer for answer in answers["texts"]]):
            whole = [*ids, answers["end_id"]] if answers["needs_end"] else ids
            read = tuple(whole[:-1])
            if read not in seen:
                seen[read] = self.model(torch.tensor([read], device=self.device)).logits[0].float().log_softmax(dim=-1)
            steps = range(len(prompt), len(whole))
            found.append(torch.stack([seen[read][step - 1, whole[step]] for step in steps]).sum())
        return torch.stack(found).cpu()


def _lost(names: Iterable[str]) -> str:
    shown = sorted(name.removeprefix("base_model.model.") for name in names)[:4]
    return f"weights missing from the adapter: {', '.join(shown)}"


def read(logits: Tensor, link: str) -> Tensor:
    """Turn logits into a probability per label, or leave scores as they are."""
    logits = logits.float().cpu()
    if link == "softmax":
        return logits.softmax(dim=1)
    if link == "sigmoid":
        return logits.sigmoid()
    if link == "corn":  # each logit is the chance of passing one rank more, given that the one below was passed
        reached = torch.cat([torch.ones(len(logits), 1), logits.sigmoid().cumprod(dim=1)], dim=1)
        return reached - torch.cat([reached[:, 1:], torch.zeros(len(logits), 1)], dim=1)
    return logits
