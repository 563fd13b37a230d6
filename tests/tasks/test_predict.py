"""``task=predict``: what was measured is served, and no input or earlier answer is lost to a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.made_up import label_space, predictions_from
from export.finished_runs import configured, finished, news_rows, stored, write_rows
from headtohead.classifiers.calibrated_answers import answer
from headtohead.errors import UserError
from headtohead.evaluation import calibrate
from headtohead.tasks import perform
from headtohead.tasks.answer_files import check_target


def test_the_score_of_an_ordinal_answer_is_the_one_that_was_measured() -> None:
    scores = np.log([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    measured = predictions_from(label_space("ordinal", 3), [0, 2], scores)
    calibrated = calibrate(measured, 3.0)
    for row in range(2):
        found = answer(measured, calibrated, row)
        assert found["score"] == measured.expected_score[row]
        shown = [found[f"probability/{name}"] for name in measured.labels.names]
        assert shown == pytest.approx(calibrated.probabilities[row])


def test_the_input_is_not_replaced_by_its_answers(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{}")
    (tmp_path / "x").mkdir()
    with pytest.raises(UserError, match=r"task\.output is task\.input"):
        check_target(tmp_path / "x" / ".." / "rows.jsonl", tmp_path / "rows.jsonl", replace=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    folder = tmp_path_factory.mktemp("predict")
    rows = write_rows(folder / "rows.jsonl", news_rows(60))
    finished(folder / "run", cache, rows, "export.form=none")
    return folder / "run"


def predict(run: Path, rows: Path, output: Path, *overrides: str) -> None:
    given = [f"task.input={rows}", f"task.output={output}", *overrides]
    config = configured("task=predict", f"run={run}", "model=tiny", "data=files", "data.source.name=unused", *given)
    perform(config, run / "predict", [override.split("=")[0] for override in given], fingerprint="test")


@pytest.mark.slow
def test_one_bad_row_costs_no_answers(run: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "new.rows", [*news_rows(5), {"text": ""}])
    output = tmp_path / "answers.jsonl"
    output.write_text("earlier")
    with pytest.raises(UserError, match=r"answers\.jsonl is there already: .* add fresh=true"):
        predict(run, rows, output)
    with pytest.raises(UserError, match=r"set data\.format"):
        predict(run, rows, output, "fresh=true")
    with pytest.raises(UserError, match=r"new\.rows:6: there is no text in 'text'.*\n.*data\.bad_rows=drop"):
        predict(run, rows, output, "data.format=jsonl", "fresh=true")
    assert output.read_text() == "earlier"
    predict(run, rows, output, "data.format=jsonl", "data.bad_rows=drop", "fresh=true")
    assert [json.loads(line)["row_id"] for line in output.read_text().splitlines()] == [
        f"new.rows:{n}" for n in range(1, 6)
    ]
    with pytest.raises(UserError, match=r"data\.group contradicts the run"):
        predict(run, rows, output, "data.group=text", "fresh=true")


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_an_empty_file_leaves_earlier_answers(run: Path, tmp_path: Path, ending: str) -> None:
    rows, output = write_rows(tmp_path / "new.jsonl", []), tmp_path / f"answers.{ending}"
    output.write_text("earlier")
    with pytest.raises(UserError, match=r"new\.jsonl holds no rows"):
        predict(run, rows, output, "fresh=true")
    assert output.read_text() == "earlier"
    assert len(stored(run))


@pytest.mark.slow
@pytest.mark.parametrize("head", ["classification", "generative"])
def test_the_label_alone(head: str, cache: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", news_rows(60))
    finished(tmp_path / "run", cache, rows, f"head={head}", "export.form=none")
    new = write_rows(tmp_path / "new.jsonl", news_rows(12))
    for name, given in (("all", "true"), ("label", "false")):
        predict(tmp_path / "run", new, tmp_path / f"{name}.jsonl", f"task.probabilities={given}")
    full, alone = (
        [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        for name in ("all", "label")
    )
    assert [set(row) for row in alone] == [{"row_id", "predicted", "tokens", "truncated"}] * 12
    assert [row["predicted"] for row in alone] == [row["predicted"] for row in full]


@pytest.mark.slow
@pytest.mark.parametrize(("long", "is_told"), [(0, False), (3, True)])
def test_texts_longer_than_the_run_reads_are_told(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], long: int, is_told: bool
) -> None:
    texts = [{"text": "share " * (900 if number < long else 1)} for number in range(10)]
    output = tmp_path / "answers.jsonl"
    predict(run, write_rows(tmp_path / "new.jsonl", texts), output)
    answers = [json.loads(line) for line in output.read_text().splitlines()]
    assert sum(answer["truncated"] for answer in answers) == long
    assert ("3 of 10 texts are longer than the run reads" in capsys.readouterr().out) == is_told
