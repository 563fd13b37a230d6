"""Classify a text, a stream or a file of any size with a finished run: rows go in, answers come out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from headtohead.classifiers.calibrated_answers import answers_of, calibration_in_words
from headtohead.classifiers.finished_classifier import Row, open_classifier
from headtohead.classifiers.reload import read_run, reads_file
from headtohead.config import Config, DataConfig, DialectConfig
from headtohead.console.progress import answering_bar
from headtohead.console.status_lines import doing
from headtohead.data import count_texts, iterate_lines, iterate_texts, one_text
from headtohead.errors import UserError
from headtohead.evaluation import on_few_rows
from headtohead.notices import Notice
from headtohead.runs.phases import WORDS
from headtohead.runs.truncation import FEW
from headtohead.tasks.answer_files import Write, answer_file, check_target, standard_output

CHUNK_ROWS = 2000
STREAM_ROWS = 32
"""Rows of standard input that are answered together: who waits for the first does not wait for all."""
STANDARD = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What is to be classified."""

    name: str
    rows: Iterable[Row]
    total: int | None
    """Unknown of a stream."""


def predict(config: Config, given: Sequence[str] = ()) -> None:
    """Write one answer per row: id, predicted label, calibrated probability per label if asked for.

    The place of the answers is tried and a file is read once before anything is loaded: neither a folder without
    permission nor a bad row at the end costs any answers.

    Args:
        given: the keys that the command line set; those of how a file is read win over the run's own.

    Raises:
        UserError: an input that cannot be read or holds no rows, an output that cannot or should not be written, or a
            run that cannot be reloaded.
    """
    target = _target(config)
    if target is None:
        with standard_output() as write:
            _answer(config, given, nullcontext(write))
        return
    check_target(target, _file(config), replace=config.fresh)
    done = _answer(config, given, answer_file(target))
    print(f"{done:,} row{'s' * (done != 1)}: {target}")


def _answer(config: Config, given: Sequence[str], answers: AbstractContextManager[Write]) -> int:
    """Answer all rows and return how many there were."""
    assert config.run is not None
    with doing(WORDS["data"], is_told=config.task.input not in (None, STANDARD)):
        inputs = _inputs(config, given)
    with doing(WORDS["load"]):
        classifier = open_classifier(Path(config.run), config.paths.cache)
    if config.task.probabilities:
        print(calibration_in_words(classifier.record, is_expected_score=classifier.is_expected_score))
        if (few := on_few_rows(classifier.record.calibration)) is not None:
            print(few)
    done = cut = 0
    with answers as write, answering_bar(f"predict {inputs.name}", inputs.total) as advance:
        for chunk in _chunks(inputs.rows, CHUNK_ROWS if inputs.total else STREAM_ROWS):
            answered = answers_of(classifier, chunk, with_probabilities=config.task.probabilities)
            write(answered)
            done, cut = done + len(chunk), cut + sum(answer["truncated"] for answer in answered)
            advance(len(chunk))
    if cut > FEW * done:
        print(Notice(text=f"{cut:,} of {done:,} texts are longer than the run reads and were cut: see truncated"))
    return done


def _inputs(config: Config, given: Sequence[str]) -> Inputs:
    data, declared = _reading(config, given)
    if config.task.text is not None:
        return Inputs(name="text", rows=[one_text(config.task.text, data)], total=1)
    source = _file(config)
    if source is None:
        if declared not in ("auto", "jsonl"):
            raise UserError(
                f"task.input=- reads a JSON object or a text in every line, not data.format={declared}: "
                "save the rows to a file and name that by task.input"
            )
        if sys.stdin.isatty():
            print("reading standard input: a text, or a JSON object, in every line; Ctrl-D ends it", flush=True)
        return Inputs(name="standard input", rows=iterate_lines(sys.stdin.buffer, data), total=None)
    total = count_texts(source, data, declared)
    return Inputs(name=source.name, rows=iterate_texts(source, data, declared), total=total)


def _file(config: Config) -> Path | None:
    """Return the file that is read; None of a text and of standard input."""
    given = config.task.input
    return None if given is None or given == STANDARD else Path(given)


def _target(config: Config) -> Path | None:
    """Return the file that is written, beside the input unless named; None is standard output."""
    if config.task.output is not None:
        return None if config.task.output == STANDARD else Path(config.task.output)
    source = _file(config)
    return source and source.absolute().with_name(f"{source.absolute().stem}.predictions.jsonl")


def _reading(config: Config, given: Sequence[str]) -> tuple[DataConfig, str]:
    """Return how the run's own data are read, changed by what the command line says, and the file's format.

    Format and dialect are the file's own, not those of the files that were trained on.
    """
    keys = [key.lstrip("+~").removeprefix("data.") for key in given if reads_file(key)]
    own = {key: getattr(config.data, key) for key in {key.split(".")[0] for key in keys} - {"fields"}}
    fields = [key.removeprefix("fields.") for key in keys if key.startswith("fields.")]
    asked = {key: getattr(config.data.fields, key) for key in fields}
    if {"text", "messages", "turns"} & asked.keys():
        asked = {"messages": None, "turns": None, **asked}  # one input is read, and that of this file is named
    stored = replace(read_run(Path(str(config.run)))[1].data, dialect=DialectConfig())
    return replace(stored, **{"fields": replace(stored.fields, **asked), **own}), own.get("format", "auto")


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    stream = iter(rows)
    while chunk := list(islice(stream, size)):
        yield chunk
