"""Rows become token ids. Texts are cut before the prompt is rendered, so neither label nor instruction is lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from headtohead.errors import UserError
from headtohead.prompts import Message, Prompt

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

IN_MEMORY_ROWS = 50_000
"""Up to here tokenised rows stay in memory; beyond, they are cached on disk and memory-mapped."""
CLASSES_REPORTED = 100
"""Classes whose truncation is counted by itself."""


@dataclass(slots=True, kw_only=True)
class EncodedRows:
    """One split, tokenised. Texts and tokens stay in Arrow; per row only small arrays live in memory."""

    split: str
    key: str
    """Stands for the rows and how they are tokenised."""
    rows: Dataset
    """Columns of the corpus: row_id, text, label, group, text_hash."""
    tokens: Dataset
    """Columns input_ids, text_read (the text as far as the model reads it), tokens_lost."""
    lengths: Int[np.ndarray, " rows"]
    tokens_lost: Int[np.ndarray, " rows"]
    targets: np.ndarray
    """Label index, 0/1 per label, or score: see ``Predictions.gold``."""

    def __len__(self) -> int:
        return len(self.lengths)

    def input_ids(self, index: np.ndarray) -> list[list[int]]:
        """Return the prompts' token ids of some rows, in the order asked for."""
        ids: list[list[int]] = self.tokens[[int(i) for i in index]]["input_ids"]
        return ids

    def texts_read(self) -> Iterator[str]:
        """Iterate over the texts as truncated for the model."""
        for batch in self.tokens.iter(1000):
            yield from batch["text_read"]


@dataclass(frozen=True, slots=True)
class Encoder:
    """Tokenises rendered prompts within a budget of tokens."""

    prompt: Prompt
    tokenizer: PreTrainedTokenizerBase
    budget: int
    """Tokens a prompt may take: the whole budget less the longest answer."""

    @property
    def own_tokens(self) -> int:
        """Tokens of the prompt without any text."""
        return len(self.ids([self.prompt.render("")])[0])

    def ids(self, rendered: list[str]) -> list[list[int]]:
        """Tokenise rendered prompts whole, special tokens once."""
        encoded: list[list[int]] = self.tokenizer(
            rendered, add_special_tokens=self.prompt.adds_special_tokens, verbose=False
        )["input_ids"]
        return encoded

    def encode(self, texts: list[str], messages: list[list[Message]] | None = None) -> dict[str, list[Any]]:
        """Return input_ids, text_read and tokens_lost of some rows.

        Raises:
            UserError: the prompt without any text is longer than the budget.
        """
        turns, full = self._turns(messages, len(texts)), self.whole(texts, messages)
        read, lost = list(texts), [0] * len(texts)
        for row, ids in enumerate(full):
            if len(ids) > self.budget:
                full[row], read[row], _ = self._fit(texts[row], turns[row], len(ids) - self.budget)
                lost[row] = len(ids) - len(full[row])
        return {"input_ids": full, "text_read": read, "tokens_lost": lost}

    def whole(self, texts: Sequence[str], messages: Sequence[list[Message]] | None) -> list[list[int]]:
        """Tokenise rows uncut."""
        turns = self._turns(messages, len(texts))
        return self.ids([self.prompt.render(text, turn) for text, turn in zip(texts, turns, strict=True)])

    def rendered(self, text: str, messages: list[Message] | None = None) -> str:
        """Return the very text that a row becomes, cut to the budget.

        Raises:
            UserError: as ``encode``.
        """
        (turns,) = self._turns([messages] if messages else None, 1)
        whole = self.prompt.render(text, turns)
        excess = len(self.ids([whole])[0]) - self.budget
        return self._fit(text, turns, excess)[2] if excess > 0 else whole

    def _turns(self, messages: Sequence[list[Message]] | None, count: int) -> Sequence[list[Message] | None]:
        """Return the conversations that are rendered as such: a plain prompt reads their text."""
        return messages if messages is not None and self.prompt.render_chat is not None else [None] * count

    def _fit(self, text: str, messages: list[Message] | None, excess: int) -> tuple[list[int], str, str]:
        """Cut the text (of a conversation: its longest message, then the next) until the rendered prompt fits.

        System messages are instructions, and stay whole.

        Returns:
            Token ids, the text as far as it is read, and the rendered prompt.
        """
        shown = [turn["content"] for turn in messages] if messages else [text]
        cuttable = [i for i in range(len(shown)) if not messages or messages[i]["role"] != "system"]
        for part in sorted(cuttable, key=lambda i: -len(shown[i])):
            source = shown[part]
            offsets = self._offsets(source)
            keep = len(offsets)
            while keep > 0:
                keep = max(keep - excess, 0)
                shown[part] = _cut(source, offsets, keep, self.prompt.config.keep)
                turns = [{**turn, "content": cut} for turn, cut in zip(messages or [], shown, strict=False)]
                rendered = self.prompt.render(shown[0], turns or None)
                ids = self.ids([rendered])[0]
                excess = len(ids) - self.budget
                if excess <= 0:
                    return ids, " ".join(shown), rendered
        raise UserError(
            f"the prompt takes {self.budget + excess} tokens without any text, and prompt.max_tokens leaves it "
            f"{self.budget} beside the answer: raise prompt.max_tokens (auto fits it to the texts) or take a shorter prompt"
        )

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of a text begins and ends."""
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        offsets: list[tuple[int, int]] = encoded["offset_mapping"]
        return offsets


def _cut(text: str, offsets: list[tuple[int, int]], keep: int, part: str) -> str:
    """Return the first, last, or first and last tokens' characters of a text."""
    if keep >= len(offsets):
        return text
    if keep == 0:
        return ""
    match part:
        case "start":
            return text[: offsets[keep - 1][1]]
        case "end":
            return text[offsets[-keep][0] :]
        case _:
            first = (keep + 1) // 2
            head = text[: offsets[first - 1][1]]
            return head + " ... " + text[offsets[first - keep][0] :] if keep > first else head


