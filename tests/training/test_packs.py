"""A pack gives each trial what it would have got alone, and a trial that fails or stops touches no neighbour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from headtohead.batching import attention
from headtohead.config import Config
from headtohead.training import Pack, score
from headtohead.training import pack as training_pack
from plain_peft import PlainTrial
from tiny_runs import FrozenConfig, LoraConfig, TinyRun, assert_bit_equal, config_of, plant_infinity

STEPS = 20


def classification_trials() -> list[Config]:
    """Mixed ranks, rates, losses, seeds, schedules, batch sizes and clipping."""
    return [
        config_of(seed=0, lora=LoraConfig(rank=2), learning_rate=5e-4, steps=STEPS),
        config_of(
            seed=1,
            lora=LoraConfig(rank=8, alpha_over_rank=0.5),
            loss="focal",
            schedule="cosine",
            learning_rate=1e-4,
            batch_size=5,
            steps=STEPS,
        ),
        config_of(
            seed=2,
            lora=LoraConfig(rank=3, scaling="rslora"),
            loss_options={"label_smoothing": 0.2, "class_weights": "balanced"},
            schedule="constant",
            clip_norm=0.1,
            weight_decay=0.1,
            learning_rate=3e-4,
            steps=STEPS,
        ),
    ]


def mixed_heads() -> list[Config]:
    """Heads that read one trunk: the model's own words, and linear layers over pooled states."""
    return [
        config_of(head="generative", seed=0, lora=LoraConfig(rank=4), learning_rate=5e-4, steps=STEPS),
        config_of(pooling="last", seed=1, lora=LoraConfig(rank=2), learning_rate=2e-4, steps=STEPS),
        config_of(head="generative", loss="cross_entropy", seed=2, lora=LoraConfig(rank=6), batch_size=2, steps=STEPS),
        config_of(pooling="mean", loss="focal", seed=3, lora=LoraConfig(rank=4), batch_size=4, steps=STEPS),
    ]


PACKS = {
    "classification": classification_trials,
    "heads": mixed_heads,
    "frozen": lambda: [config_of(lora=FrozenConfig(), seed=seed, learning_rate=5e-4, steps=STEPS) for seed in (0, 1)],
    "targets": lambda: [
        config_of(seed=0, lora=LoraConfig(rank=2, targets=["q_proj", "v_proj"]), learning_rate=5e-4, steps=STEPS),
        config_of(seed=1, lora=LoraConfig(rank=8), learning_rate=1e-4, steps=STEPS),
        config_of(seed=2, lora=LoraConfig(rank=4, targets=["up_proj", "o_proj"]), learning_rate=5e-4, steps=STEPS),
    ],
    "embeddings": lambda: [
        config_of(lora=LoraConfig(rank=rank, embeddings=True), seed=rank, learning_rate=5e-4, steps=STEPS)
        for rank in (1, 4)
    ],
}


def take_steps(pack: Pack, count: int) -> np.ndarray:
    """Return the losses of some steps, steps x trials."""
    losses = []
    for _ in range(count):
        losses.append(pack.step())
        pack.drop_gradients()
    return np.asarray(losses)


def weights(pack: Pack) -> list[dict[str, torch.Tensor]]:
    return [trial.weights.state() for trial in pack.trials]


@pytest.mark.slow  # PEFT and a plain loop beside every trial
@pytest.mark.parametrize("kind", PACKS)
def test_each_trial_gets_what_peft_gives_it_alone(cache: Path, kind: str):
    run = TinyRun(cache, PACKS[kind]())
    plain = [PlainTrial(run, number) for number in range(len(run.configs))]
    run.pack._accumulate()
    for trial, alone in zip(run.pack.trials, plain, strict=True):
        trial.weights.take_gradients()
        alone.loss(0).backward()
        for name, gradient in alone.gradients().items():
            own = trial.weights.tensors[name].grad
            assert own is not None
            torch.testing.assert_close(own, gradient, atol=1e-5, rtol=1e-4, msg=name)
        alone.optimizer.zero_grad()
    run.pack.drop_gradients()
    ours = take_steps(run.pack, STEPS)
    theirs = np.asarray([[alone.step(step) for alone in plain] for step in range(STEPS)])
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert (np.ptp(theirs, axis=0) > 1e-2).all(), "every trial moved"


def test_scores_in_a_pack_are_those_of_a_pack_of_one(cache: Path):
    configs = mixed_heads()
    run = TinyRun(cache, configs)
    take_steps(run.pack, 3)
    for number, (config, scores) in enumerate(zip(configs, score(run.pack, run.rows), strict=True)):
        with_words = [config] if config.head.is_generative else [config, configs[0]]
        alone = TinyRun(cache, with_words)
        alone.pack.trials[0].weights.load(run.pack.trials[number].weights.state())
        np.testing.assert_allclose(score(alone.pack, alone.rows)[0], scores, atol=1e-5)


