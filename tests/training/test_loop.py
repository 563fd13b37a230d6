"""The loop: evaluations, best weights, early stop, divergence, and continuing from checkpoints bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headtohead import atomic
from headtohead.config import Config
from headtohead.errors import Diverged
from headtohead.training import Hooks, Pack, fit, progress_summary, require_finished, score
from headtohead.training.checkpoint import load_checkpoint, newest_step, save_checkpoint
from tiny_runs import LoraConfig, TinyRun, assert_bit_equal, config_of, plant_infinity


class Log:
    """What the loop said."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, int, dict[str, float]]] = []

    def __call__(self, number: int, step: int, values: dict[str, float]) -> None:
        self.lines.append((number, step, values))

    def curve(self, number: int, name: str) -> list[tuple[int, float]]:
        return [(step, values[name]) for own, step, values in self.lines if own == number and name in values]


def hooks_of(run: TinyRun, log: Log | None = None, values: Sequence[float] | None = None) -> Hooks:
    """Judge by minus the mean log-probability of the gold labels, or by given values in turn."""
    told = iter(values or ())

    def evaluate(pack: Pack, due: Sequence[int]) -> dict[int, dict[str, float]]:
        if values is not None:
            return {number: {"metric": next(told)} for number in due}
        scores = score(pack, run.rows, only=due)
        return {n: {"metric": float(scores[n][np.arange(len(run.rows)), run.rows.targets].mean())} for n in due}

    return Hooks(evaluate=evaluate, log=log or Log(), metric="metric", higher_is_better=True)


def make_run(cache: Path, **train: Any) -> TinyRun:
    return TinyRun(cache, config_of(**{"steps": 12, "evaluate_every": 0.5, "batch_size": 8, **train}))


def test_steps_and_evaluations_are_logged(cache: Path):
    run, log = make_run(cache), Log()
    fit(run.pack, hooks_of(run, log), checkpoints=[None])
    assert [step for step, _ in log.curve(0, "train/loss")] == list(range(1, 13))
    assert [step for step, _ in log.curve(0, "validation/metric")] == [3, 6, 9, 12]
    assert log.curve(0, "train/learning_rate")[0] == (1, 0.0)
    assert all(value > 0 for _, value in log.curve(0, "train/tokens_per_second"))
    progress = run.pack.trials[0].progress
    assert progress.status == "done"
    lengths = run.rows.lengths
    assert progress.tokens == sum(int(lengths[run.pack.trials[0].batch_rows(step)].sum()) for step in range(12))
    assert progress.padded_tokens >= progress.tokens


def test_evaluations_are_where_they_are_asked_for_and_at_the_end(cache: Path):
    run, log = make_run(cache, evaluate_at=[1.5, 0.5]), Log()
    fit(run.pack, hooks_of(run, log), checkpoints=[None])
    assert [step for step, _ in log.curve(0, "validation/metric")] == [3, 9, 12]


@pytest.mark.parametrize("keep_best", [True, False])
def test_best_weights_win(cache: Path, keep_best: bool):
    """Ties keep the earlier; without keep_best the last step stays."""
    run = make_run(cache, keep_best=keep_best)
    trial, states = run.pack.trials[0], {}
    hooks = hooks_of(run, values=[0.2, 0.7, 0.7, 0.1])
    evaluate = hooks.evaluate

    def remember(pack: Pack, due: Sequence[int]) -> dict[int, dict[str, float]]:
        states[trial.progress.step] = trial.weights.state()
        return evaluate(pack, due)

    fit(run.pack, Hooks(evaluate=remember, log=Log(), metric="metric", higher_is_better=True), checkpoints=[None])
    assert (trial.progress.best_step, trial.progress.best_value) == (6, 0.7)
    assert_bit_equal(trial.weights.state(), states[6 if keep_best else 12])
    assert progress_summary(trial) == {
        "steps": 12,
        "planned_steps": 12,
        "planned_epochs": 12 / trial.steps_per_epoch,
        "warmup_steps": 3,
        "best_step": 6,
        "best_value": 0.7,
        "status": "done",
        "reason": "",
    }


