"""Scores of rows by the trials of a pack. What all rows begin with is read once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from headtohead.batching.batch import Batch, pad_right
from headtohead.batching.encode import EncodedRows
from headtohead.batching.plan import score_batches
from headtohead.batching.prefix_cache import Kept, common_beginning
from headtohead.heads import slice_outputs
from headtohead.losses import stored_scores
from headtohead.training.pack import Pack
from headtohead.training.trial import Trial

InputIds = Callable[[np.ndarray], list[list[int]]]
"""Looks prompts up by row."""
ROWS_AT_A_TIME = 1000
"""Looked through for what they begin with."""
SHORTEST_BEGINNING = 8
LEAST_SHARE = 0.1
"""Tokens, and share of a row, from which on reading a shared beginning once pays for the masks that it takes."""
READ_BEFORE = 16
"""Tokens read before that weigh as much as one to be read: they are attended to, and copied if not on a processor."""


def score(pack: Pack, rows: EncodedRows, *, only: Sequence[int] | None = None) -> list[np.ndarray]:
    """Return the stored scores (log-probabilities, or scores) of rows, for every trial, in the rows' order.

    Args:
        pack: whose trials are asked.
        only: numbers of the trials to score; the others' tables are empty.
    """
    if pack.features is None:
        return score_prompts(pack, rows.lengths, rows.input_ids, only=only)
    wanted = range(len(pack.trials)) if only is None else only
    return [_score_kept(pack, rows, trial) if n in wanted else np.zeros((0, 0)) for n, trial in enumerate(pack.trials)]


@torch.no_grad()
def _score_kept(pack: Pack, rows: EncodedRows, trial: Trial) -> np.ndarray:
    """Score rows from the features that are kept, as many at a time as tokens otherwise."""
    parts = []
    for index in np.array_split(np.arange(len(rows)), -(-len(rows) // trial.config.score_batch_tokens)):
        outputs, batch = pack.kept(rows, index)
        with pack.autocast_context():
            parts.append(_stored(trial, outputs, batch))
    return np.concatenate(parts)


@torch.no_grad()
def score_prompts(
    pack: Pack,
    lengths: Int[np.ndarray, " rows"],
    input_ids: InputIds,
    *,
    only: Sequence[int] | None = None,
) -> list[np.ndarray]:
    """Score prompts that ``input_ids`` looks up by row; see ``score``."""
    wanted = list(range(len(pack.trials)) if only is None else only)
    extra = max((pack.trials[number].head.extra_tokens for number in wanted), default=0)
    budget = pack.trials[0].config.score_batch_tokens // max(1, len(wanted))
    pack.set_mode(training=False)
    found: list[dict[int, np.ndarray]] = [{} for _ in pack.trials]
    pack.state.active = wanted if len(wanted) < len(pack.trials) else None
    try:
        beginning = read_beginning(pack, lengths, input_ids, wanted)
        for index in pack.processes.own_turns(score_batches(left_to_read(lengths, beginning), budget, extra)):
            parts = pack.in_parts(
                input_ids(index), partial(_score_at_once, pack=pack, wanted=wanted, beginning=beginning)
            )
            for number in wanted:
                scores = np.concatenate([part[number] for part in parts])
                found[number].update(zip(index.tolist(), scores, strict=True))
    finally:
        pack.state.active = None
    merged = [pack.processes.merge(part) for part in found]
    return [np.stack([part[row] for row in range(len(lengths))]) if part else np.zeros((0, 0)) for part in merged]


def read_beginning(
    pack: Pack,
    lengths: Int[np.ndarray, " rows"],
    input_ids: InputIds,
    wanted: Sequence[int],
) -> Kept | None:
    """Read what all rows begin with, once for each trial; None where that is too little to be worth it."""
    if not pack.shares_beginnings or len(lengths) < 2 or not wanted:
        return None
    heads = [pack.trials[number].head for number in wanted]
    least = max(SHORTEST_BEGINNING, float(lengths.mean()) * LEAST_SHARE)
    if len(min((head.skips(input_ids(np.zeros(1, dtype=np.int64))[0]) for head in heads), key=len)) < least:
        return None  # before all rows are looked through
    chunks = np.array_split(np.arange(len(lengths)), -(-len(lengths) // ROWS_AT_A_TIME))
    common = common_beginning((row for chunk in chunks for row in input_ids(chunk)), at_least=math.ceil(least))
    shared = min((head.skips(common) for head in heads), key=len)
    if len(shared) < least:
        return None
    batch = pad_right([shared] * len(wanted), pack.pad_id, pack.device)
    kept = Kept(real=batch.real)
    parts = [Batch(input_ids=row[None], attention_mask=torch.ones_like(row[None])) for row in batch.input_ids]
    with pack.autocast_context():
        pack.read_packed(batch, parts, keeps=kept)
    return kept


def _score_at_once(
    prompts: list[list[int]], *, pack: Pack, wanted: list[int], beginning: Kept | None
) -> dict[int, np.ndarray]:
    trials = [pack.trials[number] for number in wanted]
    batches = [trial.head.batch(prompts) for trial in trials]
    if beginning is not None:
        batches = [batch.after(beginning.real.shape[1]) for batch in batches]
    outputs, starts = pack.read(batches, beginning)
    result = {}
    for number, trial, batch, start in zip(wanted, trials, batches, starts, strict=True):
        with pack.autocast_context():
            result[number] = _stored(trial, slice_outputs(outputs, start, batch), batch)
    return result


def left_to_read(lengths: Int[np.ndarray, " rows"], beginning: Kept | None) -> Int[np.ndarray, " rows"]:
    """Return rows' lengths as they weigh in a batch, once what they begin with was read."""
    if beginning is None:
        return lengths
    return np.maximum(lengths - beginning.real.shape[1], -(-lengths // READ_BEFORE))


def _stored(trial: Trial, outputs: Any, batch: Batch) -> np.ndarray:
    """Return a trial's scores as they are stored."""
    scores = trial.head.scores(outputs, batch)
    return stored_scores(scores.float(), trial.link).cpu().numpy().astype(np.float64)
