"""The splits of a data set and their ledger: what the files give, what is cut, what leaks and what is done about it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headtohead.config.data import DataConfig
from headtohead.data.splits import duplicates, leakage, splitting
from headtohead.data.splits.leakage import Parts
from headtohead.data.splits.row_selection import Part
from headtohead.data.splits.subsets import take_subsets
from headtohead.data.table import Table
from headtohead.data.words import SAMPLE_ROWS, Words, choose_words
from headtohead.errors import UserError
from headtohead.labels import LabelSpace


@dataclass(frozen=True, slots=True)
class Splits:
    """Training, validation and test rows, and the account of how they came about."""

    train: Part
    validation: Part
    tests: Parts
    ledger: dict[str, Any]
    words: Words

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Yield every split by name; test sets as ``test:<name>``."""
        yield "train", self.train
        yield "validation", self.validation
        for name, part in self.tests.items():
            yield f"test:{name}", part


def make_splits(config: DataConfig, tables: dict[str, Table], labels: LabelSpace, cache: Path) -> Splits:
    """Cut what the files do not give, settle duplicates and leaks, and take the subsets asked for.

    Raises:
        UserError: a label with too few rows to cut, an empty split, leaks under refuse.
    """
    parts = {split: Part.whole(table) for split, table in tables.items()}
    _require_unique_ids(parts)
    ledger: dict[str, Any] = {
        "read": {split: table.facts["faults"] for split, table in tables.items()},
        "encodings": {split: table.facts["encodings"] for split, table in tables.items()},
        "duplicates": _repeated(config, parts, labels),
    }
    if config.duplicates == "drop":
        parts = {split: part.take(duplicates.first_of_equals(part)) for split, part in parts.items()}
    whole = len(parts["train"])
    parts = _cut(config, _sample(config, parts, labels), labels)
    before = {split: len(part) for split, part in parts.items()}
    parts, found = leakage.settle_exact(config, parts)
    dropped = {split: before[split] - len(part) for split, part in parts.items() if before[split] > len(part)}
    ledger["leakage"] = {"policy": config.leakage, **found, "dropped": dropped}
    _require_rows(parts)
    parts = {split: _ordered(split, part, config, labels) for split, part in parts.items()}
    pool = whole if config.subset.per_class else len(parts["train"])
    words = choose_words(parts["train"].texts(SAMPLE_ROWS))
    ledger["words"] = words.as_dict()
    parts, ledger["near_duplicates"] = take_subsets(config, parts, words, cache)
    _require_rows(parts)
    ledger["rows"] = {split: len(part) for split, part in parts.items()}
    ledger["training_sample"] = {"drawn_from": pool, "hash": _rows_hash(parts["train"])}
    ledger["classes"] = {split: _classes(part, labels) for split, part in parts.items()}
    tests = {split: part for split, part in parts.items() if split not in ("train", "validation")}
    return Splits(parts["train"], parts["validation"], tests, ledger, words)


def _repeated(config: DataConfig, parts: Parts, labels: LabelSpace) -> dict[str, Any]:
    """Return the account of equal texts in the files as they are, before anything is cut or taken out."""
    return {
        "policy": config.duplicates,
        "within": {split: duplicates.within(part) for split, part in parts.items()},
        "conflicting": {split: duplicates.conflicts(part, labels) for split, part in parts.items()},
    }


def _sample(config: DataConfig, parts: Parts, labels: LabelSpace) -> Parts:
    per_class = config.subset.per_class
    if per_class is None:
        return parts
    if labels.kind not in ("single", "ordinal"):
        raise UserError(f"data.subset.per_class needs one label per row, not data.labels.kind={labels.kind}")
    train = parts["train"]
    strata = splitting.strata_of(train.labels, labels.kind)
    absent = [name for column, name in enumerate(labels.names) if column not in strata]
    if absent:
        raise UserError(f"data.subset.per_class={per_class}: no row of data.files.train has the label {absent[0]!r}")
    # test rows that are cut from the sample go with it
    seed = config.held_out_seed if config.cuts_test else config.seed
    return parts | {"train": train.take(splitting.balanced_rows(strata, train.text, per_class, seed))}


