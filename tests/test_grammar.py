"""What is printed to be typed means what it says, through a shell and Hydra's grammar."""

from __future__ import annotations

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from headtohead.grammar import typed

AWKWARD = [
    "a b",
    "a=b",
    "modèle",
    "it's",
    'so "said"',
    "back\\",
    'back\\"',
    "null",
    "True",
    "1e5",
    "12",
    "",
    "a,b",
    "~/x",
    "$HOME",
    "{a}",
]


def read_back(line: str) -> object:
    (argument,) = shlex.split(line)
    return OverridesParser.create().parse_overrides([argument])[0].value()


@pytest.mark.parametrize("value", [*AWKWARD, "Qwen/Qwen3-0.6B", "./folder", "/a/b.gguf"])
def test_a_value_comes_back_as_it_was(value: str) -> None:
    assert read_back(typed("model.id", value)) == value


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=20).filter(
        lambda t: "${" not in t
    )
)
def test_any_text_comes_back(value: str) -> None:
    assert read_back(typed("model.id", value)) == value


def test_what_needs_no_quotes_has_none() -> None:
    assert typed("model.id", "Qwen/Qwen3-0.6B") == "model.id=Qwen/Qwen3-0.6B"


@given(st.lists(st.sampled_from([*AWKWARD, "text", ".txt", "column1"]), max_size=4))
def test_a_list_comes_back(values: list[str]) -> None:
    assert read_back(typed("data.dialect.columns", values)) == values
