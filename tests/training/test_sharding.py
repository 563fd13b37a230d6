"""FSDP as a user starts it: a whole run, killed and continued, ends as that of one process; the rest is refused."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from safetensors.numpy import load_file

from command_line import ROOT, CommandLine, write_rows
from headtohead.adapters import TrialWeights
from headtohead.config import Config
from headtohead.errors import UserError
from headtohead.results import read_predictions
from headtohead.training import sharding_asked
from shared_steps import FSDP, launcher
from tiny_runs import FrozenConfig, FullConfig, LoraConfig, TinyRun, config_of

SETTINGS = [
    "lora=full",
    "model.precision=fp32",  # processes sum in another order
    "evaluate.baselines=false",
    "evaluate.resamples=100",
    "train.steps=12",
    "train.evaluate_every=0.5",
    "train.checkpoint_seconds=0",
    "train.learning_rate=5e-4",
]
FULL = config_of(lora=FullConfig())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What ``accelerate launch --use_fsdp --fsdp_version 2`` sets."""
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_VERSION", "2")
    return monkeypatch


def test_nothing_is_sharded_unasked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ACCELERATE_USE_FSDP", raising=False)
    assert sharding_asked([FULL]) is None


def test_full_fine_tuning_is_sharded(asked: pytest.MonkeyPatch):
    asked.setenv("FSDP_RESHARD_AFTER_FORWARD", "false")
    plugin = sharding_asked([FULL])
    assert plugin is not None
    assert plugin.reshard_after_forward is False


@pytest.mark.parametrize(
    ("configs", "message"),
    [
        ([config_of(lora=LoraConfig(rank=4))], "not for lora=.*set lora=full or full_but_embeddings"),
        ([config_of(lora=LoraConfig(rank=4, quantisation="nf4"))], "not for lora=.*--multi_gpu"),
        ([config_of(lora=FrozenConfig())], "not for lora=frozen"),
        ([FULL, FULL], "not for a pack of 2 trials"),
        ([config_of(lora=FullConfig(), optimizer="adamw_8bit")], "adamw_8bit cannot be sharded by FSDP: set adamw"),
    ],
)
def test_what_cannot_be_sharded_is_refused(asked: pytest.MonkeyPatch, configs: list[Config], message: str):
    with pytest.raises(UserError, match=message):
        sharding_asked(configs)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("FSDP_VERSION", "1", "FSDP 1, which is deprecated: set --fsdp_version 2"),
        ("FSDP_ACTIVATION_CHECKPOINTING", "true", "set train.gradient_checkpointing=true"),
        ("FSDP_OFFLOAD_PARAMS", "true", "fsdp_offload_params=true is not supported"),
        ("FSDP_IGNORED_MODULES", ".*norm", "fsdp_ignored_modules=.*norm is not supported"),
        ("FSDP_AUTO_WRAP_POLICY", "LAYERS", "Invalid auto wrap policy: LAYERS"),
    ],
)
def test_settings_that_are_not_supported_are_refused(asked: pytest.MonkeyPatch, name: str, value: str, message: str):
    asked.setenv(name, value)
    with pytest.raises(UserError, match=message):
        sharding_asked([FULL])


def test_a_pack_refuses_too(asked: pytest.MonkeyPatch, cache: Path):
    with pytest.raises(UserError, match="accelerate asks for FSDP"):
        TinyRun(cache, config_of(lora=LoraConfig(rank=4)))


def test_sharded_batches_are_not_halved(cache: Path, monkeypatch: pytest.MonkeyPatch):
    """The other processes could not follow."""
    run = TinyRun(cache, FULL)

    def exhausted(*arguments: Any, **options: Any) -> None:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(run.pack, "read", exhausted)
    monkeypatch.setattr(TrialWeights, "is_sharded", True)
    with pytest.raises(UserError, match=r"set a smaller train\.micro_batch_size"):
        run.pack.step()
    with pytest.raises(UserError, match=r"train\.score_batch_tokens"):
        run.scores()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", count=90)


@pytest.mark.slow
def test_a_run_says_what_to_do(asked: pytest.MonkeyPatch, cache: Path, rows: Path, tmp_path: Path):
    line = CommandLine(tmp_path, cache, rows)
    done = line("lora=r8", code=1)
    assert "set lora=full or full_but_embeddings" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "accelerate asks for FSDP" in done.stdout + done.stderr
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]  # a refused command leaves no folder


def launch(line: CommandLine, log: Path) -> subprocess.Popen[bytes]:
    """Start the run on two processes."""
    with log.open("ab") as file:
        command = [*launcher(*FSDP), "run.py", *line.arguments(SETTINGS, train=True)]
        return subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)


def kill_at_first_checkpoint(line: CommandLine, log: Path) -> None:
    """Start the run and kill all its processes as soon as there is something to continue from."""
    started = launch(line, log)
    deadline = time.monotonic() + 120
    while not list(line.outputs.glob("*/checkpoint/step-*")):
        assert started.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    own = psutil.Process(started.pid)
    for process in [own, *own.children(recursive=True)]:
        process.kill()
    started.wait()


@pytest.mark.long
def test_a_killed_run_ends_as_that_of_one_process(cache: Path, rows: Path, tmp_path: Path):
    alone, shared = (CommandLine(tmp_path / name, cache, rows) for name in ("alone", "shared"))
    alone(*SETTINGS, "export.form=none")
    kill_at_first_checkpoint(shared, tmp_path / "log")
    assert shared.record()["status"] == "running"
    assert launch(shared, tmp_path / "log").wait() == 0, (tmp_path / "log").read_text()
    found, expected = shared.record(), alone.record()
    assert (found["status"], found["attempt"]) == ("completed", 2)
    assert found["export"]["status"] == "passed"
    assert found["cost"]["trainable_parameters"] == expected["cost"]["trainable_parameters"]
    assert found["cost"]["training"]["best_step"] == expected["cost"]["training"]["best_step"]
    for name, value in expected["metrics"]["test"].items():
        np.testing.assert_allclose(found["metrics"]["test"][name]["value"], value["value"], atol=1e-5, err_msg=name)
    weights, other = (load_file(line.folder() / "trained.safetensors") for line in (shared, alone))
    assert weights.keys() == other.keys()
    for name in weights:
        np.testing.assert_allclose(weights[name], other[name], rtol=0, atol=1e-5, err_msg=name)
    first, second = (read_predictions(line.folder() / "predictions.parquet") for line in (shared, alone))
    np.testing.assert_allclose(first.scores, second.scores, atol=1e-5)
