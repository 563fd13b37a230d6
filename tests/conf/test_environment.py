"""What is not in the files: W&B's environment variables, and the names of one's own data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf.errors import OmegaConfBaseException

from command_line import ROOT
from headtohead.config import Config
from headtohead.hydra_io.refused_settings import explain_composition
from headtohead.hydra_io.resolvers import name_of_source
from headtohead.hydra_io.schema import run_name, to_typed

pytestmark = pytest.mark.slow  # a composition each


def composed(*overrides: str) -> Config:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return to_typed(compose("config", overrides=list(overrides)))


@pytest.fixture(autouse=True)
def no_wandb(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODE", "DISABLED", "PROJECT", "ENTITY", "RUN_GROUP", "NAME", "DIR", "TAGS"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)


@pytest.mark.parametrize(
    ("variables", "mode"),
    [
        ({}, "offline"),
        ({"WANDB_MODE": "online"}, "online"),
        ({"WANDB_MODE": "disabled"}, "disabled"),
        ({"WANDB_MODE": "dryrun"}, "offline"),
        ({"WANDB_MODE": "Online"}, "online"),
        ({"WANDB_MODE": ""}, "offline"),
        ({"WANDB_DISABLED": "true"}, "disabled"),
        ({"WANDB_DISABLED": "true", "WANDB_MODE": "online"}, "disabled"),
        ({"WANDB_DISABLED": "false"}, "offline"),
    ],
)
def test_the_mode_is_the_environments_unless_a_choice_is_made(
    variables: dict[str, str], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert composed().track.wandb == mode
    assert composed("track=off").track.wandb == "disabled"
    assert composed("track=online").track.wandb == "online"


def test_a_mode_that_is_none_is_refused_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "sometimes")
    with pytest.raises(OmegaConfBaseException) as refused:
        composed()
    assert "WANDB_MODE=sometimes is no mode" in explain_composition(refused.value)
    assert composed("track=offline").track.wandb == "offline"


def test_the_other_variables_are_the_defaults_of_their_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain = composed().track
    assert (plain.project, plain.entity, plain.group, plain.name, plain.dir, plain.tags) == (
        "headtohead", None, None, None, None, []
    )  # fmt: skip
    given = {
        "PROJECT": "my project",
        "ENTITY": "us",
        "RUN_GROUP": "g",
        "NAME": "n",
        "DIR": str(tmp_path),
        "TAGS": "a, b,",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    found = composed("track=online").track
    assert (found.project, found.entity, found.group, found.name) == ("my project", "us", "g", "n")
    assert (found.dir, found.tags) == (str(tmp_path), ["a", "b"])
    own = composed("track.project=mine", "track.tags=[c]", "track.name=other").track
    assert (own.project, own.tags, own.name) == ("mine", ["c"], "other")


@pytest.mark.parametrize(
    ("place", "kind", "name"),
    [
        ("reviews.csv", "path", "reviews"),
        ("/data/Reviews 2024 (final).csv.gz", "path", "Reviews_2024_final"),
        ("my.data.v2.jsonl", "path", "my.data.v2"),
        ("./отзывы.parquet", "path", "отзывы"),
        ("corpus/", "path", "corpus"),
        ("~/x.tsv", "path", "x"),
        (".csv", "path", "own"),
        ("a/../../etc/pass wd.txt", "path", "pass_wd"),
        ("x" * 300 + ".csv", "path", "x" * 60),
        ("fancyzhx/ag_news", "hub", "ag_news"),
        ("imdb", "hub", "imdb"),
        ("owner/data.csv", "hub", "data.csv"),
    ],
)
def test_own_data_are_called_by_where_they_lie(place: str, kind: str, name: str) -> None:
    assert name_of_source(place, kind) == name


def test_a_folder_keeps_its_dots_and_here_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mails.json").mkdir()
    assert name_of_source(str(tmp_path / "mails.json"), "path") == "mails.json"
    monkeypatch.chdir(tmp_path / "mails.json")
    assert name_of_source(".", "path") == "mails.json"
    assert name_of_source("..", "path") == tmp_path.name.strip("_-.")


@pytest.mark.parametrize(
    ("overrides", "data", "run"),
    [
        (["data=files", "data.source.name=in/reviews.csv"], "reviews", "reviews-smollm2_135m"),
        (["data=files", "data.source.name=in/reviews.csv", "data.name=mine"], "mine", "mine-smollm2_135m"),
        (["data=hub", "data.source.name=fancyzhx/ag_news"], "ag_news", "ag_news-smollm2_135m"),
        (["data=bbc_news"], "bbc_news", "bbc_news-smollm2_135m"),
        (["data=star_trek", "data.source.name=x.jsonl"], "star_trek", "star_trek-smollm2_135m"),
    ],
)
def test_the_name_goes_into_the_runs(overrides: list[str], data: str, run: str) -> None:
    config = composed("model=smollm2_135m", *overrides)
    assert (config.data.name, config.name) == (data, run)


def test_a_file_that_is_still_to_be_named_is_asked_for() -> None:
    with pytest.raises(Exception, match=r"data\.source\.name must be given"):
        composed("data=files")


def test_folders_are_named_alike() -> None:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg: Any = compose("config", overrides=["data=files", "data.source.name=a b.csv", "model=tfidf"])
    assert run_name(cfg).startswith("a_b-tfidf-")
