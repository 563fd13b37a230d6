"""A search space in Hydra's grammar becomes what Optuna samples, and its values come back as overrides."""

from __future__ import annotations

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from headtohead.errors import UserError
from headtohead.sweeps.space.search_space import parse_space


@pytest.mark.changed_meaning("range(1,4)")
@pytest.mark.changed_meaning("range(0.1,0.4,0.1)")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=1,2,3", CategoricalDistribution([1, 2, 3])),
        ("a=choice(x,'y z',true)", CategoricalDistribution(["x", "y z", True])),
        ("a=[1,2],[3]", CategoricalDistribution(["[1, 2]", "[3]"])),
        ("a=range(1,4)", IntDistribution(1, 3)),
        ("a=range(1,10,4)", IntDistribution(1, 9, step=4)),
        ("a=tag(log,range(1,9))", IntDistribution(1, 8, log=True)),
        ("a=range(0.5,2,0.5)", CategoricalDistribution([0.5, 1.0, 1.5])),
        ("a=interval(1,2)", FloatDistribution(1, 2)),
        ("a=tag(log,interval(1e-4,1e-2))", FloatDistribution(1e-4, 1e-2, log=True)),
        ("a=int(interval(1,5))", IntDistribution(1, 5)),
    ],
)
def test_distributions(line: str, expected: optuna.distributions.BaseDistribution) -> None:
    assert parse_space({}, [line]).distributions == {"a": expected}


@pytest.mark.parametrize(
    ("line", "lowest", "highest", "neither"),
    [
        ("a=3e-4,1e-3,1e-4", [1e-4], [1e-3], [3e-4]),
        ("a=range(1,5)", [1], [4], [2, 3]),
        ("a=interval(0,10)", [0.5], [9.5, 10.0], [0.0, 0.6, 9.4]),
        ("a=tag(log,interval(1e-4,1e-2))", [1e-4, 1.2e-4], [9e-3], [1.3e-4, 7e-3]),
        ("a=0,0.1,0.2", [], [0.2], [0, 0.1]),
        ("a=1,2", [], [], [1, 2]),
        ("a=1,2,x", [], [], [1, 2, "x"]),
    ],
)
def test_ends_of_a_range(line: str, lowest: list[float], highest: list[float], neither: list[float | str]) -> None:
    (dimension,) = parse_space({}, [line]).dimensions.values()
    for end, values in (("lowest", lowest), ("highest", highest), (None, neither)):
        assert [dimension.end_of_range(value) for value in values] == [end] * len(values)


def test_the_command_line_wins_over_params() -> None:
    space = parse_space({"a": "1,2", "b": "interval(0,1)", "c": 3}, ["a=5", "+d=1,2"])
    assert list(space.dimensions) == ["b", "d"]
    assert sorted(space.fixed) == ["a=5", "c=3"]
    assert space.overrides({"b": 0.5, "d": 2}) == [*space.fixed, "b=0.5", "+d=2"]


def test_the_grid_is_hydras_own() -> None:
    space = parse_space({}, ["a=1,2", "lora=r8,full"])
    assert [tuple(point.values()) for point in space.grid()] == [(1, "r8"), (1, "full"), (2, "r8"), (2, "full")]


def test_lists_come_back_as_lists() -> None:
    space = parse_space({}, ["lora.targets=[q_proj,v_proj],[all-linear]"])
    assert [space.overrides(point) for point in space.grid()] == [
        ["lora.targets=[q_proj,v_proj]"],
        ["lora.targets=[all-linear]"],
    ]


@given(st.lists(st.text(), min_size=1, max_size=4, unique=True))
def test_any_text_survives_the_study(texts: list[str]) -> None:
    quoted = ",".join(QuotedString(text=text, quote=Quote.single).with_quotes() for text in texts)
    space = parse_space({}, [f"prompt.template=choice({quoted})"])
    study = optuna.create_study()
    for point in space.grid():
        study.enqueue_trial(point)
    for text in texts:
        trial = study.ask(space.distributions)
        (line,) = space.overrides(trial.params)
        (override,) = OverridesParser.create().parse_overrides([line])
        value = override.value()
        assert (value.text if isinstance(value, QuotedString) else value) == text


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["a=glob(*)"], "cannot be sampled"),
        (["a=shuffle(1,2)"], "leave shuffle out"),
        (["a=interval(2,1)"], "ends before it starts"),
        (["a=tag(log,interval(0,1))"], "starts above zero"),
        (["a=range(3,3)"], "holds no values"),
        (["a=choice("], "cannot be read"),
        (["a=1,2,1"], "lists 1 more than once"),
        (["a=x,'x'"], "lists x more than once"),
    ],
)
def test_what_cannot_be_sampled_is_said(lines: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said.replace("(", r"\(")):
        parse_space({}, lines)


def test_a_grid_over_an_interval_says_what_to_do() -> None:
    with pytest.raises(UserError, match="hydra/sweeper/sampler=tpe"):
        parse_space({}, ["a=interval(0,1)"]).grid()
