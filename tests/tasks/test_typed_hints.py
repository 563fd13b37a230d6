"""Hints that a run prints are typed: added to the command that printed them, they compose, and do what they say."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from command_line import CommandLine
from headtohead.config import Config
from headtohead.data import load_corpus
from headtohead.errors import UserError
from headtohead.hydra_io.command_line import understood
from headtohead.hydra_io.schema import to_typed
from headtohead.runs.advice import RATES, advice
from runs.test_advice import run_of
from runs.test_truncation import QUICK, rows_of

CONF = Path(__file__).parents[2] / "conf"


def typed(*arguments: str) -> Config:
    """Return the configuration of a command line, as ``headtohead.entry`` composes it."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return to_typed(compose("config", overrides=understood(list(arguments), CONF)))


@pytest.mark.parametrize("command", [["model=tiny"], ["model=tiny", "head=generative"], ["model=tiny", "lora=frozen"]])
def test_a_model_that_has_read_something(command: list[str]) -> None:
    told = advice(typed(*command), run_of(0.5, tfidf=0.7))
    assert told is not None
    assert typed(*command, *shlex.split(told.command)).model.name == "minilm_l6"


@pytest.mark.parametrize(
    "command",
    [
        ["model=minilm_l6"],
        ["model=minilm_l6", "head=generative"],
        ["model=tiny", "head=generative", "loss=language_model"],
        ["model=tiny", "loss=focal"],
    ],
)
def test_what_costs_less_fits_the_command_it_is_added_to(command: list[str]) -> None:
    told = advice(typed(*command), run_of(1.0, tfidf=1.0))
    assert told is not None
    assert typed(*command, *shlex.split(told.command)).model.kind == "tfidf"


@pytest.mark.parametrize(
    ("values", "read"), [(["1,234", "5,678", "7"], [1.234, 5.678, 7]), (["10,500", "0,125", "3"], [10.5, 0.125, 3])]
)
def test_a_decimal_comma(values: list[str], read: list[float], tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("text;score\n" + "".join(f"text {n};{values[n % 3]}\n" for n in range(60)))
    own = ["data=files", f"data.source.name={path}", "data.fields.label=score"]
    own += ["data.labels.kind=real", "head=regression", "loss=mse"]
    with pytest.raises(UserError) as refused:
        load_corpus(typed(*own).data, tmp_path / "cache")
    (setting,) = re.findall(r"set (\S+) for the first", str(refused.value))
    corpus = load_corpus(typed(*own, setting).data, tmp_path / "cache")
    assert sorted(set(corpus.train["label"][:])) == pytest.approx(sorted(read))


@pytest.mark.parametrize("command", [["prompt.keep=start"], ["prompt.keep=end", "head=generative"]])
def test_both_ends_of_a_text(command: list[str]) -> None:
    assert typed("model=tiny", *command, "prompt.keep=both").prompt.keep == "both"


@pytest.mark.slow  # a sweep of four
def test_other_learning_rates(tmp_path: Path, cache: Path) -> None:
    rows = rows_of(tmp_path, [f"market share {number}" for number in range(30)], ["a", "b"])
    line = CommandLine(tmp_path / "outputs", cache, rows)
    line(*QUICK, *shlex.split(RATES))
    records = [json.loads(path.read_text()) for path in line.outputs.rglob("result.json")]
    assert sorted(record["config"]["train"]["learning_rate"] for record in records) == [1e-4, 3e-4, 1e-3, 3e-3]
    assert {record["status"] for record in records} == {"completed"}
