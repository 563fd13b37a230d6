"""Composing by values gives what Hydra gives, to the last key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from headtohead.hydra_io.composition import Composer

pytestmark = pytest.mark.slow  # dozens of compositions; `make check` runs them too

CONF = Path(__file__).parents[2] / "conf"
COMMON = ["model=minilm_l6", "data=reuters_r8", "hydra.job.name=run", "track=off"]
JOBS = [
    ["train.learning_rate=1e-3", "seed=1"],
    ["train.learning_rate=2e-3", "seed=2", "loss=focal"],
    ["loss=focal", "loss.gamma=3", "seed=2"],
    ["lora=r8", "lora.rank=4", "head=generative"],
    ["data.subset={train:40,test:20}", "data.subset.train=10"],
    ["data.subset.train=10", "data.subset={train:40,test:20}"],
    ["data.source.revision=abc", "data.source.revision=null"],
    ["+data.files.extra=other.jsonl", "data.files.extra=third.jsonl"],
    ["train.weight_decay=${train.learning_rate}", "run='a=b'", "hydra.job.num=3"],
    ["prompt.template='{text}, or: \\'${seed}\\''", "model.adapter=here"],
    ["~model.attention"],
    ["model.base.name=one", "model.instruct=${model.base}"],
    ["data.subset.train=10", "data.subset=${data.split}", "data.split.test=0.3"],
    ["paths.outputs=${oc.env:NOT_SET_ANYWHERE}", "seed=5"],
    ["paths.outputs=${oc.env:NOT_SET_ANYWHERE}", "paths.outputs=here", "hydra.sweep.dir=${oc.env:NOT_SET_ANYWHERE}"],
]


@pytest.fixture
def with_hydra() -> Iterator[None]:
    with initialize_config_dir(str(CONF), version_base="1.3", job_name="run"):
        yield
    GlobalHydra.instance().clear()


def by_hydra(overrides: list[str]) -> DictConfig:
    return compose("config", overrides=overrides, return_hydra_config=True)


def outcome(composed: Callable[[list[str]], DictConfig], overrides: list[str]) -> str:
    try:
        return OmegaConf.to_yaml(composed(overrides))
    except HydraException as error:
        return repr(error)


@pytest.mark.usefixtures("with_hydra")
def test_composing_by_values_is_composing() -> None:
    calls = []

    def counted(overrides: list[str]) -> DictConfig:
        calls.append(overrides)
        return by_hydra(overrides)

    composed = Composer(counted)
    expected = [OmegaConf.to_yaml(by_hydra([*COMMON, *job])) for job in JOBS]
    order = range(len(JOBS))
    for number in [0, *order, *reversed(order)]:
        found = composed([*COMMON, *JOBS[number]])
        assert OmegaConf.to_yaml(found) == expected[number], JOBS[number]
        OmegaConf.update(found, "seed", 77)  # what is given away is a copy
    assert len(calls) < 2 * len(JOBS)


@pytest.mark.usefixtures("with_hydra")
@pytest.mark.parametrize(
    "wrong", ["train.learning_rat=1", "lora=r9", "train.batch_size=abc", "model.precision.x=1", "seed=[", "seed 3"]
)
def test_what_hydra_refuses_is_refused_as_hydra_does(wrong: str) -> None:
    composed = Composer(by_hydra)
    composed(COMMON)
    composed([*COMMON, "seed=3"])
    assert outcome(composed, [*COMMON, wrong]) == outcome(by_hydra, [*COMMON, wrong])