def test_only_the_trials_asked_for_are_scored(cache: Path):
    run = TinyRun(cache, classification_trials())
    first, second, third = score(run.pack, run.rows, only=[1])
    assert (len(first), len(second), len(third)) == (0, len(run.rows), 0)


@pytest.mark.parametrize("failing", [0, 2])
def test_a_diverging_trial_changes_no_bit_of_its_neighbours(cache: Path, failing: int):
    healthy, broken = (TinyRun(cache, classification_trials()).pack for _ in range(2))
    plant_infinity(broken, failing, at_step=4)
    take_steps(healthy, 9)
    losses = take_steps(broken, 9)
    trial = broken.trials[failing]
    assert trial.progress.status == "diverged"
    assert trial.progress.step == 4
    assert not np.isfinite(losses[4:, failing]).any()
    for number in {0, 1, 2} - {failing}:
        assert np.isfinite(losses[:, number]).all()
        assert_bit_equal(weights(broken)[number], weights(healthy)[number])
    assert all(torch.isfinite(tensor).all() for tensor in weights(broken)[failing].values())


@pytest.mark.parametrize("padded", [False, True], ids=["by groups", "padded"])
def test_poisoned_inputs_reach_no_neighbour(cache: Path, monkeypatch: pytest.MonkeyPatch, padded: bool):
    """All that the trunk reads for one trial is not a number, in every step; whichever way attention is computed."""
    if padded:
        monkeypatch.setattr(attention, "attend_by_groups", attention.attend_padded)
    healthy, poisoned = (TinyRun(cache, classification_trials()).pack for _ in range(2))

    def poison(module: nn.Module, given: Any, hidden: torch.Tensor) -> torch.Tensor:
        hidden = hidden.clone()
        hidden.view(3, -1, hidden.shape[-1])[1] = torch.nan
        return hidden

    poisoned.trunk.get_input_embeddings().register_forward_hook(poison)  # type: ignore[operator]
    expected, found = take_steps(healthy, 6), take_steps(poisoned, 6)
    assert poisoned.trials[1].progress.status == "diverged"
    for number in (0, 2):
        np.testing.assert_array_equal(found[:, number], expected[:, number])
        assert_bit_equal(weights(poisoned)[number], weights(healthy)[number])


@pytest.mark.parametrize("stopping", [1])
def test_a_stopped_trial_changes_no_bit_of_its_neighbours(cache: Path, stopping: int):
    running, shorter = (TinyRun(cache, classification_trials()).pack for _ in range(2))
    take_steps(running, 3)
    take_steps(shorter, 3)
    shorter.trials[stopping].progress.status = "stopped"
    before = weights(shorter)[stopping]
    take_steps(running, 6)
    take_steps(shorter, 6)
    assert_bit_equal(weights(shorter)[stopping], before)
    for number in {0, 1, 2} - {stopping}:
        assert shorter.trials[number].progress.step == 9
        assert_bit_equal(weights(shorter)[number], weights(running)[number])


@pytest.mark.slow  # four packs
def test_dropout_of_a_trial_that_adapts_other_layers(cache: Path):
    """Layers of one input are read together only where none of them drops anything."""
    configs = [
        config_of(seed=seed, lora=LoraConfig(rank=4, targets=[target], dropout=rate), learning_rate=1e-3, steps=4)
        for seed, (target, rate) in enumerate((("v_proj", 0.5), ("q_proj", 0.0)))
    ]
    together = take_steps(TinyRun(cache, configs).pack, 4)
    alone = np.hstack([take_steps(TinyRun(cache, config).pack, 4) for config in configs])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    configs[0].lora.dropout = 0.0  # type: ignore[union-attr]
    assert np.abs(take_steps(TinyRun(cache, configs[0]).pack, 4)[:, 0] - alone[:, 0]).max() > 1e-4


@pytest.mark.slow  # two packs
def test_dropout_in_a_pack_is_that_of_a_pack_of_one(cache: Path):
    configs = [
        config_of(seed=5, lora=LoraConfig(rank=4, dropout=0.3), learning_rate=5e-4, batch_size=4, steps=STEPS),
        config_of(seed=6, lora=LoraConfig(rank=2), learning_rate=5e-4, batch_size=9, steps=STEPS),
        config_of(seed=7, lora=LoraConfig(rank=4, dropout=0.1), learning_rate=5e-4, batch_size=7, steps=STEPS),
    ]
    together = take_steps(TinyRun(cache, configs).pack, 8)
    alone = [take_steps(TinyRun(cache, config).pack, 8)[:, 0] for config in configs]
    np.testing.assert_allclose(together, np.stack(alone, axis=1), atol=1e-5)
    without = config_of(seed=5, lora=LoraConfig(rank=4), learning_rate=5e-4, batch_size=4, steps=STEPS)
    assert not np.allclose(take_steps(TinyRun(cache, without).pack, 8)[:, 0], together[:, 0], atol=1e-3)


