"""Messages stay short, however many names there are and however long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headtohead.errors import LISTED, LONGEST_NAME, UserError, near_names, shortened, some_of
from headtohead.labels import LabelSpace


def test_a_short_list_is_whole_and_a_long_one_says_how_many_more() -> None:
    assert some_of(["a", 2, "c"]) == "a, 2, c"
    assert some_of(map(str, range(21))) == ", ".join(map(str, range(21)))  # "and 1 more" would be no shorter
    assert some_of(range(1_500), 2) == "0, 1 and 1,498 more"
    assert some_of([]) == ""


@given(st.lists(st.text(max_size=300), max_size=60))
def test_no_list_is_long(names: list[str]) -> None:
    assert len(some_of(names)) <= (LISTED + 1) * (LONGEST_NAME + 2) + 20


@given(st.text(max_size=300), st.integers(20, 100))
def test_a_shortened_name_keeps_both_ends(text: str, longest: int) -> None:
    short = shortened(text, longest)
    assert len(short) <= longest
    assert short == text or (text.startswith(short[: longest - 9]) and text.endswith(short[-8:]))


def test_one_unknown_name_among_very_many_long_ones() -> None:
    names = [f"label {i} {'x' * 90}" for i in range(1_000)]
    said = near_names(names[7][:-1] + "y", names)
    assert len(said) < 3_000
    assert "did you mean 'label 7" in said
    assert said.endswith("and 980 more")


def test_labels_are_refused_in_a_line() -> None:
    names = tuple(f"label {i % 999}" for i in range(1_000))
    with pytest.raises(UserError, match=r"^data.labels.names holds a name twice: label 0$"):
        LabelSpace(kind="single", names=names, words=names, descriptions=("",) * 1_000)
