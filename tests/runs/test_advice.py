"""A run that is no better than a baseline says what to try, in overrides that compose; any other says nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from headtohead.config import Config, FrozenConfig, ModelConfig, SourceConfig
from headtohead.hydra_io.schema import to_typed
from headtohead.results import RunRecord
from headtohead.runs.advice import advice
from headtohead.training.schedule import LEAST_STEPS
from tiny_runs import config_of

CONF = Path(__file__).parents[2] / "conf"
LONG = LEAST_STEPS + 50


def run_of(own: float, *, steps: int = LONG, best: int = 20, **baselines: float) -> RunRecord:
    def on_test(value: float) -> dict[str, Any]:
        return {"test": {"accuracy": {"value": value, "low": None, "high": None}}}

    training = {"steps": steps, "planned_steps": steps, "planned_epochs": steps / 40, "best_step": best}
    return RunRecord(
        name="run",
        fingerprint="abc",
        status="running",
        config={},
        metrics=on_test(own),
        baselines={name: on_test(value) for name, value in baselines.items()},
        cost={"training": training},
    )


MODELS = {
    "transformers": {"base": SourceConfig(kind="path", name="folder")},
    "tiny": {"kind": "tiny"},
    "tfidf": {"kind": "tfidf"},
}


def config(kind: str = "transformers", **given: Any) -> Config:
    own: dict[str, Any] = MODELS[kind]
    return replace(config_of(**given), model=ModelConfig(**own))


@pytest.mark.parametrize(
    ("given", "run", "tried"),
    [
        ({"kind": "tiny"}, {}, "model=minilm_l6"),
        ({"steps": 0}, {"steps": 0, "best": 0}, "train.steps=null"),
        ({"steps": 44}, {"steps": 44}, "train.steps=null train.epochs=auto"),
        ({"steps": None, "epochs": 1.25}, {"steps": 50}, "train.steps=null train.epochs=auto"),
        ({"steps": None, "lora": FrozenConfig()}, {}, "lora=r16_top_half"),
        ({"steps": LONG}, {"best": LONG}, f"train.steps=null train.epochs={LONG / 20:g}"),
        ({"steps": LONG}, {"best": 20}, "-m 'train.learning_rate=1e-4,3e-4,1e-3,3e-3'"),
    ],
)
def test_what_to_try_follows_from_the_training(given: dict[str, Any], run: dict[str, Any], tried: str):
    told = advice(config(**given), run_of(0.5, **run, majority=0.2, tfidf=0.7))
    assert told is not None
    assert told.leads
    assert told.command == tried
    overrides = tried.removeprefix("-m ").replace("'", "").replace("1e-4,3e-4,1e-3,3e-3", "1e-4").split()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        to_typed(compose("config", overrides=overrides))


@pytest.mark.parametrize("baselines", [{"majority": 0.6}, {"majority": 0.5}, {"majority": 0.2, "tfidf": 0.5}])
def test_no_better_than_any_baseline_is_told_as_well(baselines: dict[str, float]):
    assert advice(config(), run_of(0.5, **baselines)) is not None


def test_a_run_that_beats_its_baselines_is_told_nothing():
    assert advice(config(), run_of(0.8, majority=0.2, tfidf=0.7)) is None
    assert advice(config(), run_of(0.8)) is None


@pytest.mark.parametrize("best", [20, LONG])
def test_a_perfect_run_beside_a_perfect_baseline_is_not_told_to_train(best: int):
    told = advice(config(steps=LONG), run_of(1.0, best=best, majority=0.2, tfidf=1.0))
    assert told is not None
    assert (told.command, "every row right" in told.text) == ("model=tfidf", True)
    almost = advice(config(steps=LONG), run_of(0.99, best=best, majority=0.2, tfidf=0.99))
    assert almost is not None
    assert "train." in almost.command


def test_a_perfect_run_that_beats_its_baselines_is_told_nothing():
    assert advice(config(), run_of(1.0, majority=0.2, tfidf=0.9)) is None


def test_tfidf_itself_is_told_nothing():
    assert advice(config("tfidf"), run_of(0.7, majority=0.2, tfidf=0.7)) is None