def test_place_in_a_pack_does_not_matter(cache: Path):
    configs = classification_trials()
    forwards, backwards = TinyRun(cache, configs).pack, TinyRun(cache, configs[::-1]).pack
    np.testing.assert_allclose(take_steps(forwards, 6), take_steps(backwards, 6)[:, ::-1], atol=1e-5)


@pytest.mark.slow  # four packs
def test_trials_over_4_bit_weights_are_those_of_packs_of_one(cache: Path):
    configs = [
        config_of(seed=seed, lora=LoraConfig(rank=rank, quantisation="nf4"), learning_rate=1e-3, steps=6)
        for seed, rank in enumerate((2, 8, 4))
    ]

    def losses(*own: Config) -> np.ndarray:
        """Of six steps, with an evaluation in between."""
        run = TinyRun(cache, list(own), sharpness=1.0)
        first = take_steps(run.pack, 3)
        score(run.pack, run.rows)
        return np.concatenate([first, take_steps(run.pack, 3)])

    together, alone = losses(*configs), np.hstack([losses(config) for config in configs])
    np.testing.assert_allclose(together, alone, atol=2e-3)  # both multiply in bf16
    assert np.ptp(alone[:, 0] - alone[:, 1]) > 0.01, "what is compared is not one trial three times"


@pytest.mark.parametrize(
    "odd",
    [
        LoraConfig(rank=4, dora=True),
        LoraConfig(rank=4, top_layers=0.5),
        LoraConfig(rank=4, embeddings=True),
        FrozenConfig(),
    ],
    ids=["dora", "top_layers", "embeddings", "frozen"],
)
def test_trials_that_cannot_share_a_trunk_are_refused(cache: Path, odd: LoraConfig):
    from headtohead.errors import UserError

    with pytest.raises(UserError, match="share a trunk"):
        TinyRun(cache, [config_of(lora=LoraConfig(rank=4)), config_of(lora=odd)])


@pytest.mark.parametrize(("precision", "is_rounded"), [("bf16", True), ("fp32", False)])
def test_a_processor_reads_few_different_numbers_of_tokens_in_bf16(
    cache: Path, precision: str, is_rounded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def losses_and_sizes() -> tuple[np.ndarray, list[int]]:
        run, sizes = TinyRun(cache, config_of(precision=precision, batch_size=5, learning_rate=1e-3)), []
        layer = run.pack.trunk.layers[0]  # type: ignore[index,union-attr]
        layer.register_forward_pre_hook(lambda module, inputs: sizes.append(inputs[0].shape[1]))
        return take_steps(run.pack, 10), sizes

    losses, sizes = losses_and_sizes()
    assert is_rounded == all(size % 8 == 0 for size in sizes)
    monkeypatch.setattr(training_pack, "round_tokens", lambda count: count)
    exact, own_sizes = losses_and_sizes()
    assert is_rounded == (sizes != own_sizes)
    np.testing.assert_allclose(losses, exact, atol=0.02 if is_rounded else 0)


@pytest.mark.slow  # two packs each
@pytest.mark.parametrize(
    ("kind", "precision"),
    [("classification", "fp32"), ("embeddings", "fp32"), ("targets", "fp32"), ("classification", "bf16")],
)
def test_on_a_processor_trials_take_turns_where_all_their_rows_are_too_many(
    cache: Path, kind: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def losses_and_turns() -> tuple[np.ndarray, int]:
        configs, turns = PACKS[kind](), []
        for config in configs:
            config.model.precision = precision
        run = TinyRun(cache, configs)
        run.pack.trunk.layers[0].register_forward_pre_hook(lambda *_: turns.append(1))  # type: ignore[index,union-attr]
        return take_steps(run.pack, 8), len(turns)

    together, turns = losses_and_turns()
    assert turns == 8
    for limit in ("TOKENS_AT_ONCE", "STATES_AT_ONCE"):
        monkeypatch.setattr(training_pack, limit, 1)
    apart, turns = losses_and_turns()
    assert turns == 8 * apart.shape[1]
    np.testing.assert_allclose(together, apart, atol=1e-5 if precision == "fp32" else 0.02)