def _cut(config: DataConfig, parts: Parts, labels: LabelSpace) -> Parts:
    """Cut validation and test from the training rows where the files give none."""
    test_is_given = bool(config.test_names) or not (config.split.test or config.split.folds)
    missing = [name for name in ("test", "validation") if name not in parts and not (name == "test" and test_is_given)]
    if not missing:
        return parts
    pool = parts["train"]
    strata = splitting.strata_of(pool.labels, labels.kind) if config.split.stratify else np.zeros(len(pool), dtype=int)
    deck = splitting.Deck(splitting.units_of(pool.text, pool.group), strata, pool.text)
    if config.split.stratify:
        # Of three units of a label, the half that is one of two folds may take two.
        _require_enough(deck, len(missing) + 1 + (config.split.folds == 2), labels, pool, config.group)
    if config.split.folds:
        made = _cut_fold(config, deck)
    else:
        fractions = {"test": config.split.test, "validation": config.split.validation}
        cuts = deck.cut([fractions[name] for name in missing], (config.held_out_seed, 0))
        made = dict(zip((*missing, "train"), cuts, strict=True))
    return parts | {name: pool.take(rows) for name, rows in made.items()}


def _cut_fold(config: DataConfig, deck: splitting.Deck) -> dict[str, splitting.Rows]:
    """Return one fold as the test set; validation is cut from the others."""
    split = config.split
    test, rest = deck.fold(split.folds, split.fold, (config.held_out_seed, split.repeat))
    fraction = min(split.validation / (1 - 1 / split.folds), 0.9)
    validation, train = deck.only(rest).cut([fraction], (config.held_out_seed, split.repeat, split.fold))
    return {"train": rest[train], "validation": rest[validation], "test": test}


def _require_enough(deck: splitting.Deck, needed: int, labels: LabelSpace, pool: Part, group: str | None) -> None:
    few = {stratum: count for stratum, count in deck.units_per_stratum().items() if count < needed}
    for stratum, count in few.items():
        is_label = labels.kind != "real" and 0 <= stratum < len(labels)
        name = f"label {labels.names[stratum]!r}" if is_label else f"stratum {stratum}"
        more = f" (and {len(few) - 1} more labels have too few)" if len(few) > 1 else ""
        raise UserError(
            f"{name} has {count} distinct {_unit(count, group)} in data.files.train, but {needed} "
            f"splits are to be cut from it{more}: {_without_rare(few, needed, labels, pool)}add rows, give the splits as "
            "files, or set data.split.stratify=false to cut without regard to labels"
        )


def _unit(count: int, group: str | None) -> str:
    return f"text{'s' * (count != 1)}" + (f" or groups (data.group={group})" if group else "")


def _without_rare(few: dict[int, int], needed: int, labels: LabelSpace, pool: Part) -> str:
    """Return the line that puts labels with too few rows together, or leaves them out where they are too few together."""
    together = sum(few.values()) >= needed
    if labels.kind not in ("single", "multi") or len(labels) - len(few) + together < 2:
        return ""  # fewer than two labels would be left
    counts = pool.labels.sum(axis=0) if labels.kind == "multi" else np.bincount(pool.labels.astype(int))
    line = f"data.labels.min_rows={max(int(counts[max(stratum, 0)]) for stratum in few) + 1}"
    if together:
        return f"{line} reads such labels as one, "
    return f"{line} data.labels.other=null leaves such labels out, "


def _ordered(split: str, part: Part, config: DataConfig, labels: LabelSpace) -> Part:
    """Order rows so that every first n of them hold the labels in proportion: that is what makes subsets nested."""
    seed = config.seed if split == "train" else config.held_out_seed
    return part.take(splitting.nested_order(splitting.strata_of(part.labels, labels.kind), part.text, seed))


def _rows_hash(part: Part) -> str:
    """Return the same for the same rows in any order."""
    return hashlib.sha256(np.sort(part.content).astype(">u8").tobytes()).hexdigest()[:16]


def _require_rows(parts: Parts) -> None:
    for split, part in parts.items():
        if not len(part):
            raise UserError(f"the {split} split is empty: check data.files, data.split and data.leakage")


def _require_unique_ids(parts: Parts) -> None:
    identity = np.concatenate([part.table.identity for part in parts.values()])
    values, count = np.unique(identity, return_counts=True)
    if len(values) == len(identity):
        return
    twice = values[count > 1]
    for split, part in parts.items():
        for row in np.flatnonzero(np.isin(part.table.identity, twice))[:1]:
            raise UserError(
                f"{len(identity) - len(values):,} row ids occur more than once, such as {part.row_id(int(row))!r} in "
                f"{split}: set data.fields.id to a column that is unique over all files, or to null to number the rows"
            )


def _classes(part: Part, labels: LabelSpace) -> dict[str, Any]:
    """Return rows per label; of a real score its range."""
    if labels.kind == "real":
        return {
            "minimum": float(part.labels.min()),
            "mean": float(part.labels.mean()),
            "maximum": float(part.labels.max()),
        }
    counts = (
        part.labels.sum(axis=0)
        if labels.kind == "multi"
        else np.bincount(part.labels.astype(int), minlength=len(labels))
    )
    return {name: int(count) for name, count in zip(labels.names, counts, strict=True)}
