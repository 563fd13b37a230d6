"""``task=predict`` of a finished TF-IDF run: files, streams and single texts, and whatever is known before rows are scored."""

from __future__ import annotations

import csv
import io
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from export.finished_runs import configured, news_rows, stored, write_rows
from headtohead.classifiers import finished_classifier
from headtohead.errors import UserError
from headtohead.runs.lifecycle import train
from headtohead.tasks import answer_files, perform
from headtohead.tasks.answer_files import without_formula

QUICK = [
    "model=tfidf",
    "track=off",
    "data=files",
    "evaluate.baselines=false",
    "evaluate.resamples=100",
    "export.form=none",
]


def trained(folder: Path, cache: Path, rows: list[dict[str, Any]], *overrides: str) -> Path:
    data = write_rows(folder / "rows.jsonl", rows)
    train(configured(*QUICK, f"data.source.name={data}", f"paths.cache={cache}", *overrides), folder / "run", "0")
    return folder / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    return trained(tmp_path_factory.mktemp("tfidf"), cache, news_rows(80))


def predict(run: Path, *given: str) -> None:
    config = configured("task=predict", f"run={run}", *given)
    perform(config, run / "predict", [override.split("=")[0] for override in given], fingerprint="test")


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("kind", ["single", "multi", "real"])
def test_a_finished_run_answers_its_test_rows_as_it_did(kind: str, cache: Path, tmp_path: Path) -> None:
    draw = random.Random(0)
    rows = news_rows(80)
    for row in rows:
        row["label"] = {
            "single": row["label"],
            "multi": [row["label"], "all"],
            "real": len(row["text"]) + draw.random(),
        }[kind]
    loss = {"single": [], "multi": ["loss=bce"], "real": ["head=regression", "loss=mse"]}[kind]
    run = trained(tmp_path, cache, rows, f"data.labels.kind={kind}", *loss)
    predict(run, f"task.input={tmp_path / 'rows.jsonl'}")
    answers = {row["row_id"]: row for row in lines((tmp_path / "rows.predictions.jsonl").read_text())}
    assert len(answers) == 80
    measured = stored(run)
    assert len(measured) == 16
    for row_id, expected in zip(measured.row_id, measured.predicted_answers, strict=True):
        answer = answers[row_id]
        given = {"single": "predicted", "multi": "predicted", "real": "score"}[kind]
        assert (json.loads(answer[given]) if kind == "multi" else answer[given]) == expected


