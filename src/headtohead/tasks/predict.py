"""Classify a file of any size with a finished run: rows stream in, answers stream out."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from headtohead import atomic
from headtohead.config import Config, DataConfig, DialectConfig
from headtohead.data import count_texts, iterate_texts
from headtohead.errors import Diverged, UserError
from headtohead.evaluation import calibrate
from headtohead.results import Predictions
from headtohead.tasks.reload import Reloaded, read_run, reads_file, reload_run
from headtohead.training import score_prompts
from headtohead.training.best_label import BestLabel, can_search

CHUNK_ROWS = 2000
PROBABILITY = "probability/"
Row = dict[str, Any]


def predict_file(config: Config, given: Sequence[str] = ()) -> Path:
    """Write one answer per row of ``task.input``: id, predicted label, calibrated probability per label if asked for.

    The file is read once before anything is loaded, so that a bad row at its end costs no answers.

    Args:
        given: the keys that the command line set; those of ``READ_BY_PREDICT`` win over the run's own.

    Raises:
        UserError: a file that cannot be read or holds no rows, an output that would replace the input or whose ending
            is unknown, or a run that cannot be reloaded.
    """
    assert config.run is not None
    assert config.task.input is not None
    source = Path(config.task.input)
    target = Path(config.task.output or source.with_name(f"{source.stem}.predictions.jsonl"))
    _check_target(target, source)
    data, declared = _reading(config, given)
    total = count_texts(source, data, declared)
    reloaded = reload_run(Path(config.run), cache=config.paths.cache)
    done = 0
    columns = [
        TextColumn("[bold]{task.description}"),
        SpinnerColumn(),
        TextColumn("{task.completed} of {task.total} rows"),
        TimeElapsedColumn(),
    ]
    with atomic.new_file(target) as temporary, _writer(temporary, target.suffix) as write, Progress(*columns) as bar:
        shown = bar.add_task(f"predict {source.name}", total=total)
        rows = iterate_texts(source, data, declared)
        for chunk in _chunks(rows, CHUNK_ROWS):
            write(_answers(reloaded, chunk, with_probabilities=config.task.probabilities))
            done += len(chunk)
            bar.update(shown, completed=done)
    print(f"{done} rows: {target}")
    return target


def _reading(config: Config, given: Sequence[str]) -> tuple[DataConfig, str]:
    """Return how the run's own data are read, changed by what the command line says, and the file's format.

    Format and dialect are the file's own, not those of the files that were trained on.
    """
    keys = {".".join(key.split(".")[:2]).removeprefix("data.") for key in given if reads_file(key)}
    asked = {key: getattr(config.data, key) for key in keys}
    stored = replace(read_run(Path(str(config.run)))[1].data, dialect=DialectConfig())
    return replace(stored, **asked), asked.get("format", "auto")


def _answers(reloaded: Reloaded, chunk: list[Row], *, with_probabilities: bool) -> list[Row]:
    messages = [row["messages"] for row in chunk] if chunk[0]["messages"] is not None else None
    encoded = reloaded.reader.encoder.encode([row["text"] for row in chunk], messages)
    ids = encoded["input_ids"]
    lengths = np.asarray([len(row) for row in ids])

    def input_ids(index: np.ndarray) -> list[list[int]]:
        return [ids[int(i)] for i in index]

    pack, labels = reloaded.pack, reloaded.labels
    if not with_probabilities and labels.kind == "single" and can_search(pack):
        answers = [{"predicted": labels.names[best]} for best in BestLabel(pack).of_prompts(lengths, input_ids)]
    else:
        answers = _scored(reloaded, chunk, score_prompts(pack, lengths, input_ids)[0])
    return [
        {
            "row_id": row["row_id"],
            **{key: value for key, value in answer.items() if with_probabilities or not key.startswith(PROBABILITY)},
            "tokens": int(lengths[i]),
            "truncated": encoded["tokens_lost"][i] > 0,
        }
        for i, (row, answer) in enumerate(zip(chunk, answers, strict=True))
    ]


def _scored(reloaded: Reloaded, chunk: list[Row], scores: np.ndarray) -> list[Row]:
    bad = int((~np.isfinite(scores)).any(axis=1).sum())
    if bad:
        raise Diverged(f"{bad} rows have scores that are not finite; NaN is never a class")
    measured = _unlabelled(reloaded, chunk, scores)
    calibrated = calibrate(measured, float(reloaded.record.calibration.get("temperature", 1.0)))
    return [_answer(measured, calibrated, i) for i in range(len(chunk))]


def _unlabelled(reloaded: Reloaded, chunk: list[Row], scores: np.ndarray) -> Predictions:
    """Put scores into the record's shape; the gold answers are fillers that nothing reads."""
    empty = np.full(len(chunk), "", dtype=object)
    count = len(reloaded.labels)
    gold = (
        np.zeros((len(chunk), count), dtype=np.int64)
        if reloaded.labels.kind == "multi"
        else np.zeros(len(chunk), dtype=np.int64)
    )
    return Predictions(
        labels=reloaded.labels,
        row_id=empty,
        text_hash=empty,
        split=empty,
        group=empty,
        tokens=np.zeros(len(chunk), dtype=np.int64),
        truncated=np.zeros(len(chunk), dtype=bool),
        gold=gold,
        scores=scores,
        is_expected_score=reloaded.pack.trials[0].link == "identity",
    )


