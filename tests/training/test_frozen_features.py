"""A trunk that nothing trains reads each row once: heads over it learn what they would have learnt over the trunk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headtohead.classifiers.build_pack import build_pack, undress
from headtohead.training import frozen_features, score
from tiny_runs import ALONE, FrozenConfig, LoraConfig, TinyRun, assert_bit_equal, config_of

PLACES = {"whole": "disk", "some": "disk", "torn": "disk", "memory": "memory"}


def runs(cache: Path, where: str, *givens: dict[str, Any], **all_of: Any) -> tuple[TinyRun, TinyRun]:
    """Return a pack that keeps features, and one that does not."""
    kept, plain = (
        TinyRun(cache, [config_of(lora=FrozenConfig(), frozen_states=how, **all_of, **given) for given in givens])
        for how in (where, "recompute")
    )
    assert kept.pack.features
    return kept, plain


def forwards(run: TinyRun) -> list[int]:
    """Return a list that hears of how many tokens the trunk reads each time."""
    counts: list[int] = []
    run.pack.trunk.register_forward_pre_hook(
        lambda module, args, kwargs: counts.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    return counts


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        ({"lora": FrozenConfig()}, True),
        ({"lora": FrozenConfig(), "architecture": "modernbert"}, False),  # its readout looks at every token
        ({"lora": FrozenConfig(), "architecture": "bert", "trunk_dropout": True}, False),
        ({"lora": LoraConfig(rank=2, top_layers=0.5)}, False),
    ],
)
def test_by_default_rows_of_a_frozen_trunk_are_kept_on_disk(
    tmp_path: Path, given: dict[str, Any], is_kept: bool
) -> None:
    run = TinyRun(tmp_path, config_of(frozen_states="auto", **given))
    run.scores()
    assert bool(run.pack.features) == is_kept
    assert bool(list(tmp_path.rglob("states/*/*.npy"))) == is_kept
    assert not run.pack.frozen


@pytest.mark.parametrize(
    ("trials", "is_kept", "given"),
    [
        (1, False, {"steps": 5}),
        (1, True, {"steps": 6}),
        (2, True, {"steps": 5}),
        (1, False, {"steps": None, "epochs": 0.9}),
        (1, False, {"steps": 5, "batch_tokens": 64}),
        (1, True, {"steps": 5, "batch_tokens": 640}),
    ],
)
def test_training_on_fewer_rows_than_there_are_is_no_reason_to_read_all(
    tmp_path: Path, trials: int, is_kept: bool, given: dict[str, Any]
) -> None:
    """Of 48 rows, eight a step, or some sixteen tokens a row."""
    given = {"lora": FrozenConfig(), "frozen_states": "auto", **given}
    run = TinyRun(tmp_path, [config_of(seed=seed, **given) for seed in range(trials)])
    assert bool(run.pack.features) == is_kept


def test_a_pack_that_has_read_its_rows_keeps_to_them(tmp_path: Path) -> None:
    given = {"lora": FrozenConfig(), "frozen_states": "auto", "steps": 5}
    run = TinyRun(tmp_path, [config_of(seed=seed, **given) for seed in range(2)])
    run.pack.step()
    undress(run.backbone)
    left = build_pack(run.configs[:1], run.backbone, run.readers[:1], run.labels, run.rows, processes=ALONE)
    assert left.features is run.pack.features


@pytest.mark.parametrize(
    ("architecture", "pooling", "where"),
    [
        ("llama", "native", "memory"),
        ("llama", "mean", "disk"),
        ("qwen3", "last", "memory"),
        ("bert", "native", "memory"),
        ("bert", "cls", "disk"),
        ("modernbert", "mean", "memory"),
    ],
)
def test_heads_over_kept_features_learn_the_same(tmp_path: Path, architecture: str, pooling: str, where: str) -> None:
    """Heads of several losses, rates and row orders at once."""
    givens = [
        {"seed": 0, "learning_rate": 1e-2},
        {"seed": 1, "learning_rate": 5e-2, "loss": "focal", "batch_size": 5},
        {"seed": 2, "learning_rate": 1e-2, "loss_options": {"class_weights": "balanced"}},
    ]
    kept, plain = runs(tmp_path, where, *givens, architecture=architecture, pooling=pooling)
    for _ in range(12):
        np.testing.assert_allclose(kept.pack.step(), plain.pack.step(), atol=1e-5)
        kept.pack.drop_gradients()
        plain.pack.drop_gradients()
    for one, other in zip(score(kept.pack, kept.rows), score(plain.pack, plain.rows), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for one, other in zip(kept.pack.trials, plain.pack.trials, strict=True):
        assert one.progress.tokens == other.progress.tokens
        for name, tensor in one.weights.state().items():
            torch.testing.assert_close(tensor, other.weights.state()[name], atol=1e-5, rtol=1e-4)


def test_a_head_that_diverges_changes_no_bit_of_its_neighbours(tmp_path: Path) -> None:
    givens = [{"seed": 0, "learning_rate": 1e-2}, {"seed": 1}, {"seed": 0, "loss": "focal"}]
    healthy, broken = (runs(tmp_path, "memory", *givens)[0].pack for _ in range(2))
    for step in range(9):
        if step == 4:
            next(iter(broken.trials[1].weights.tensors.values())).data.fill_(torch.inf)
        expected, found = healthy.step(), broken.step()
        assert [expected[0], expected[2]] == [found[0], found[2]]
        assert np.isfinite(found[1]) == (step < 4)
        healthy.drop_gradients()
        broken.drop_gradients()
    assert [trial.progress.status for trial in broken.trials] == ["training", "diverged", "training"]
    for number in (0, 2):
        assert_bit_equal(broken.trials[number].weights.state(), healthy.trials[number].weights.state())


def test_a_row_is_read_once_by_all_trials_and_processes(tmp_path: Path) -> None:
    kept, _ = runs(tmp_path, "disk", {"seed": 0}, {"seed": 1})
    read = forwards(kept)
    for _ in range(8):
        kept.pack.step()
        kept.pack.drop_gradients()
    kept.scores()
    assert sum(read) == kept.rows.lengths.sum()
    again, _ = runs(tmp_path, "disk", {"seed": 3})
    read = forwards(again)
    again.pack.step()
    np.testing.assert_array_equal(again.scores().shape, kept.scores().shape)
    assert read == []


def test_what_reading_took_does_not_depend_on_who_asks(tmp_path: Path) -> None:
    first, again = (runs(tmp_path, "disk", {"seed": seed})[0] for seed in (0, 1))
    counts = {True: 0, False: 0}

    def advance(count: int, is_read: bool) -> None:
        counts[is_read] += count

    seconds = first.pack.read_once(first.rows, advance)
    assert seconds > 0
    assert counts == {True: 48, False: 0}
    assert again.pack.read_once(again.rows, advance) == first.pack.read_once(first.rows, advance) == seconds
    assert counts == {True: 48, False: 48}


def test_a_row_s_state_does_not_depend_on_which_rows_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor on whether tables are on disk, nor on what a kill has left of one."""
    monkeypatch.setattr(frozen_features, "ROWS_OF_A_PART", 20)  # of 48: three parts
    whole, some, torn, memory = (runs(tmp_path / name, where, {"seed": 0})[0] for name, where in PLACES.items())
    index = np.arange(48)
    expected = whole.pack.kept(whole.rows, index)[0].last_hidden_state
    assert len(expected.unique(dim=0)) > 20
    for own in (index[45:], index[::-3]):
        found = some.pack.kept(some.rows, own)[0].last_hidden_state
        assert torch.equal(found, expected[torch.from_numpy(own.copy())])
    assert torch.equal(memory.pack.kept(memory.rows, index)[0].last_hidden_state, expected)
    parts = sorted((tmp_path / "whole" / "states").rglob("*.npy"), key=lambda part: part.stat().st_mtime_ns)
    assert len(parts) == 3
    left = [tmp_path / "torn" / part.relative_to(tmp_path / "whole") for part in parts]
    left[0].parent.mkdir(parents=True)
    left[0].write_bytes(parts[0].read_bytes())
    left[1].write_bytes(parts[1].read_bytes()[:-100])
    read = forwards(torn)
    assert torch.equal(torn.pack.kept(torn.rows, index)[0].last_hidden_state, expected)
    assert sum(read) == torn.rows.lengths[20:].sum()


