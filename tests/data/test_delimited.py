"""Lines of a table become rows, and none is lost or read twice, however broken they are."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headtohead.data.formats import delimited
from headtohead.data.formats.delimited import QUOTINGS, Layout, Row, rows

BROKEN = st.lists(st.text(st.sampled_from("ab,\"'\\ "), max_size=8), max_size=12).map(
    lambda lines: [f"{line}\n" for line in lines]
)


def cut(lines: list[str], quoting: str = "standard", chunk: int = 1000) -> list[Row]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "CHUNK_LINES", chunk)
        return list(rows(lines, Layout(delimiter=",", quoting=quoting), 2))


@settings(deadline=None)
@given(BROKEN, st.sampled_from(sorted(QUOTINGS)), st.integers(1, 4))
def test_pieces_of_any_size_give_the_same_rows(lines: list[str], quoting: str, chunk: int) -> None:
    assert cut(lines, quoting, chunk) == cut(lines, quoting)


@settings(deadline=None)
@given(BROKEN, st.sampled_from(sorted(QUOTINGS)))
def test_every_line_is_of_one_row(lines: list[str], quoting: str) -> None:
    found = cut(lines, quoting)
    used = [line for row in found for line in range(row.first, row.last + 1)]
    assert used == sorted(set(used))
    assert all(lines[line - 1].strip() == "" for line in range(1, len(lines) + 1) if line not in used)


@settings(deadline=None)
@given(BROKEN)
def test_without_quotes_a_line_is_what_stands_between_commas(lines: list[str]) -> None:
    for row in cut(lines, "none"):
        assert row.first == row.last
        assert bool(row.fault) == (lines[row.first - 1].count(",") != 1)
        assert row.fields == lines[row.first - 1].rstrip("\n").split(",")


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.text("ab,\"\n '", max_size=6), st.text('ab"', min_size=1, max_size=3)), max_size=6),
    st.integers(0, 5),
)
def test_a_broken_line_costs_itself_alone(values: list[tuple[str, str]], place: int) -> None:
    class Lines(list):
        write = list.append

    written = Lines()
    csv.writer(written, lineterminator="\n").writerows(values)
    whole = [line for text in written for line in text.splitlines(keepends=True)]
    place = sum(text.count("\n") for text in written[:place])
    found = cut([*whole[:place], "one field\n", *whole[place:]])
    assert [row.fields for row in found if not row.fault] == [list(pair) for pair in values]
    assert [row.first for row in found if row.fault] == [place + 1]


def test_an_open_quote_is_bounded() -> None:
    lines = ['"open,x\n', *["a,b\n"] * (delimited.MOST_LINES * 3)]
    found = cut(lines)
    assert (len(found), [row.first for row in found if row.fault]) == (len(lines), [1])
