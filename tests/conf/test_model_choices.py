"""Which model a command line loads: by a choice, a hub id or a place on this disk, and never another than it is called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import MissingConfigException

from headtohead.config import Config, ModelConfig
from headtohead.config.source import SourceConfig
from headtohead.errors import UserError
from headtohead.hydra_io.refused_settings import explain_composition
from headtohead.hydra_io.schema import to_typed

CONF = Path(__file__).parents[2] / "conf"
SHIPPED = sorted(path.stem for path in (CONF / "model").glob("*.yaml") if path.stem not in ("hub", "path"))


def composed(*overrides: str) -> Config:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return to_typed(compose("config", overrides=list(overrides)))


def test_a_hub_id_and_a_place_are_choices(tmp_path: Path) -> None:
    hub = composed("model=hub", "model.id=FacebookAI/roberta-base", "model.base.revision=abc")
    assert hub.model.source == SourceConfig(kind="hub", name="FacebookAI/roberta-base", revision="abc")
    assert hub.name == "bbc_news-roberta-base"
    folder = composed("model=path", f"model.id={tmp_path / 'my_encoder'}")
    assert folder.model.source == SourceConfig(kind="path", name=str(tmp_path / "my_encoder"))
    assert folder.name == "bbc_news-my_encoder"
    assert composed("model=path", "model.id=weights/small.Q4_1.gguf").model.name == "small.Q4_1"
    assert composed("model=path", "model.id=models/mine/").model.name == "mine"
    assert composed("model=path", "model.id=.").model.name == Path.cwd().name


@pytest.mark.parametrize("choice", ["hub", "path"])
@pytest.mark.parametrize("given", [[], ["model.id=''"], ["model.id=' '"]])
def test_they_ask_which_model(choice: str, given: list[str]) -> None:
    with pytest.raises(UserError, match=f"model={choice} needs to be told which model: add model.id=<"):
        composed(f"model={choice}", *given)


@pytest.mark.parametrize("choice", SHIPPED)
def test_a_shipped_choice_is_called_what_it_loads_and_nothing_else(choice: str) -> None:
    model = composed(f"model={choice}").model
    assert model.name == choice
    assert model.unused is None
    others = ["roberta-base", "openai/gpt-oss", *(name for name in SHIPPED if name != choice)]
    for other in others:
        if set(other.split("_")) <= set(choice.split("_")):
            continue  # a part of its own name
        with pytest.raises(UserError, match="is a label and loads nothing"):
            replace(model, name=other)


@pytest.mark.parametrize("label", ["smollm2_135m", "SmolLM2-135M-Instruct", "smollm2"])
def test_a_label_may_be_written_otherwise(label: str) -> None:
    assert composed("model=smollm2_135m", f"model.name={label}").model.name == label


@pytest.mark.parametrize(
    ("overrides", "typed"),
    [
        (["model.name=roberta-base"], "model=hub model.id=roberta-base"),
        (["model.name=FacebookAI/roberta-base"], "model=hub model.id=FacebookAI/roberta-base"),
        (["model=bert_base", "model.name=roberta-base"], "model=hub model.id=roberta-base"),
        (["model=qwen3_0_6b", "model.name=qwen3_8b"], "model=qwen3_8b"),
        (["model=tiny", "model.name=tfidf_large"], "model=tfidf_large"),
        (["model.base.name=google/gemma"], "model=hub model.id=google/gemma"),
        (
            ["model=smollm2_135m", "model.variant=base", "model.base.name=google/gemma"],
            "model=hub model.id=google/gemma",
        ),
        (
            ["model=hub", "model.id=FacebookAI/roberta-large", "model.name=roberta-base"],
            "model=hub model.id=roberta-base",
        ),
        (["model=hub", "model.id=owner/one", "model.name=two"], "model=hub model.id=owner/one"),
        (["model.id=FacebookAI/roberta-base"], "model=hub model.id=FacebookAI/roberta-base"),
        (["model=tfidf", "model.id=FacebookAI/roberta-base"], "model=hub model.id=FacebookAI/roberta-base"),
        (["model.id=my models/one.gguf"], "model=path 'model.id=\"my models/one.gguf\"'"),
    ],
)
def test_another_models_label_or_id_is_refused_with_the_line_to_type(overrides: list[str], typed: str) -> None:
    with pytest.raises(UserError) as refused:
        composed(*overrides)
    assert typed in str(refused.value)


def test_the_other_of_a_pair_that_is_not_loaded_is_noticed() -> None:
    pair = "model=smollm2_135m"
    assert composed(pair, "model.base.name=google/gemma").model.unused == SourceConfig(kind="hub", name="google/gemma")
    assert composed(pair, "model.base.kind=path", "model.base.name=/somewhere").model.unused is None


@pytest.mark.parametrize(
    ("given", "typed"),
    [
        ("Qwen/Qwen3-0.6B", "model=hub model.id=Qwen/Qwen3-0.6B"),
        ("roberta-base", "model=hub model.id=roberta-base"),
        ("weights.gguf", "model=path model.id=weights.gguf"),
        ("./mine", "model=path model.id=./mine"),
    ],
)
def test_an_id_in_place_of_a_choice_is_answered_with_the_line_to_type(given: str, typed: str) -> None:
    with pytest.raises(MissingConfigException) as refused:
        composed(f"model={given}")
    assert explain_composition(refused.value).splitlines()[-1].endswith(typed)


def test_an_empty_label_is_none_of_anothers() -> None:
    assert ModelConfig(kind="tiny", name="").strange_words(None) == []
