"""Classify a file of any size with a finished run: rows stream in, answers stream out."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from headtohead import atomic
from headtohead.config import Config
from headtohead.data import iterate_texts
from headtohead.errors import Diverged, UserError
from headtohead.evaluation import calibrate
from headtohead.results import Predictions
from headtohead.tasks.reload import Reloaded, reload_run

CHUNK_ROWS = 2000
Row = dict[str, Any]


def predict_file(config: Config) -> Path:
    """Write one answer per row of ``task.input``: id, predicted label, calibrated probability per label.

    Raises:
        UserError: a file that cannot be read, an unknown ending of ``task.output``, or a run that cannot be reloaded.
    """
    assert config.run is not None
    assert config.task.input is not None
    source = Path(config.task.input)
    target = Path(config.task.output or source.with_name(f"{source.stem}.predictions.jsonl"))
    _check_ending(target)
    reloaded = reload_run(Path(config.run), cache=config.paths.cache)
    done = 0
    columns = [
        TextColumn("[bold]{task.description}"),
        SpinnerColumn(),
        TextColumn("{task.completed} rows"),
        TimeElapsedColumn(),
    ]
    with atomic.new_file(target) as temporary, _writer(temporary, target.suffix) as write, Progress(*columns) as bar:
        shown = bar.add_task(f"predict {source.name}", total=None)
        rows = iterate_texts(source, reloaded.config.data)
        for chunk in _chunks(rows, CHUNK_ROWS):
            write(_answers(reloaded, chunk))
            done += len(chunk)
            bar.update(shown, completed=done)
    if not done:
        raise UserError(f"{source} holds no rows")
    print(f"{done} rows: {target}")
    return target


def _answers(reloaded: Reloaded, chunk: list[Row]) -> list[Row]:
    messages = [row["messages"] for row in chunk] if chunk[0]["messages"] is not None else None
    encoded = reloaded.reader.encoder.encode([row["text"] for row in chunk], messages)
    ids = encoded["input_ids"]
    lengths = np.asarray([len(row) for row in ids])
    scores = reloaded.pack.score_prompts(lengths, lambda index: [ids[int(i)] for i in index])[0]
    bad = int((~np.isfinite(scores)).any(axis=1).sum())
    if bad:
        raise Diverged(f"{bad} rows have scores that are not finite; NaN is never a class")
    predictions = calibrate(
        _unlabelled(reloaded, chunk, scores), float(reloaded.record.calibration.get("temperature", 1.0))
    )
    return [
        {
            "row_id": row["row_id"],
            **_answer(predictions, i),
            "tokens": int(lengths[i]),
            "truncated": encoded["tokens_lost"][i] > 0,
        }
        for i, row in enumerate(chunk)
    ]


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


def _answer(predictions: Predictions, row: int) -> Row:
    labels = predictions.labels
    if predictions.is_expected_score:
        answer: Row = {"score": float(predictions.expected_score[row])}
        return {"predicted": labels.names[predictions.predicted[row]], **answer} if labels.kind == "ordinal" else answer
    probabilities = {
        f"probability/{name}": float(value)
        for name, value in zip(labels.names, predictions.probabilities[row], strict=True)
    }
    if labels.kind == "multi":
        chosen = [name for name, present in zip(labels.names, predictions.predicted[row], strict=True) if present]
        return {"predicted": json.dumps(chosen, ensure_ascii=False), **probabilities}
    expected = {"score": float(predictions.expected_score[row])} if labels.kind == "ordinal" else {}
    return {"predicted": labels.names[predictions.predicted[row]], **expected, **probabilities}


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    stream = iter(rows)
    while chunk := list(islice(stream, size)):
        yield chunk


def _check_ending(target: Path) -> None:
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
