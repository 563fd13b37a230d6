"""Runs trained together, in this process: who ends, who joins, and whose fault it is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from command_line import CommandLine, write_rows
from headtohead.batching.batch import Batch
from headtohead.comparisons.finished_run import load_run
from headtohead.config import Config
from headtohead.errors import Interrupted
from headtohead.hydra_io import schema
from headtohead.runs import language_model_run
from headtohead.runs.lifecycle import training
from headtohead.runs.packs import pack_scheduler
from headtohead.runs.packs.pack_compatibility import alone_because, differences, what_is_shared
from headtohead.runs.packs.pack_scheduler import Asked, Group
from headtohead.runs.packs.resource_cache import Shelf
from headtohead.runs.stop_request import StopRequest
from headtohead.tasks.compare import mean_cost
from headtohead.training import Pack, frozen_features

pytestmark = pytest.mark.slow  # whole runs

QUIET = ["export.form=none", "evaluate.baselines=false", "evaluate.resamples=100", "evaluate.test=false"]


class Listed:
    """A queue of runs that are known beforehand; remembers how each ended."""

    def __init__(self, line: CommandLine, runs: list[list[str]]) -> None:
        self.line, self.ends = line, {}  # type: tuple[CommandLine, dict[int, BaseException | None]]
        shelf = Shelf()
        self.left = [self._asked(number, overrides, shelf) for number, overrides in enumerate(runs)]

    def folder(self, number: int) -> Path:
        return self.line.outputs / str(number)

    def wait(self) -> bool:
        return bool(self.left)

    def take(self, shared: Mapping[str, Any] | None) -> Asked | None:
        found = next((asked for asked in self.left if shared is None or asked.shared == shared), None)
        if found:
            self.left.remove(found)
        return found

    def holds(self, shared: Mapping[str, Any] | None) -> bool:
        return any(shared is None or asked.shared == shared for asked in self.left)

    def _asked(self, number: int, overrides: list[str], shelf: Shelf) -> Asked:
        config = typed(self.line, *overrides)
        shared = None if alone_because(config) else what_is_shared(config)
        self.folder(number).mkdir(parents=True)
        return Asked(
            training=training(config, self.folder(number), "test", shelf),
            shared=shared,
            within=nullcontext,
            ended=partial(self.ends.__setitem__, number),
        )


def typed(line: CommandLine, *overrides: str) -> Config:
    return schema.to_typed(line.composed(*QUIET, *overrides))


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=60))


def statuses(queue: Listed, count: int) -> list[str]:
    return [str(queue.line.record(queue.folder(number))["status"]) for number in range(count)]


def sizes_of_packs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that hears of the size of every pack at each step."""
    sizes: list[int] = []
    step = Pack.step

    def heard(pack: Pack) -> list[float]:
        sizes.append(len(pack.trials))
        return step(pack)

    monkeypatch.setattr(Pack, "step", heard)
    return sizes


