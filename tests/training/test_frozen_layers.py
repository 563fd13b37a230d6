"""What the frozen layers answered is kept and read again: the numbers are those of running them anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from headtohead.errors import UserError
from headtohead.training import Pack
from headtohead.training.frozen_layers import frozen_count, layer_list
from headtohead.training.hidden_state_file import StateFile
from tiny_runs import FrozenConfig, LoraConfig, TinyRun, config_of

TOP = LoraConfig(rank=4, top_layers=0.5)


def runs(cache: Path, where: str, **given: Any) -> tuple[TinyRun, TinyRun]:
    """Return a run that keeps states, and one that does not."""
    kept, plain = (
        TinyRun(cache, config_of(**{"lora": TOP, "frozen_states": how, **given})) for how in (where, "recompute")
    )
    assert kept.pack.frozen or kept.pack.features
    assert not plain.pack.frozen
    assert not plain.pack.features
    return kept, plain


def calls_of(layer: nn.Module) -> list[int]:
    """Return a list that hears of every call of a layer."""
    calls: list[int] = []
    layer.register_forward_pre_hook(lambda *arguments: calls.append(1))
    return calls


def assert_same_training(kept: Pack, plain: Pack, steps: int = 12) -> None:
    for _ in range(steps):
        np.testing.assert_allclose(kept.step(), plain.step(), atol=1e-5)
        kept.drop_gradients()
        plain.drop_gradients()
    for one, other in zip(kept.trials, plain.trials, strict=True):
        for name, tensor in one.weights.state().items():
            torch.testing.assert_close(tensor, other.weights.state()[name], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("architecture", "where"),
    [("llama", "disk"), ("qwen3", "memory"), ("bert", "memory"), ("modernbert", "disk")],
)
def test_training_and_scores_are_the_same(tmp_path: Path, architecture: str, where: str) -> None:
    kept, plain = runs(tmp_path, where, architecture=architecture)
    assert_same_training(kept.pack, plain.pack)
    np.testing.assert_allclose(kept.scores(), plain.scores(), atol=1e-5)


def test_a_trunk_that_nothing_trains_under_a_readout_of_all_states(tmp_path: Path) -> None:
    kept, plain = runs(tmp_path, "memory", architecture="modernbert", lora=FrozenConfig())
    assert_same_training(kept.pack, plain.pack)
    np.testing.assert_allclose(kept.scores(), plain.scores(), atol=1e-5)


def test_a_generative_head_too(tmp_path: Path) -> None:
    """Its labels branch after the prompt when they are scored: that is run anew."""
    kept, plain = runs(tmp_path, "memory", head="generative")
    assert_same_training(kept.pack, plain.pack)
    np.testing.assert_allclose(kept.scores(), plain.scores(), atol=1e-5)


@pytest.mark.parametrize("architecture", ["llama", "bert"])
def test_a_pack_of_trials_with_more_and_fewer_tokens(tmp_path: Path, architecture: str) -> None:
    """What fills up the shorter trial is no row: longer than the model can place, it is neither run nor kept."""
    texts = ["fox"] * 24 + [" ".join(["market"] * 60)] * 24

    def pack_of(how: str) -> TinyRun:
        configs = [config_of(architecture=architecture, lora=TOP, seed=seed, frozen_states=how) for seed in (0, 1)]
        configs[1].train.batch_size = 24
        return TinyRun(tmp_path, configs, texts=texts)

    kept, plain = pack_of("memory"), pack_of("recompute")
    assert_same_training(kept.pack, plain.pack, steps=4)
    assert kept.pack.frozen
    assert len(kept.pack.frozen._states) == 2  # type: ignore[arg-type]


def test_another_models_states_are_never_read(tmp_path: Path) -> None:
    """From the same folder, with other weights in it."""
    one = TinyRun(tmp_path, config_of(lora=TOP, frozen_states="disk"), sharpness=4.0)
    one.scores()
    other, plain = (
        TinyRun(tmp_path, config_of(lora=TOP, frozen_states=how), sharpness=3.0) for how in ("disk", "recompute")
    )
    np.testing.assert_allclose(other.scores(), plain.scores(), atol=1e-5)


def test_a_row_is_read_once(tmp_path: Path) -> None:
    """Six steps an epoch of 48 rows."""
    kept, _ = runs(tmp_path, "memory")
    assert kept.pack.frozen
    layers = layer_list(kept.pack.trunk)
    assert frozen_count(layers) == 1
    calls = calls_of(layers[0])
    for _ in range(6):
        kept.pack.step()
    first = len(calls)
    for _ in range(12):
        kept.pack.step()
    kept.scores()
    assert len(calls) == first == 6


def test_another_process_reads_what_is_on_disk(tmp_path: Path) -> None:
    first, _ = runs(tmp_path, "disk")
    scores = first.scores()
    again, _ = runs(tmp_path, "disk")
    calls = calls_of(layer_list(again.pack.trunk)[0])
    np.testing.assert_array_equal(again.scores(), scores)
    assert calls == []


def test_what_was_cut_off_is_not_looked_up(tmp_path: Path) -> None:
    states = StateFile(tmp_path, features=3, dtype=torch.float32)
    rows = {name: torch.randn(length, 3) for name, length in (("a", 2), ("b", 5))}
    for name, row in rows.items():
        states.put(name, row)
    assert len(list(tmp_path.iterdir())) == 2
    (data,), (index,) = tmp_path.glob("*.states"), tmp_path.glob("*.index")
    again = StateFile(tmp_path, features=3, dtype=torch.float32)
    assert all(torch.equal(again.get(name), row) for name, row in rows.items())
    data.write_bytes(data.read_bytes()[:-1])
    index.write_text(index.read_text() + '["c", 0')
    cut = StateFile(tmp_path, features=3, dtype=torch.float32)
    assert ("a" in cut, "b" in cut, "c" in cut) == (True, False, False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lora": LoraConfig(rank=2)}, "every layer is trained"),
        ({"architecture": "bert", "trunk_dropout": True}, "random"),
    ],
)
def test_what_cannot_be_kept_is_said(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        TinyRun(tmp_path, config_of(**{"lora": TOP, "frozen_states": "memory", **given}))