def test_lower_can_be_better(cache: Path):
    run = make_run(cache)
    hooks = hooks_of(run, values=[0.9, 0.3, 0.4, 0.5])
    hooks = Hooks(evaluate=hooks.evaluate, log=Log(), metric="metric", higher_is_better=False)
    fit(run.pack, hooks, checkpoints=[None])
    assert run.pack.trials[0].progress.best_step == 6


def test_a_metric_that_is_no_number_is_never_the_best(cache: Path):
    run = make_run(cache)
    fit(run.pack, hooks_of(run, values=[float("nan"), 0.1, float("nan"), 0.0]), checkpoints=[None])
    assert run.pack.trials[0].progress.best_step == 6


def test_patience(cache: Path):
    run = make_run(cache, patience=2)
    fit(run.pack, hooks_of(run, values=[0.5, 0.4, 0.3]), checkpoints=[None])
    progress = run.pack.trials[0].progress
    assert (progress.status, progress.step, progress.best_step) == ("stopped", 9, 3)
    assert "2 evaluations" in progress.reason


def test_zero_steps_train_nothing(cache: Path):
    run = make_run(cache, steps=0)
    before = run.pack.trials[0].weights.state()
    fit(run.pack, hooks_of(run, values=[]), checkpoints=[None])
    assert_bit_equal(run.pack.trials[0].weights.state(), before)
    assert run.pack.trials[0].progress.status == "done"


def test_divergence_is_a_status(cache: Path):
    run = make_run(cache)
    plant_infinity(run.pack, 0, at_step=4)
    fit(run.pack, hooks_of(run), checkpoints=[None])
    trial = run.pack.trials[0]
    assert (trial.progress.status, trial.progress.step) == ("diverged", 4)
    assert "loss inf" in trial.progress.reason
    with pytest.raises(Diverged, match=r"lower train\.learning_rate"):
        require_finished(trial)


def test_non_finite_gradients_diverge_before_the_update(cache: Path):
    run = make_run(cache, warmup_steps=0)
    weight = run.pack.trials[0].weights.tensors["head.score.weight"]
    weight.register_hook(lambda gradient: gradient * float("nan"))
    before = run.pack.trials[0].weights.state()
    run.pack.step()
    assert run.pack.trials[0].progress.status == "diverged"
    assert_bit_equal(run.pack.trials[0].weights.state(), before)


class Killed(BaseException):
    """Stands for the end of the process."""


def trained(run: TinyRun, folder: Path, log: Log | None = None) -> dict[str, torch.Tensor]:
    fit(run.pack, hooks_of(run, log), checkpoints=[folder / str(n) for n in range(len(run.pack.trials))])
    return {f"{n}/{k}": t for n, trial in enumerate(run.pack.trials) for k, t in trial.weights.state().items()}


RESUMED: dict[str, dict[str, Any]] = {
    "dropout": {"lora": LoraConfig(rank=4, dropout=0.3)},
    "early_stop": {"patience": 1, "learning_rate": 5e-2},
    "eight_bits": {"optimizer": "adamw_8bit", "lora": LoraConfig(rank=4, dora=True)},
    "generative": {"head": "generative", "batch_tokens": 300},
}