def encode_rows(split: str, rows: Dataset, encoder: Encoder, *, kind: str, key: str, cache: Path) -> EncodedRows:
    """Tokenise one split; large ones once, cached by content under ``cache``.

    Args:
        kind: of the labels.
        key: fingerprint of the rows.
    """
    from datasets import disable_progress_bars, enable_progress_bars

    has_messages = "messages" in rows.column_names

    def encode_batch(batch: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        return encoder.encode(batch["text"], batch["messages"] if has_messages else None)

    on_disk = len(rows) > IN_MEMORY_ROWS
    columns = ["text", "messages"] if has_messages else ["text"]
    if not on_disk:  # a bar for a second's work is noise
        disable_progress_bars()
    tokens = rows.select_columns(columns).map(
        encode_batch,
        batched=True,
        batch_size=1000,
        remove_columns=columns,
        keep_in_memory=not on_disk,
        load_from_cache_file=on_disk,
        cache_file_name=str(_cache_file(split, encoder, key, cache)) if on_disk else None,
        new_fingerprint=_cache_key(split, encoder, key),
    )
    enable_progress_bars()
    lengths = np.fromiter((len(ids) for batch in tokens.iter(1000) for ids in batch["input_ids"]), np.int64, len(rows))
    return EncodedRows(
        split=split,
        key=_cache_key(split, encoder, key),
        rows=rows,
        tokens=tokens,
        lengths=lengths,
        tokens_lost=np.fromiter((n for batch in tokens.iter(1000) for n in batch["tokens_lost"]), np.int64, len(rows)),
        targets=np.asarray(rows["label"][:], dtype=np.float64 if kind == "real" else np.int64),
    )


def _cache_key(split: str, encoder: Encoder, key: str) -> str:
    about = {
        "rows": [key, split],
        "prompt": [repr(encoder.prompt.config), repr(encoder.prompt.labels), list(encoder.prompt.examples)],
        "tokenizer": encoder.tokenizer.backend_tokenizer.to_str()
        if encoder.tokenizer.is_fast
        else [repr(encoder.tokenizer), sorted(encoder.tokenizer.get_vocab().items())],
        "chat_template": str(getattr(encoder.tokenizer, "chat_template", None)),
        "budget": encoder.budget,
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]


def _cache_file(split: str, encoder: Encoder, key: str, cache: Path) -> Path:
    folder = cache / "tokenised"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{_cache_key(split, encoder, key)}.arrow"


def truncation_report(encoded: EncodedRows, label_names: tuple[str, ...]) -> dict[str, Any]:
    """Count rows cut and tokens lost, in all and per class; a row of several labels counts for each of them.

    Of very many classes those with most rows cut are counted by themselves.
    """
    cut = encoded.tokens_lost > 0
    report: dict[str, Any] = {
        "rows": len(encoded),
        "rows_cut": int(cut.sum()),
        "tokens_lost": int(encoded.tokens_lost.sum()),
        "tokens_read": int(encoded.lengths.sum()),
    }
    if encoded.targets.dtype.kind != "i":  # a score has no classes
        return report
    classes = np.arange(len(label_names))
    has = encoded.targets == 1 if encoded.targets.ndim == 2 else encoded.targets[:, None] == classes
    rows_cut = has[cut].sum(axis=0)
    most = np.sort(np.argsort(-rows_cut, kind="stable")[:CLASSES_REPORTED])
    report["per_class"] = {
        label_names[i]: {"rows_cut": int(rows_cut[i]), "tokens_lost": int(encoded.tokens_lost[has[:, i]].sum())}
        for i in most
    }
    return report