def _answer(measured: Predictions, calibrated: Predictions, row: int) -> Row:
    """Return one row's answer: decision and score as the record measured them, probabilities after its temperature."""
    labels = measured.labels
    if measured.is_expected_score:
        answer: Row = {"score": float(measured.expected_score[row])}
        return {"predicted": labels.names[measured.predicted[row]], **answer} if labels.kind == "ordinal" else answer
    probabilities = {
        PROBABILITY + name: float(value)
        for name, value in zip(labels.names, calibrated.probabilities[row], strict=True)
    }
    if labels.kind == "multi":
        chosen = [name for name, present in zip(labels.names, measured.predicted[row], strict=True) if present]
        return {"predicted": json.dumps(chosen, ensure_ascii=False), **probabilities}
    expected = {"score": float(measured.expected_score[row])} if labels.kind == "ordinal" else {}
    return {"predicted": labels.names[measured.predicted[row]], **expected, **probabilities}


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    stream = iter(rows)
    while chunk := list(islice(stream, size)):
        yield chunk


def _check_target(target: Path, source: Path) -> None:
    if target.resolve() == source.resolve():
        raise UserError(f"task.output is task.input: the answers would replace {source}; name another file")
    if target.suffix not in (".jsonl", ".csv", ".parquet"):
        raise UserError(f"task.output must end in .jsonl, .csv or .parquet, given {target}")


@contextmanager
def _writer(path: Path, ending: str) -> Iterator[Callable[[list[Row]], None]]:
    """Yield a function that appends rows in the format of the ending."""
    if ending == ".parquet":
        with _parquet_writer(path) as write:
            yield write
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        header: list[str] = []

        def write_text(rows: list[Row]) -> None:
            if ending == ".jsonl":
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                return
            table = csv.DictWriter(file, fieldnames=list(rows[0]))
            if not header:
                table.writeheader()
                header.extend(rows[0])
            table.writerows(rows)

        yield write_text


@contextmanager
def _parquet_writer(path: Path) -> Iterator[Callable[[list[Row]], None]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: list[pq.ParquetWriter] = []

    def write(rows: list[Row]) -> None:
        table = pa.Table.from_pylist(rows)
        if not writer:
            writer.append(pq.ParquetWriter(path, table.schema))
        writer[0].write_table(table)

    try:
        yield write
    finally:
        for opened in writer:
            opened.close()
