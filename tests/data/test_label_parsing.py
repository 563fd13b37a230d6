"""What a raw label becomes."""

from __future__ import annotations

from typing import Any

import pytest

from headtohead.config.data import LabelsConfig
from headtohead.data.columns.label_parsing import Writing, label_space, read_answer
from headtohead.data.text import RowError
from headtohead.errors import UserError


def answer(raw: object, config: LabelsConfig) -> object:
    writing = Writing(
        kind=config.kind, names=config.names, columns=["label"], map=config.map, separator=config.separator
    )
    return read_answer([raw], writing)


@pytest.mark.parametrize(
    ("raw", "expected"), [("bad", 0), (" good ", 1), ("g", 1), (1, 1), (1.0, 1), ("1", 1), (True, 0)]
)
def test_raw_values_are_mapped_by_name(raw: object, expected: int) -> None:
    config = LabelsConfig(names=["bad", "good"], map={"g": "good", "1": "good", "true": "bad"})
    assert answer(raw, config) == expected


def test_multi_label_takes_lists_and_separated_strings() -> None:
    config = LabelsConfig(kind="multi", names=["rec", "sport", "hockey"], separator=".")
    assert answer("rec.sport.hockey", config) == [1, 1, 1]
    assert answer(["hockey", "rec"], config) == [1, 0, 1]
    assert answer([], config) == [0, 0, 0]
    for missing in ("", None, float("nan")):  # one rule: to say that no label applies a cell holds []
        with pytest.raises(RowError, match="there is no label"):
            answer(missing, config)
    with pytest.raises(RowError, match=r"'sports' is not in data\.labels; did you mean 'sport'"):
        answer("rec.sports", config)


def test_a_real_score_is_a_finite_number() -> None:
    config = LabelsConfig(kind="real", names=["score"])
    assert answer("3.25", config) == 3.25
    for raw in ("high", None, "nan", float("inf")):
        with pytest.raises(RowError, match=r"is not (a number|finite)"):
            answer(raw, config)


@pytest.mark.parametrize("raw", [None, "", "  "])
def test_a_missing_label_is_told_from_a_wrong_one(raw: object) -> None:
    with pytest.raises(RowError) as missing:
        answer(raw, LabelsConfig(names=["bad", "good"]))
    assert missing.value.kind == "no label"
    with pytest.raises(RowError) as wrong:
        answer("goood", LabelsConfig(names=["bad", "good"]))
    assert wrong.value.kind == "label outside the map"


@pytest.mark.parametrize("kind", ["single", "ordinal", "multi"])
@pytest.mark.parametrize("raw", [float("inf"), {"name": "a"}, b"a", float("nan")])
def test_what_is_neither_text_nor_number_is_no_label(kind: str, raw: object) -> None:
    """Else 'nan', 'inf' or a printed list would become a class of their own."""
    config = LabelsConfig(kind=kind, names=["a", "nan", "inf", "{'name': 'a'}", "b'a'"])
    with pytest.raises(RowError, match=r"no label|the label"):
        answer(raw, config)


def test_a_list_is_a_label_of_multi_label_data_alone() -> None:
    with pytest.raises(RowError, match=r"the label is a list, \"\['a'\]\"; only data\.labels\.kind=multi") as caught:
        answer(["a"], LabelsConfig(names=["a", "['a']"]))
    assert caught.value.kind == "label is no text"
    with pytest.raises(RowError, match="the label nan"):
        answer(["a", float("nan")], LabelsConfig(kind="multi", names=["a", "nan"]))


def test_ordinal_values_are_given_or_read_from_the_names_or_counted() -> None:
    numbers = ["1", "2", "10"]
    assert label_space(LabelsConfig(kind="ordinal", names=numbers), numbers).values == (1, 2, 10)
    stored = LabelsConfig(kind="ordinal", names=numbers, values=[0.0, 1.0, 2.0])
    assert label_space(stored, numbers).values == (0, 1, 2)
    words = ["low", "mid", "high"]
    assert label_space(LabelsConfig(kind="ordinal", names=words), words).values == (0, 1, 2)


def test_whole_numbers_of_a_scale_may_have_decimals() -> None:
    scale = LabelsConfig(kind="ordinal", names=["1", "9", "9.5", "high"])
    assert [answer(raw, scale) for raw in ("9.0", 9.0, "9", 9, "9.5", "high")] == [1, 1, 1, 1, 2, 3]
    with pytest.raises(RowError):
        answer("9.0", LabelsConfig(names=["1", "9"]))


def test_words_and_descriptions_default_and_must_name_labels() -> None:
    config = LabelsConfig(names=["a", "b"], words={"a": "yes"}, descriptions={"b": "the second"})
    space = label_space(config, config.names)
    assert space.words == ("yes", "b")
    assert space.descriptions == ("", "the second")
    for key in ("words", "descriptions"):
        wrong: dict[str, Any] = {key: {"bb": "x"}}
        with pytest.raises(UserError, match=rf"data\.labels\.{key} names 'bb', which is no label; did you mean 'b'"):
            label_space(LabelsConfig(names=["a", "b"], **wrong), ["a", "b"])
    with pytest.raises(UserError, match=r"data\.labels\.map sends '1' to 'c'"):
        label_space(LabelsConfig(names=["a", "b"], map={"1": "c"}), ["a", "b"])
