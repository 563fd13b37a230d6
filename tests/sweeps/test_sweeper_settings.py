"""Keys of the sweeper are checked before anything runs."""

from __future__ import annotations

import re
from typing import Any

import optuna
import pytest

from command_line import ROOT
from headtohead.errors import UserError
from headtohead.sweeps.sweep import _parsed, _with_sampler
from headtohead.sweeps.sweeper_settings import build_pruner, build_sampler
from hydra_plugins.headtohead_sweeper.pruners import PRUNERS
from hydra_plugins.headtohead_sweeper.samplers import SAMPLERS
from made_up_sweeps import settings_of


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n_trials": 0}, "n_trials must be 1 or more"),
        ({"max_failure_rate": 2.0}, "between 0 and 1"),
        ({"direction": "up"}, "minimize or maximize"),
        ({"objective": "metrics.test.accuracy"}, "Validation tunes, test reports"),
        ({"objective": ["cost.seconds.train", "metrics.validation.macro_f1"], "direction": "minimize"}, "1 entries"),
        ({"enqueue": ["lora=r8"]}, r"enqueue\[0\]"),
        ({"arms": {"one": ["lora=r8"]}}, "two arms or more"),
        ({"arms": {"one": ["lora=r8"], "two": ["lora=r8"]}}, "are the same"),
        ({"arms": {"one": {"override": []}, "two": []}}, "did you mean 'overrides'"),
        ({"arms": {"a/b": [], "two": ["seed=1"]}}, "names a folder too"),
        ({"confirm": {"seeds": 0, "top_k": 1}}, "confirm.seeds"),
    ],
)
def test_mistakes(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        settings_of(**given)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_can_be_built(name: str) -> None:
    settings = settings_of(sampler=name)
    assert isinstance(build_sampler(settings, 0), optuna.samplers.BaseSampler)
    assert settings.is_grid == (name == "grid")


@pytest.mark.parametrize("name", PRUNERS)
def test_every_pruner_can_be_built(name: str) -> None:
    given = dict(PRUNERS[name])
    if name == "threshold":
        given["lower"] = 0.0
    assert isinstance(build_pruner(given), optuna.pruners.BasePruner)


def test_a_continued_sampler_does_not_repeat_itself() -> None:
    settings = settings_of(sampler={**SAMPLERS["random"], "seed": 7}, params={"x": "interval(0,1)"})
    space = {"x": optuna.distributions.FloatDistribution(0, 1)}

    def drawn(earlier: int) -> list[float]:
        study = optuna.create_study(sampler=build_sampler(settings, earlier))
        return [study.ask(space).params["x"] for _ in range(3)]

    assert drawn(0) == drawn(0)
    assert not set(drawn(0)) & set(drawn(3))


@pytest.mark.changed_meaning("sampler=motpe")
def test_motpe_is_explained() -> None:
    settings = settings_of(sampler={"_target_": "optuna.samplers.MOTPESampler"}, params={"x": "1,2"})
    with pytest.raises(UserError, match="sampler=tpe"):
        build_sampler(settings, 0)


def test_a_sampler_that_does_not_exist() -> None:
    settings = settings_of(sampler={"_target_": "optuna.samplers.TpeSampler"}, params={"x": "1,2"})
    with pytest.raises(UserError, match=r"hydra.sweeper.sampler optuna.samplers.TpeSampler cannot be built"):
        build_sampler(settings, 0)


@pytest.mark.changed_meaning("direction")
def test_directions_follow_the_metric() -> None:
    assert settings_of().directions("mae") == ["minimize"]
    assert settings_of().directions("macro_f1") == ["maximize"]
    several = settings_of(objective=["metrics.validation.accuracy", "cost.seconds.train"])
    assert several.directions("macro_f1") == ["maximize", "minimize"]


@pytest.mark.changed_meaning("sampler")
@pytest.mark.parametrize(
    ("lines", "given", "is_grid"),
    [
        (["lora.rank=4,8"], {}, True),
        (["train.learning_rate=interval(1e-4,1e-3)"], {}, False),
        (["lora.rank=4,8", "train.learning_rate=interval(1e-4,1e-3)"], {}, False),
        ([], {"params": {"lora.rank": "choice(4,8)"}}, False),
        (["lora.rank=4,8"], {"arms": {"a": ["seed=0"], "b": ["seed=1"]}}, True),
        (["seed=0"], {"arms": {"a": {"params": {"lora.rank": "interval(2,8)"}}, "b": ["lora.rank=4"]}}, False),
        (["seed=0"], {"arms": {"a": ["lora.rank=8"], "b": ["lora.rank=4"]}}, True),  # nothing varies: one trial each
        (["lora.rank=4,8"], {"sampler": "tpe"}, False),
    ],
)
def test_without_a_sampler_listed_values_are_a_grid_and_others_are_drawn(
    lines: list[str], given: dict[str, Any], is_grid: bool
) -> None:
    settings = settings_of(**given)
    settled = _with_sampler(settings, _parsed(settings, lines))
    assert settled.is_grid is is_grid
    if not is_grid:
        assert type(build_sampler(settled, 0)).__name__ == "TPESampler"


@pytest.mark.changed_meaning("samplers")
def test_the_changed_meanings_are_documented_and_tested() -> None:
    """docs/sweeper.md has one row for each test that is marked to show one, and the other way round."""
    text = (
        (ROOT / "docs" / "sweeper.md").read_text(encoding="utf-8").partition("## Coming from hydra-optuna-sweeper")[2]
    )
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    documented = {key.replace("`", ""): here for key, _, here in rows[2:]}
    tests = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    shown = [key for text in tests for key in re.findall(r'\.changed_meaning\("([^"]+)"\)', text)]
    assert sorted(shown) == sorted(documented)
    assert documented["samplers"].split() == list(SAMPLERS)


@pytest.mark.parametrize(
    ("given", "contrary"),
    [
        ({}, []),
        ({"direction": "maximize"}, []),
        ({"direction": "minimize"}, ["metrics.validation.macro_f1 is minimized"]),
        ({"objective": "metrics.validation.log_loss", "direction": "minimize"}, []),
        (
            {"objective": "metrics.validation.log_loss", "direction": "maximize"},
            ["metrics.validation.log_loss is maximized"],
        ),
        (
            {"objective": ["cost.seconds.train", "metrics.validation.mcc"], "direction": ["maximize", "minimize"]},
            ["cost.seconds.train is maximized", "metrics.validation.mcc is minimized"],
        ),
    ],
)
def test_a_direction_in_which_an_objective_gets_worse_is_known(given: dict[str, Any], contrary: list[str]) -> None:
    assert settings_of(**given).against_the_grain("macro_f1") == contrary
