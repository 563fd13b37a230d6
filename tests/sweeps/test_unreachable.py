"""A sweep whose hub cannot be reached is refused once, before its first trial, and the same command goes on later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import constants

from command_line import CommandLine
from headtohead.tiny import tiny_checkpoint
from sources.made_up_hub import REPO, serving

pytestmark = pytest.mark.long  # every command composes its sweep in a process of its own

QUIET = ["export.form=none", "evaluate.baselines=false", "evaluate.resamples=100"]
SWEEPS = {
    "grid": ["lora.rank=2,4", "seed=0,1"],
    "drawn": ["hydra/sweeper/sampler=random", "hydra.sweeper.n_trials=3", "lora.rank=choice(2,4)"],
    "workers": ["hydra/launcher=local", "hydra.sweeper.n_jobs=2", "lora.rank=2,4"],
    "arms": ["+hydra.sweeper.arms={a:['lora.rank=2'],b:['lora.rank=4']}", "hydra.sweeper.n_trials=1"],
}
NOBODY_LISTENS = "http://127.0.0.1:9"


def points_to(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")  # of workers, which import the hub's library anew
    monkeypatch.setenv("HF_ENDPOINT", url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


def refused_once(line: CommandLine, *asked: str) -> str:
    said = line("-m", *asked, code=1)
    assert said.stderr.count("could not be reached") == 1
    assert "Traceback" not in said.stderr
    assert not list(line.outputs.glob("*"))
    return said.stderr


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("how", ["no listener", "offline"])
def test_a_model_that_cannot_be_reached(
    line: CommandLine, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, sweep: str, how: str
) -> None:
    line.cache = tmp_path / "cache"
    asked = [*QUIET, "model=hub", f"model.id={REPO}", *SWEEPS[sweep]]
    if how == "no listener":
        points_to(monkeypatch, NOBODY_LISTENS)
    said = refused_once(line, *asked)
    assert f"hf download {REPO} --local-dir FOLDER" in said
    if how == "offline":
        return
    files = {path.name: path.read_bytes() for path in tiny_checkpoint("llama", cache).iterdir()}
    with serving(files, "models") as hub:
        points_to(monkeypatch, hub.url)
        line("-m", *asked)
    assert {record["status"] for record in records(line)} == {"completed"}


@pytest.mark.parametrize("sweep", ["grid", "arms"])
def test_data_that_cannot_be_reached(
    line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sweep: str
) -> None:
    line.cache = tmp_path / "cache"
    asked = [*QUIET, "data=hub", f"data.source.name={REPO}", *SWEEPS[sweep]]
    points_to(monkeypatch, NOBODY_LISTENS)
    said = refused_once(line, *asked)
    assert f"hf download {REPO} --repo-type dataset --local-dir FOLDER" in said
    with serving({"train.jsonl": line.rows.read_bytes()}) as hub:
        points_to(monkeypatch, hub.url)
        line("-m", *asked)
    assert {record["status"] for record in records(line)} == {"completed"}


def records(line: CommandLine) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in line.outputs.rglob("result.json")]
