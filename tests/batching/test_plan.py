"""Every row once an epoch, as a pure function of seed and epoch, within the budget of tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headtohead.batching.plan import epoch_batches, score_batches
from headtohead.config import TrainConfig

lengths_of_rows = st.lists(st.integers(1, 60), min_size=1, max_size=150).map(np.asarray)
settings = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, 20),
        "batch_tokens": st.none() | st.integers(1, 300),
        "length_buckets": st.booleans(),
    }
)


@given(lengths_of_rows, settings, st.integers(0, 10**6), st.integers(0, 50))
def test_every_row_exactly_once_an_epoch(lengths: np.ndarray, options: dict[str, Any], seed: int, epoch: int):
    config = TrainConfig(**options)
    batches = epoch_batches(lengths, config, seed=seed, epoch=epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(len(batch) for batch in batches)
    if config.batch_tokens is None:
        assert max(map(len, batches)) <= config.batch_size
        assert len(batches) == -(-len(lengths) // config.batch_size)
    else:
        assert all(len(batch) == 1 or len(batch) * lengths[batch].max() <= config.batch_tokens for batch in batches)


@given(lengths_of_rows, settings, st.integers(0, 10**6), st.integers(0, 50))
def test_a_pure_function_of_seed_and_epoch(lengths: np.ndarray, options: dict[str, Any], seed: int, epoch: int):
    config = TrainConfig(**options)
    first, second = (epoch_batches(lengths, config, seed=seed, epoch=epoch) for _ in range(2))
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in second]


def test_seed_and_epoch_both_reorder():
    lengths = np.arange(1, 200)
    plans = {
        tuple(np.concatenate(epoch_batches(lengths, TrainConfig(), seed=seed, epoch=epoch)).tolist())
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(plans) == 4


def test_buckets_pad_less_and_batches_are_shuffled():
    lengths = np.random.default_rng(0).integers(1, 200, size=1000)

    def padded(batches: list[np.ndarray]) -> int:
        return sum(len(batch) * int(lengths[batch].max()) for batch in batches)

    plain = epoch_batches(lengths, TrainConfig(), seed=0, epoch=0)
    for config in (TrainConfig(length_buckets=True), TrainConfig(batch_tokens=2000)):
        bucketed = epoch_batches(lengths, config, seed=0, epoch=0)
        assert padded(bucketed) < 1.1 * lengths.sum() < padded(plain)
        longest = [int(lengths[batch].max()) for batch in bucketed]
        assert longest != sorted(longest, reverse=True), "otherwise training runs from long rows to short ones"


@given(lengths_of_rows, st.integers(1, 400), st.integers(0, 9))
def test_scoring_batches(lengths: np.ndarray, tokens: int, extra: int):
    batches = score_batches(lengths, tokens, extra)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * (lengths[batch].max() + extra) <= tokens for batch in batches)
    ordered = np.concatenate([lengths[batch] for batch in batches])
    assert (np.diff(ordered) <= 0).all()


def test_nothing_to_score():
    assert score_batches(np.zeros(0, dtype=np.int64), 100) == []