def test_probabilities_are_the_stored_ones_after_their_temperature_and_it_is_said(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predict(run, f"task.input={run.parent / 'rows.jsonl'}", f"task.output={tmp_path / 'a.parquet'}")
    said = capsys.readouterr().out
    record = json.loads((run / "result.json").read_text())
    temperature = record["calibration"]["temperature"]
    assert f"probabilities are calibrated: temperature {temperature:.3g}, fitted on 8 validation rows" in said
    few = "the temperature was fitted on 8 validation rows"
    assert f"note: {few}" in said
    assert [few in notice["text"] for notice in record["notices"]].count(True) == 1
    answers = {row["row_id"]: row for row in pyarrow.parquet.read_table(tmp_path / "a.parquet").to_pylist()}
    for row_id, scores in zip(stored(run).row_id, stored(run).scores, strict=True):
        found = [answers[row_id][f"probability/{name}"] for name in ("business", "sport", "tech")]
        expected = np.exp(scores / temperature)
        assert found == pytest.approx(expected / expected.sum(), rel=1e-9)


def test_other_column_names_than_in_training(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "new.csv").write_text("key,review\n7,the team won the match\n")
    with pytest.raises(UserError, match=r"no column 'text'.*review.*such as 'data\.fields\.text=\[key\]'"):
        predict(run, f"task.input={tmp_path / 'new.csv'}")
    capsys.readouterr()  # its answers were for a file: on a slow machine it says on standard output that it reads
    predict(
        run, f"task.input={tmp_path / 'new.csv'}", "data.fields.text=[review]", "data.fields.id=key", "task.output=-"
    )
    (answer,) = lines(capsys.readouterr().out)
    assert (answer["row_id"], answer["predicted"]) == ("7", "sport")
    messages = [{"role": "user", "content": "a phone and its software"}]
    chat = write_rows(tmp_path / "chat.jsonl", [{"chat": messages}])
    predict(run, f"task.input={chat}", "data.fields.messages=chat", "task.output=-")
    assert lines(capsys.readouterr().out)[0]["predicted"] == "tech"


def test_one_text_is_answered_on_standard_output_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predict(run, "task.text=the bank and its shares")
    out, err = capsys.readouterr()
    (answer,) = lines(out)
    assert (answer["row_id"], answer["predicted"], answer["tokens"]) == ("text", "business", 5)
    assert "probabilities are calibrated" in err
    predict(run, "task.text=the bank and its shares", "task.probabilities=false")
    assert set(lines(capsys.readouterr().out)[0]) == {"row_id", "predicted", "tokens", "truncated"}
    with pytest.raises(UserError, match=r"task\.text: the text is empty"):
        predict(run, "task.text='  '")


@pytest.mark.parametrize(
    "given",
    [
        "goal and match\n\nbank, price\nsoftware net",
        '{"text": "goal and match", "id": 1}\n\n{"text": "bank, price"}\n{"text": "software net"}\n',
    ],
)
def test_standard_input_is_answered_line_by_line(
    run: Path, given: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    predict(run, "task.input=-")
    answers = lines(capsys.readouterr().out)
    assert [answer["row_id"] for answer in answers] == ["stdin:1", "stdin:3", "stdin:4"]
    assert [answer["predicted"] for answer in answers] == ["sport", "business", "tech"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "standard input holds no rows"),
        ("id,text\n1,goal\n", "begins with a table's header"),
        ('[{"text": "goal"}]', "is a JSON array"),
        ('{"text": "goal"}\ngoal\n', r"stdin:2: broken JSON"),
        ('{"text": "goal"}\n{"text": null}\n', r"stdin:2: there is no text in 'text'"),
        ('{"review": "goal"}', r"data\.fields\.text=\[review\]"),
    ],
)
def test_a_stream_that_is_something_else_is_refused(
    run: Path, given: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    with pytest.raises(UserError, match=said):
        predict(run, "task.input=-", f"task.output={tmp_path / 'answers.jsonl'}")
    assert list(tmp_path.iterdir()) == []


def unwritable(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "answers.jsonl"


def there_already(folder: Path) -> Path:
    (folder / "answers.csv").write_text("earlier")
    return folder / "answers.csv"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder, "is a folder: name a file in it"),
        (lambda folder: folder / "answers.xlsx", "must end in"),
        (unwritable, "cannot be written: .*Not a directory"),
        (lambda folder: Path("/proc/answers.jsonl"), "cannot be written: /proc"),
        (there_already, "is there already: .* add fresh=true"),
    ],
)
def test_the_place_of_the_answers_is_tried_before_anything_is_loaded(
    run: Path, make: Callable[[Path], Path], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = make(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.delattr(finished_classifier.TfidfClassifier, "score")
    monkeypatch.delattr(finished_classifier, "read_run")
    with pytest.raises(UserError, match=said):
        predict(run, f"task.input={run.parent / 'rows.jsonl'}", f"task.output={target}")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_an_earlier_file_is_replaced_where_that_is_asked_for(run: Path, tmp_path: Path) -> None:
    target = there_already(tmp_path)
    predict(run, f"task.input={run.parent / 'rows.jsonl'}", f"task.output={target}", "fresh=true")
    assert target.read_text().startswith("row_id,predicted,")


FORMULAE = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "\rx"]
PLAIN = ["-1", "+2.5", "1e-3", "-1e5", "a=b", "", "good", "'quoted"]


def test_no_cell_of_a_csv_file_is_a_formula(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [without_formula(text) for text in FORMULAE] == [f"'{text}" for text in FORMULAE]
    assert [without_formula(cell) for cell in (*PLAIN, -1.5, True, None)] == [*PLAIN, -1.5, True, None]
    rows = [{**row, "label": {"sport": "=1+1", "tech": "-1"}.get(row["label"], row["label"])} for row in news_rows(60)]
    run = trained(tmp_path, cache, rows)
    new = write_rows(
        tmp_path / "new.jsonl", [{"text": "goal team", "id": "@SUM(A1)"}, {"text": "phone net", "id": "-7"}]
    )
    given = [f"task.input={new}", "data.fields.id=id"]
    for ending in ("csv", "jsonl"):
        predict(run, *given, f"task.output={tmp_path / f'answers.{ending}'}")
        said = capsys.readouterr().out
        assert ("2 cells that a spreadsheet would compute" in said) == (ending == "csv")
    with (tmp_path / "answers.csv").open(newline="") as file:
        found = [(row["row_id"], row["predicted"]) for row in csv.DictReader(file)]
    assert found == [("'@SUM(A1)", "'=1+1"), ("-7", "-1")]
    exact = [(row["row_id"], row["predicted"]) for row in lines((tmp_path / "answers.jsonl").read_text())]
    assert exact == [("@SUM(A1)", "=1+1"), ("-7", "-1")]


def test_nothing_or_two_things_to_classify_are_refused(run: Path) -> None:
    with pytest.raises(UserError, match=r"add task\.input=<file>, task\.input=- or task\.text"):
        predict(run)
    with pytest.raises(UserError, match="two inputs"):
        predict(run, "task.input=x.jsonl", "task.text=x")


def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, pytest.raises(SystemExit) as ended:
        answer_files._print_lines(stream, [{"a": 1}])
    assert ended.value.code == 0
