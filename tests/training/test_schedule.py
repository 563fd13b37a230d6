"""Learning rates are transformers' own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from headtohead.config import TrainConfig
from headtohead.training.schedule import EPOCHS, LEAST_STEPS, MOST_EPOCHS, learning_rate, planned_steps

NAMES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}


def theirs(schedule: str, rate: float, warmup: int, total: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    scheduler = transformers.get_scheduler(NAMES[schedule], optimizer, warmup, total)
    rates = []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@given(
    schedule=st.sampled_from(sorted(NAMES)),
    rate=st.floats(1e-6, 1),
    warmup=st.integers(0, 40),
    total=st.integers(1, 30),
)
def test_equals_transformers(schedule: str, rate: float, warmup: int, total: int):
    """Up to a warm-up of the whole run, in which theirs never reaches the rate."""
    config = TrainConfig(schedule=schedule, learning_rate=rate, warmup_steps=min(warmup, total - 1))
    ours = [learning_rate(config, step, total) for step in range(total)]
    assert ours == pytest.approx(theirs(schedule, rate, min(warmup, total - 1), total), rel=1e-12, abs=1e-15)


@given(share=st.floats(0, 1), total=st.integers(1, 200))
def test_a_share_of_warm_up_is_rounded_as_transformers_does(share: float, total: int):
    arguments = transformers.TrainingArguments(output_dir="nowhere", warmup_steps=share if share < 1 else total)
    steps = min(arguments.get_warmup_steps(total), total - 1)
    by_share = TrainConfig(warmup_fraction=share)
    by_steps = TrainConfig(warmup_steps=steps)
    for step in (0, total // 2, total - 1):
        assert learning_rate(by_share, step, total) == learning_rate(by_steps, step, total)


@given(
    schedule=st.sampled_from(sorted(NAMES)),
    share=st.floats(0, 1),
    steps=st.none() | st.integers(0, 10**6),
    total=st.integers(1, 300),
)
def test_every_run_learns(schedule: str, share: float, steps: int | None, total: int):
    """Whatever the warm-up: no run's rate is 0 all along, and a run of one step takes it at the whole rate."""
    config = TrainConfig(schedule=schedule, learning_rate=1e-3, warmup_fraction=share, warmup_steps=steps)
    rates = [learning_rate(config, step, total) for step in range(total)]
    assert max(rates) == pytest.approx(1e-3)
    assert rates[-1] > 0
    if total == 1:
        assert rates == [1e-3]
    if steps is not None and steps >= total:
        assert rates == [learning_rate(replace(config, warmup_steps=None), step, total) for step in range(total)]


@given(rows=st.integers(1, 10**6), batch=st.integers(1, 64))
def test_open_epochs_follow_from_the_rows(rows: int, batch: int):
    per_epoch = -(-rows // batch)
    steps = planned_steps(TrainConfig(), per_epoch)
    assert steps <= max(EPOCHS * per_epoch, LEAST_STEPS) + 1
    assert steps >= EPOCHS * per_epoch
    assert steps >= min(LEAST_STEPS, MOST_EPOCHS * per_epoch)
    assert steps <= planned_steps(TrainConfig(), per_epoch + 1)
    assert planned_steps(TrainConfig(steps=7, epochs=3), per_epoch) == 7
    assert planned_steps(TrainConfig(epochs=3), per_epoch) == 3 * per_epoch
