"""What sizes an experiment (rows, length, epochs) belongs to its own data set: other data have their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from headtohead.config import Config
from headtohead.hydra_io.schema import to_typed

pytestmark = pytest.mark.slow  # a quarter of a second for each composition

CONF = Path(__file__).parents[2] / "conf"
# subset of train, validation, test; prompt.max_tokens; train.epochs
SIZED: dict[str, tuple[list[int | None], int, float]] = {
    "base_vs_instruct": ([4000, 1000, None], 256, 2),
    "head_vs_generative": ([240, 120, 2000], 40, 1),
    "lora_rank": ([600, 200, None], 64, 2),
    "lora_vs_full": ([600, 200, None], 64, 2),
    "recipe_constructive": ([None, None, None], 4096, 3),
    "recipe_quality": ([None, 2000, 10000], 6032, 2),
    "recipe_qwen2_article": ([None, None, None], 24, 3),
    "recipe_topic_guard": ([None, None, None], 512, 3),
}

NEEDS_FILES = ("recipe_constructive", "recipe_qwen2_article", "recipe_topic_guard")


def typed(*overrides: str) -> Config:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return to_typed(compose("config", overrides=list(overrides)))


def sizes(config: Config) -> list[Any]:
    subset = config.data.subset
    return [[subset.train, subset.validation, subset.test], config.prompt.max_tokens]


def test_every_experiment_is_here():
    others = {"recipe_mmlu_pro"}  # whose prompt, with its examples, is part of the question
    assert {path.stem for path in (CONF / "experiment").glob("*.yaml")} == SIZED.keys() | others


@pytest.mark.parametrize("name", SIZED)
def test_an_experiment_is_sized_for_its_own_data(name: str):
    subset, tokens, epochs = SIZED[name]
    needed = ["data.source.name=x.csv"] if name in NEEDS_FILES else []
    config = typed(f"experiment={name}", *needed)
    assert sizes(config) == [subset, tokens]
    assert config.train.epochs == epochs


@pytest.mark.parametrize("name", SIZED)
@pytest.mark.parametrize(
    "data",
    [["data=files", "data.source.name=mine.csv"], ["data=hub", "data.source.name=a/b"], ["data=newsgroups20"]],
    ids=str,
)
def test_other_data_have_their_own_size(name: str, data: list[str]):
    config = typed(f"experiment={name}", *data)
    assert sizes(config) == [[None, None, None], 2048 if config.prompt.name == "conversation" else None]
    assert config.data == typed(*data).data


def test_the_command_line_wins_over_both():
    for data in ([], ["data=files", "data.source.name=mine.csv"]):
        config = typed("experiment=lora_rank", *data, "data.subset.train=50", "prompt.max_tokens=32", "train.epochs=7")
        assert sizes(config)[0][0] == 50
        assert (config.prompt.max_tokens, config.train.epochs) == (32, 7)
