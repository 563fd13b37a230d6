"""The questions under conf/experiment, from their files to a verdict, on tiny random models and made-up rows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from command_line import CommandLine, write_rows
from headtohead.tiny import tiny_checkpoint

pytestmark = pytest.mark.long  # a dozen runs each

SMALL = [
    "data=files",
    "data.subset={train:null,validation:null,test:null}",
    "train.epochs=1",
    "track=off",
    "hydra.sweeper.confirm.seeds=2",
]
TINY = ["model=tiny"]


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=60))


def verdict_of(line: CommandLine, experiment: str, *overrides: str) -> dict[str, Any]:
    source = f"data.source.name={line.rows}"
    line(f"experiment={experiment}", *SMALL, source, *overrides, train=False)
    found: dict[str, Any] = json.loads((line.folder() / "verdict.json").read_text())
    return found


@pytest.mark.parametrize(
    ("experiment", "arms", "trials", "margin"),
    [
        ("head_vs_generative", ["head", "generative"], 3, 0.03),
        ("lora_rank", ["r4", "r16", "r64"], 4, 0.02),
        ("lora_vs_full", ["lora", "full"], 5, 0.02),
    ],
)
def test_arms_are_tuned_alike_confirmed_on_fresh_seeds_and_judged(
    line: CommandLine, experiment: str, arms: list[str], trials: int, margin: float
) -> None:
    verdict = verdict_of(line, experiment, *TINY)
    assert verdict["metric"] == "accuracy"
    assert [arm["name"] for arm in verdict["arms"]] == arms
    assert {pair["margin"] for pair in verdict["pairs"]} == {margin}
    for arm in arms:
        study = json.loads((line.folder() / arm / "study.json").read_text())
        assert [trial["state"] for trial in study["trials"]] == ["complete"] * trials
        records = [line.record(path) for path in (line.folder() / arm).iterdir() if path.is_dir()]
        assert {record["config"]["seed"] for record in records if record["test_reads"]} == {1000, 1001}


def test_base_and_instruct_are_two_models(line: CommandLine, cache: Path) -> None:
    base = tiny_checkpoint("qwen3", cache)  # of the architecture that the experiment's label names
    folders = {"base": base, "instruct": Path(shutil.copytree(base, line.outputs.parent / "qwen3_instruct"))}
    models = [f"model.{name}={{kind:path,name:{folder},revision:null}}" for name, folder in folders.items()]
    verdict = verdict_of(line, "base_vs_instruct", *models, "hydra.sweeper.n_trials=2")
    assert [arm["name"] for arm in verdict["arms"]] == ["base", "instruct"]
    configured = {arm: line.record(line.folder() / arm / "trial_0000")["config"]["model"]["variant"] for arm in folders}
    assert configured == {"base": "base", "instruct": "instruct"}
