"""Cutting and ordering, as properties of arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headtohead.data.splits.splitting import Deck, balanced_rows, nested_order, shuffled, strata_of, units_of
from headtohead.errors import UserError


@st.composite
def rows(draw: st.DrawFn, most: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texts (some repeated), groups (some shared) and labels of up to 120 rows."""
    count = draw(st.integers(12, most))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    text = random.integers(0, count * draw(st.integers(1, 20)), count).astype(np.uint64)
    group = random.integers(0, count * draw(st.integers(1, 20)), count).astype(np.uint64)
    return shuffled(text), shuffled(group), random.integers(0, draw(st.integers(1, 4)), count)


@given(rows())
@settings(max_examples=60, deadline=None)
def test_a_unit_holds_all_rows_that_share_a_text_or_a_group(given_rows: tuple[np.ndarray, ...]) -> None:
    text, group, _ = given_rows
    units = units_of(text, group)
    for keys in (text, group):
        for key in np.unique(keys):
            assert len(np.unique(units[keys == key])) == 1
    # And no more than those: a unit is connected.
    for unit in np.unique(units):
        members = np.flatnonzero(units == unit)
        reached = {members[0]}
        while True:
            new = {m for m in members for r in reached if text[m] == text[r] or group[m] == group[r]} - reached
            if not new:
                break
            reached |= new
        assert len(reached) == len(members)


@given(rows(), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_cut_partitions_rows_and_keeps_units_whole(given_rows: tuple[np.ndarray, ...], seed: int) -> None:
    text, group, labels = given_rows
    units = units_of(text, group)
    parts = Deck(units, labels, text).cut([0.2, 0.1], (seed,))
    assert sorted(np.concatenate(parts)) == list(range(len(text)))
    owners = [set(units[part]) for part in parts]
    assert len(owners[0] | owners[1] | owners[2]) == sum(map(len, owners))


@given(rows(), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_cut_does_not_depend_on_the_order_of_rows(given_rows: tuple[np.ndarray, ...], seed: int) -> None:
    text, group, labels = given_rows
    order = np.random.default_rng(seed).permutation(len(text))
    here = Deck(units_of(text, group), labels, text).cut([0.3], (seed,))
    there = Deck(units_of(text[order], group[order]), labels[order], text[order]).cut([0.3], (seed,))
    sizes = np.bincount(np.unique(units_of(text, group), return_inverse=True)[1])
    assert set(text[here[0]]) == set(text[order][there[0]]) or sizes.max() > 1
    if sizes.max() == 1:
        assert set(here[0]) == set(order[there[0]])


@given(st.lists(st.integers(3, 200), min_size=1, max_size=8), st.floats(0.05, 0.5), st.integers(0, 9))
@settings(max_examples=80, deadline=None)
def test_every_label_gives_its_share(counts: list[int], fraction: float, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    text = shuffled(np.arange(len(labels), dtype=np.uint64), seed)
    taken, rest = Deck(np.arange(len(labels)), labels, text).cut([fraction], (seed,))
    share = np.bincount(labels[taken], minlength=len(counts))
    assert np.all(share >= 1)
    assert np.all(np.bincount(labels[rest], minlength=len(counts)) >= 1)
    assert np.all(np.abs(share - np.array(counts) * fraction) <= 1)
    if np.all(np.array(counts) * fraction >= 1):
        assert len(taken) == round(len(labels) * fraction)


@given(rows(), st.integers(2, 6), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_folds_are_disjoint_and_cover_all_rows(given_rows: tuple[np.ndarray, ...], folds: int, seed: int) -> None:
    text, group, labels = given_rows
    deck = Deck(units_of(text, group), labels, text)
    tested = [deck.fold(folds, fold, (seed, 0))[0] for fold in range(folds)]
    assert sorted(np.concatenate(tested)) == list(range(len(text)))
    for test, (_, rest) in zip(tested, [deck.fold(folds, fold, (seed, 0)) for fold in range(folds)], strict=True):
        assert sorted([*test, *rest]) == list(range(len(text)))


def test_folds_are_stratified_and_repeats_differ() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 17])
    text = shuffled(np.arange(97, dtype=np.uint64))
    deck = Deck(np.arange(97), labels, text)
    for fold in range(5):
        test, _ = deck.fold(5, fold, (0, 0))
        assert len(test) in (19, 20)
        assert np.all(np.abs(np.bincount(labels[test], minlength=3) - np.array([10, 6, 3.4])) <= 1)
    assert set(deck.fold(5, 0, (0, 0))[0]) != set(deck.fold(5, 0, (0, 1))[0])


def test_seeds_change_the_cut() -> None:
    labels, text = np.zeros(100, dtype=int), shuffled(np.arange(100, dtype=np.uint64))
    deck = Deck(np.arange(100), labels, text)
    assert set(deck.cut([0.2], (0, 0))[0]) != set(deck.cut([0.2], (1, 0))[0])


def test_large_groups_do_not_crowd_one_side() -> None:
    """Twenty groups of ten among 200 single rows: a fifth of each kind is taken."""
    units = np.concatenate([np.repeat(np.arange(20), 10), np.arange(20, 220)])
    text = shuffled(np.arange(400, dtype=np.uint64))
    taken, _ = Deck(units, np.zeros(400, dtype=int), text).cut([0.2], (0,))
    assert abs(len(taken) - 80) <= 10
    assert len(set(units[taken]) & set(range(20))) == 4


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(1, 100), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_every_first_rows_hold_the_labels_in_proportion(counts: list[int], first: int, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    order = nested_order(labels, shuffled(np.arange(len(labels), dtype=np.uint64)), seed)
    assert sorted(order) == list(range(len(labels)))
    first = min(first, len(labels))
    share = np.bincount(labels[order[:first]], minlength=len(counts))
    proportion = np.array(counts) / len(labels)
    # Half a row of rounding for the label itself, and its part of the others' roundings; one for ties.
    assert np.all(np.abs(share - proportion * first) <= 1.5 + proportion * len(counts) / 2)


def test_balanced_samples_are_equal_and_nested() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    text = shuffled(np.arange(100, dtype=np.uint64))
    small, large = (set(balanced_rows(labels, text, size, 0)) for size in (8, 20))
    assert small < large
    assert list(np.bincount(labels[list(large)])) == [20, 20, 20]
    with pytest.raises(UserError, match=r"per_class=21: the smallest label has 20 rows; set data.subset.per_class=20"):
        balanced_rows(labels, text, 21, 0)


def test_strata_of_each_kind_of_label() -> None:
    multi = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 0, 0], [1, 1, 0]], dtype=np.int8)
    assert list(strata_of(multi, "multi")) == [1, 0, 2, -1, 1]
    scores = np.arange(100) / 7
    assert list(np.bincount(strata_of(scores, "real"))) == [10] * 10
    assert list(strata_of(np.ones(5), "real")) == [strata_of(np.ones(5), "real")[0]] * 5
    assert list(strata_of(np.array([2.0, 0.0]), "ordinal")) == [2, 0]


def test_shuffling_is_the_same_on_any_machine() -> None:
    expected = [1300955537930879614, 3681697457321254924, 555991486941709599]
    assert [int(number) for number in shuffled(np.arange(3, dtype=np.uint64), 7)] == expected