def test_places_are_refilled(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six steps an epoch: the longest run stays, the others come and go beside it."""
    sizes = sizes_of_packs(monkeypatch)
    queue = Listed(line, [[f"train.epochs={epochs}", "lora.rank=2"] for epochs in (1, 3, 1, 1)])
    Group(queue, 2, StopRequest()).train_all()
    assert queue.ends == dict.fromkeys(range(4))
    assert statuses(queue, 4) == ["completed"] * 4
    assert sizes == [2] * 18


def test_who_cannot_join_fails_alone(line: CommandLine) -> None:
    queue = Listed(line, [["lora.rank=2"], ["lora.rank=2", "model.adapter=/nowhere"], ["lora.rank=4"]])
    Group(queue, 3, StopRequest()).train_all()
    assert statuses(queue, 3) == ["completed", "failed", "completed"]
    assert "no trained weights" in str(queue.ends[1])


def test_a_pack_that_does_not_fit_becomes_smaller(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    accumulate = Pack._accumulate

    def full(pack: Pack) -> list[float]:
        if len(pack.trials) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return accumulate(pack)

    monkeypatch.setattr(Pack, "_accumulate", full)
    sizes = sizes_of_packs(monkeypatch)
    queue = Listed(line, [["lora.rank=2", f"seed={seed}"] for seed in range(4)])
    Group(queue, 4, StopRequest()).train_all()
    assert statuses(queue, 4) == ["completed"] * 4
    assert sizes == [4] + [2] * 12


def test_what_a_pack_has_learnt_of_memory_the_next_knows(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of eight rows, and no more than six of two trials fit."""
    refused = []
    read = Pack.read_packed

    def limited(pack: Pack, combined: Batch, *arguments: Any, **options: Any) -> Any:
        if torch.is_grad_enabled() and combined.rows > 6:
            refused.append(combined.rows)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return read(pack, combined, *arguments, **options)

    monkeypatch.setattr(Pack, "read_packed", limited)
    monkeypatch.setattr(Pack, "_at_once", lambda pack, rows: [list(range(len(pack.trials)))])
    queue = Listed(line, [[f"train.epochs={epochs}", "lora.rank=2"] for epochs in (1, 3, 1, 1)])
    Group(queue, 2, StopRequest()).train_all()
    assert statuses(queue, 4) == ["completed"] * 4
    assert refused == [16, 8]
    notes = {str(line.record(queue.folder(number))["cost"]["notes"]) for number in range(4)}
    assert notes == {"['out of memory: 2 rows per forward pass instead of 8, same effective batch']"}


def test_a_device_that_is_lost_at_one_run_s_end_ends_the_worker(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that followed on it would fail."""
    save = language_model_run.save_weights

    def lost(path: Path, *arguments: Any, **options: Any) -> None:
        if path.parent.name == "0":
            raise RuntimeError("CUDA error: device-side assert triggered")
        save(path, *arguments, **options)

    monkeypatch.setattr(language_model_run, "save_weights", lost)
    queue = Listed(line, [["lora.rank=2", f"train.epochs={epochs}"] for epochs in (1, 2, 3)])
    with pytest.raises(Interrupted, match="the device has failed"):
        Group(queue, 2, StopRequest()).train_all()
    assert statuses(queue, 2) == ["failed", "interrupted"]
    assert len(queue.left) == 1


def test_scores_that_are_no_numbers_end_their_run_alone(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the last step, where its neighbours are due as well."""
    score = pack_scheduler.score

    def broken(pack: Pack, rows: Any, **how: Any) -> list[np.ndarray]:
        scores = score(pack, rows, **how)
        for trial, own in zip(pack.trials, scores, strict=True):
            if trial.seed == 1 and own.size:
                own[:] = np.nan
        return scores

    monkeypatch.setattr(pack_scheduler, "score", broken)
    queue = Listed(line, [["lora.rank=2", f"seed={seed}"] for seed in range(3)])
    Group(queue, 3, StopRequest()).train_all()
    assert statuses(queue, 3) == ["completed", "diverged", "completed"]


def test_an_error_after_a_step_takes_nothing_from_the_others(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is trained again by itself, and ends as it would have without the error."""
    score = pack_scheduler.score

    def broken(pack: Pack, rows: Any, **how: Any) -> list[np.ndarray]:
        if any(trial.seed == 1 for trial in pack.trials):
            raise ZeroDivisionError("a bug")
        return score(pack, rows, **how)

    runs = [["lora.rank=2", "train.epochs=2", f"seed={seed}"] for seed in range(3)]
    undisturbed = Listed(line, runs)
    Group(undisturbed, 1, StopRequest()).train_all()
    expected = [line.record(undisturbed.folder(number))["objective"] for number in (0, 2)]
    line.outputs.rename(line.outputs.with_name("undisturbed"))
    monkeypatch.setattr(pack_scheduler, "score", broken)
    queue = Listed(line, runs)
    Group(queue, 3, StopRequest()).train_all()
    assert statuses(queue, 3) == ["completed", "failed", "completed"]
    assert "ZeroDivisionError: a bug" in str(line.record(queue.folder(1))["error"])
    assert [line.record(queue.folder(number))["objective"] for number in (0, 2)] == expected


def test_asked_to_stop_all_save_and_say_so(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = StopRequest()
    step = Pack.step

    def stopped(pack: Pack) -> list[float]:
        if pack.trials[0].progress.step == 2:
            stop._ask(15, None)
        return step(pack)

    monkeypatch.setattr(Pack, "step", stopped)
    queue = Listed(line, [["lora.rank=2"], ["lora.rank=4"]])
    with pytest.raises(Interrupted):
        Group(queue, 2, stop).train_all()
    assert statuses(queue, 2) == ["interrupted"] * 2
    assert all((queue.folder(number) / "checkpoint" / "step-000000003").is_dir() for number in range(2))
    assert [type(queue.ends[number]) for number in range(2)] == [Interrupted] * 2


@pytest.mark.parametrize(
    ("one", "other", "keys"),
    [
        (["lora.rank=2"], ["lora.rank=4", "seed=3", "loss=focal", "train.learning_rate=0.1", "train.steps=3"], []),
        (["lora=r8"], ["lora=r8", "lora.targets=[q_proj]"], []),
        (["lora=r8"], ["lora=r8", "lora.top_layers=0.5"], ["lora.top_layers"]),
        (["loss=cross_entropy"], ["train.batch_size=4"], ["train.batch_size"]),
        (["lora=r8"], ["lora=frozen"], ["lora.kind"]),
        (["head=classification"], ["head=generative"], ["head.kind"]),
        (["data.seed=0"], ["data.seed=1"], ["data.seed"]),
        (["prompt.max_tokens=8"], ["prompt.max_tokens=9"], ["prompt.max_tokens"]),
    ],
)
def test_what_keeps_runs_apart(line: CommandLine, one: list[str], other: list[str], keys: list[str]) -> None:
    found = differences(what_is_shared(typed(line, *one)), what_is_shared(typed(line, *other)))
    assert set(keys) <= set(found)
    assert bool(keys) == bool(found)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["lora=full"], "trains the trunk itself"),
        (["lora=r8", "lora.dora=true"], "scales the whole weight"),
        (["model=tfidf"], "has no trunk"),
        (["model.trunk_dropout=true"], "draws for a pack as a whole"),
        (["lora=frozen"], None),
        (["lora=r8"], None),
    ],
)
def test_what_is_trained_alone(line: CommandLine, overrides: list[str], said: str | None) -> None:
    why = alone_because(typed(line, *overrides))
    assert why is None if said is None else said in str(why)


def test_what_a_head_costs_does_not_depend_on_who_came_first(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two read the rows, two more find them at hand, and one more on disk: by the verdict all have read them."""
    head = ["lora=frozen", "train.epochs=2", "evaluate.test=true"]
    read, counts = frozen_features._read, []
    monkeypatch.setattr(
        frozen_features, "_read", lambda prompts, *rest: counts.append(len(prompts)) or read(prompts, *rest)
    )
    queue = Listed(line, [[*head, f"seed={seed}"] for seed in range(4)])
    Group(queue, 2, StopRequest()).train_all()
    line.here(*QUIET, *head)
    folders = [*map(queue.folder, range(4)), next(line.outputs.glob("rows-tiny-*"))]
    records = [line.record(folder)["cost"] for folder in folders]
    for record in records:
        assert record["read_once"] == records[0]["read_once"]
        assert record["read_once"].keys() == {"train", "validation", "test"}
        assert record["seconds"]["read"] > 0
    assert sum(counts) == 60
    runs = [load_run(folder, "test") for folder in folders]
    once = records[0]["read_once"]
    for run, record in zip(runs, records, strict=True):
        cost = mean_cost([run], "test")
        assert cost["train_seconds"] == pytest.approx(record["seconds"]["train"] + once["train"])
        score = record["seconds"]["score test"] + once["test"]
        assert cost["seconds_per_1000_rows"] == pytest.approx(1000 * score / len(run.predictions))
