"""Labelled text comes in: read, checked, split and counted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headtohead.config.data import DataConfig
from headtohead.data.words import Words
from headtohead.errors import UserError
from headtohead.labels import LabelSpace
from headtohead.notices import Notice
from headtohead.sources import Fetched, fetch

if TYPE_CHECKING:
    import datasets

    from headtohead.data.splits.make_splits import Splits
    from headtohead.data.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A data set, split; the rows lie memory-mapped on disk.

    Every split has the columns row_id, text, label, group, text_hash, and messages where the data has them. ``label``
    is a column number (single, ordinal), a list of 0 and 1 per label (multi) or a number (real).
    """

    labels: LabelSpace
    train: datasets.Dataset
    validation: datasets.Dataset
    tests: dict[str, datasets.Dataset]
    ledger: dict[str, Any]
    """JSON-ready: rows and classes per split, duplicates, leaks and what was done, dropped rows, encodings."""
    source: dict[str, Any]
    """JSON-ready: where the data came from, and the hash of the content used."""
    fingerprint: str
    """Hash of rows, labels and splits: the same content gives the same string on any machine."""
    words: Words = field(default_factory=Words)
    """What TF-IDF and the search for near duplicates take for a word."""
    notices: tuple[Notice, ...] = ()
    """What was recognised or found in the files that a reader of the numbers must know."""


def load_corpus(config: DataConfig, cache: Path) -> Corpus:
    """Fetch, convert, check and split a data set.

    Args:
        config: what and how.
        cache: the cache folder (``sources.cache_root``).

    Raises:
        UserError: whatever is wrong with the data, in one message.
    """
    from headtohead.data.columns.label_notices import of_splits
    from headtohead.data.columns.label_parsing import Writing, label_space
    from headtohead.data.files.split_files import hub_patterns, split_files
    from headtohead.data.splits.leakage import of_leaks
    from headtohead.data.splits.make_splits import make_splits
    from headtohead.data.table import open_table

    _require_other_columns(config)
    fetched = fetch(config.source, cache, setting="data.source", patterns=hub_patterns(config))
    files = {found.split: found for found in split_files(config, fetched)}
    train = open_table(files["train"], config, None, cache)
    writing = Writing(**train.facts["writing"])
    labels = label_space(config.labels, writing.names, train.facts["rare"])
    tables = {split: train if split == "train" else open_table(files[split], config, writing, cache) for split in files}
    splits = make_splits(config, tables, labels, cache)
    return Corpus(
        labels=labels,
        train=splits.train.dataset(),
        validation=splits.validation.dataset(),
        tests={name: part.dataset() for name, part in splits.tests.items()},
        ledger=splits.ledger,
        source=_source(fetched, {split: table.facts["content_hash"] for split, table in tables.items()}),
        fingerprint=_fingerprint(labels, splits),
        words=splits.words,
        notices=(
            *_recognised(tables),
            *of_splits(splits.ledger, labels),
            *of_leaks(splits.ledger, config.leakage),
            *splits.words.notices(),
        ),
    )


def source_content(config: DataConfig, cache: Path) -> dict[str, str]:
    """Return the hash of every split's files, as ``Corpus.source`` names it, without reading a row.

    Raises:
        UserError: a file is not there.
    """
    from headtohead.data.files.split_files import hub_patterns, split_files

    fetched = fetch(config.source, cache, setting="data.source", patterns=hub_patterns(config))
    return {found.split: found.content_hash() for found in split_files(config, fetched)}


def iterate_texts(path: Path, config: DataConfig, declared: str = "auto") -> Iterator[dict[str, Any]]:
    """Yield the inputs of a file of any size, without labels: ``row_id``, ``text`` and ``messages`` (or None).

    Args:
        declared: the file's format; auto goes by its ending, whatever the run's own data were.

    Raises:
        UserError: as ``load_corpus``; a bad row where rows are not to be dropped.
    """
    from headtohead.data.predicting import inputs

    return inputs(path, config, declared)


def iterate_lines(stream: Iterable[bytes], config: DataConfig) -> Iterator[dict[str, Any]]:
    """Yield the inputs of a stream as its lines come: JSON objects where the first line is one, else texts.

    Raises:
        UserError: a table, no line at all, or a bad row where rows are not to be dropped.
    """
    from headtohead.data.files.streaming import lines

    return lines(stream, config)


def one_text(text: str, config: DataConfig) -> dict[str, Any]:
    """Return one text as an input.

    Raises:
        UserError: it is empty.
    """
    from headtohead.data.files.streaming import single

    return single(text, config)


def count_texts(path: Path, config: DataConfig, declared: str = "auto") -> int:
    """Read such a file through and return how many inputs it holds.

    Raises:
        UserError: as ``iterate_texts``; there is none.
    """
    from headtohead.data.predicting import count

    return count(path, config, declared)


def _require_other_columns(config: DataConfig) -> None:
    """Refuse a text that holds the answer."""
    from headtohead.data.text import used_columns

    if both := [column for column in used_columns(config.fields) if column in config.fields.label_columns]:
        raise UserError(
            f"data.fields: {both[0]!r} is read as the text and as the label, so every text would hold its answer"
        )


def _recognised(tables: dict[str, Table]) -> list[Notice]:
    """Return what was said of the splits' files when they were read, now or earlier."""
    return [Notice.from_dict(stored) for table in tables.values() for stored in table.facts["notices"]]


def _source(fetched: Fetched, content: dict[str, str]) -> dict[str, Any]:
    return {
        "kind": fetched.kind,
        "name": fetched.name,
        "revision": fetched.revision,
        "sha256": fetched.sha256,
        "content": content,
    }


def _fingerprint(labels: LabelSpace, splits: Splits) -> str:
    digest = hashlib.sha256(json.dumps(labels.as_dict()).encode())
    for name, part in splits.parts():
        digest.update(f"{name} {len(part)}\n".encode())
        digest.update(part.content.astype(">u8").tobytes())
    return digest.hexdigest()
