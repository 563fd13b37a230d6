"""Learning rates are transformers' own."""

from __future__ import annotations

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from headtohead.config import TrainConfig
from headtohead.training.schedule import learning_rate

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
    config = TrainConfig(schedule=schedule, learning_rate=rate, warmup_steps=warmup)
    ours = [learning_rate(config, step, total) for step in range(total)]
    assert ours == pytest.approx(theirs(schedule, rate, warmup, total), rel=1e-12, abs=1e-15)


@given(share=st.floats(0, 1), total=st.integers(1, 200))
def test_a_share_of_warm_up_is_rounded_as_transformers_does(share: float, total: int):
    arguments = transformers.TrainingArguments(output_dir="nowhere", warmup_steps=share if share < 1 else total)
    steps = arguments.get_warmup_steps(total)
    by_share = TrainConfig(warmup_fraction=share)
    by_steps = TrainConfig(warmup_steps=steps)
    for step in (0, total // 2, total - 1):
        assert learning_rate(by_share, step, total) == learning_rate(by_steps, step, total)