def test_of_those_who_come_at_once_one_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, counts = frozen_features._read, []
    monkeypatch.setattr(
        frozen_features, "_read", lambda prompts, *rest: counts.append(len(prompts)) or read(prompts, *rest)
    )
    both = [runs(tmp_path, "disk", {"seed": seed})[0] for seed in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        seconds = list(pool.map(lambda run: run.pack.read_once(run.rows), both))
    assert counts == [48]
    assert seconds[0] == seconds[1]


def test_a_readout_of_more_than_one_state_keeps_layers_instead(tmp_path: Path) -> None:
    run = TinyRun(tmp_path, config_of(architecture="modernbert", lora=FrozenConfig(), frozen_states="memory"))
    assert run.pack.features is None
    assert run.pack.frozen


def test_rows_that_several_trials_read_are_looked_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials of one seed read the same rows in every step; another seed's are looked up beside them."""
    kept, _ = runs(tmp_path, "memory", {"seed": 0}, {"seed": 0, "learning_rate": 1e-2}, {"seed": 1})
    assert kept.pack.features
    asked: list[int] = []
    look_up = type(kept.pack.features).of
    monkeypatch.setattr(
        type(kept.pack.features),
        "of",
        lambda self, rows, index, *rest: asked.append(len(index)) or look_up(self, rows, index, *rest),
    )
    losses = kept.pack.step()
    assert asked == [8, 8]
    assert losses[0] == losses[1] != losses[2]