@pytest.mark.slow  # kills at every write
@pytest.mark.parametrize("case", RESUMED)
def test_killed_anywhere_and_continued_ends_the_same(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
):
    """Killed once at the n-th write or rename, for n spread over all of them, and continued."""
    options = {"steps": 8, "checkpoint_seconds": 0.0, **RESUMED[case]}
    moments: list[str] = []
    monkeypatch.setattr(atomic, "on_step", lambda moment, path: moments.append(moment))
    straight_log = Log()
    whole = make_run(cache, **options)
    straight = trained(whole, tmp_path / "straight", straight_log)
    assert whole.pack.trials[0].progress.status == ("stopped" if case == "early_stop" else "done")
    assert {"before write", "after write", "after rename"} <= set(moments)
    for at in range(1, len(moments), len(moments) // 3):
        seen = 0

        def kill(moment: str, path: Path, at: int = at) -> None:
            nonlocal seen
            seen += 1
            if seen == at:
                raise Killed

        folder = tmp_path / f"killed at {at}"
        monkeypatch.setattr(atomic, "on_step", kill)
        with pytest.raises(Killed):
            trained(make_run(cache, **options), folder)
        monkeypatch.setattr(atomic, "on_step", lambda moment, path: None)
        run, log = make_run(cache, **options), Log()
        resumed_from = newest_step(folder / "0")
        assert_bit_equal(trained(run, folder, log), straight)
        kept = [line for line in straight_log.curve(0, "train/loss") if line[0] > resumed_from]
        assert log.curve(0, "train/loss") == kept
        final = load_checkpoint(folder / "0")
        assert final is not None
        reference = load_checkpoint(tmp_path / "straight" / "0")
        assert reference is not None
        for part in final[0]:
            assert_bit_equal(final[0][part], reference[0][part])
        assert {**final[1], "seconds": 0} == {**reference[1], "seconds": 0}
        assert len(list((folder / "0").iterdir())) <= 2


def test_a_finished_run_is_not_trained_again(cache: Path, tmp_path: Path):
    first = trained(make_run(cache), tmp_path)
    log = Log()
    assert_bit_equal(trained(make_run(cache), tmp_path, log), first)
    assert log.lines == []


def pack_configs() -> list[Config]:
    return [
        config_of(seed=0, steps=6, batch_size=8, evaluate_every=0.5),
        config_of(seed=1, steps=9, batch_size=8, evaluate_every=0.5, lora=LoraConfig(rank=2)),
        config_of(seed=2, steps=12, batch_size=8, evaluate_every=0.5),
    ]


@pytest.mark.slow
def test_a_pack_whose_trial_failed_continues_bit_for_bit(cache: Path, tmp_path: Path):
    """A trial that diverged stays diverged after a restart, and keeps its place in the pack."""

    def run_with_failure() -> TinyRun:
        run = TinyRun(cache, pack_configs())
        plant_infinity(run.pack, 1, at_step=4)
        return run

    straight = run_with_failure()
    expected = trained(straight, tmp_path / "straight")
    assert [trial.progress.status for trial in straight.pack.trials] == ["done", "diverged", "done"]
    broken = run_with_failure()
    hooks = hooks_of(broken)
    seen = []

    def interrupt(pack: Pack, losses: list[float]) -> None:
        seen.append(losses)
        if len(seen) == 8:
            raise Killed

    folders = [tmp_path / "broken" / str(n) for n in range(3)]
    with pytest.raises(Killed):
        fit(
            broken.pack,
            Hooks(evaluate=hooks.evaluate, log=Log(), metric="metric", higher_is_better=True, advance=interrupt),
            checkpoints=folders,
        )
    again = run_with_failure()
    assert_bit_equal(trained(again, tmp_path / "broken"), expected)
    assert again.pack.trials[1].progress.status == "diverged"
    assert again.pack.trials[1].progress.step == 4


def test_newest_two_checkpoints_are_kept_and_leftovers_settled(tmp_path: Path):
    tensors = {name: {"x": torch.ones(2)} for name in ("weights", "optimizer", "best")}
    for step in (3, 6, 9):
        save_checkpoint(tmp_path, step, tensors, {"step": step})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000006", "step-000000009"]
    (tmp_path / "step-000000009").rename(tmp_path / ".step-000000009.old")  # killed between two renames
    (tmp_path / ".step-000000012.77.tmp").mkdir()  # killed while writing
    assert newest_step(tmp_path) == 9
    loaded = load_checkpoint(tmp_path)
    assert loaded is not None
    assert loaded[1] == {"step": 9}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000006", "step-000000009"]


def test_no_checkpoint(tmp_path: Path):
    assert load_checkpoint(tmp_path / "none") is None
    assert newest_step(tmp_path / "none") == 0
