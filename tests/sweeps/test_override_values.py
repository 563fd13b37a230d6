"""Whatever stands in a search space arrives in the job as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from headtohead.grammar import PLAIN
from headtohead.sweeps.space.override_values import assignment, literal

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


def composed(key: str, value: Any) -> Any:
    """Return what a job's configuration holds after its override was parsed and assigned."""
    (override,) = OverridesParser.create().parse_overrides([assignment(key, value)])
    assert not override.is_sweep_override()
    config = OmegaConf.create({"key": None})
    OmegaConf.update(config, override.get_key_element(), override.value(), merge=False)
    found = config.key
    return OmegaConf.to_container(found, resolve=True) if OmegaConf.is_config(found) else found


@given(st.text())
def test_text_comes_back(text: str) -> None:
    assert composed("key", literal(text)) == text


@given(SCALARS)
def test_scalars_come_back_with_their_type(value: Any) -> None:
    found = composed("key", literal(value))
    assert found == value
    assert type(found) is type(value)


@given(st.lists(SCALARS, max_size=4) | st.dictionaries(st.from_regex(PLAIN, fullmatch=True), SCALARS, max_size=3))
def test_lists_and_mappings_come_back(value: Any) -> None:
    assert composed("key", literal(value)) == value


@pytest.mark.parametrize(
    "text",
    ["true", "null", "3", "1e-3", "", " ", "a, b=c", "Text: {text}", "it's", 'say "x"', "a\nb", "\\", "\\'", "${oc.env:HOME}",
     "\\${x}", "[a]", "{a:1}", "choice(a,b)", "range(1,4)", "日本", "a:b", "$", "x\\\\${y}"],
)  # fmt: skip
def test_awkward_text_comes_back(text: str) -> None:
    assert composed("key", literal(text)) == text


def test_an_interpolation_of_the_grammar_stays_one() -> None:
    (override,) = OverridesParser.create().parse_overrides([assignment("key", "${other}")])
    assert OmegaConf.merge({"other": 3}, {"key": override.value()}).key == 3


def test_simple_words_are_written_as_a_person_would() -> None:
    assert assignment("lora", "r16") == "lora=r16"
    assert assignment("train.learning_rate", 1e-3) == "train.learning_rate=0.001"
