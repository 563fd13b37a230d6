"""The page is whole, safe and silent: every kind of label and ending, no text unescaped, no request to anywhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headtohead.errors import UserError
from headtohead.reporting import write_report
from headtohead.reporting.stored_run import read_folder
from headtohead.results import RunRecord, read_record, write_record
from reporting.made_up_runs import (
    NAMES,
    complete_run,
    failed_run,
    made_up_predictions,
    made_up_record,
    made_up_steps,
    write_run,
)
from reporting.page_reader import EVIL, Page, refuse_requests

pytestmark = pytest.mark.slow  # whole pages


def page_of(folder: Path) -> Page:
    return Page(write_report(folder).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of each kind of label."""
    root = tmp_path_factory.mktemp("runs")
    for kind in NAMES:
        complete_run(root / kind, kind)  # type: ignore[arg-type]
    return root


@pytest.fixture(scope="module")
def pages(runs: Path) -> dict[str, Page]:
    return {kind: page_of(runs / kind) for kind in NAMES}


@pytest.fixture
def single(runs: Path, tmp_path: Path) -> Path:
    """A copy of the single-label run, to be spoilt."""
    return Path(shutil.copytree(runs / "single", tmp_path / "single"))


@pytest.mark.parametrize("kind", NAMES)
def test_every_kind_of_label_has_a_page_with_its_sections(kind: str, pages: dict[str, Page]) -> None:
    page = pages[kind]
    for words in (
        "SmolLM2-135M-Instruct + LoRA r16, generative head, on BBC News",
        "on 80 test rows",
        "This run",
        "Training loss",
        "Truncation",
        "train texts that also stand in test 21 rows dropped from train",
        "texts repeated in the train file 98 rows kept",
        "equal texts with different labels in the train file 4 rows of 2 texts kept",
        "nearly equal texts not looked for",
        "The micro-batch was halved",
        "planned_steps",
        "Label tokens",
        "Worst errors",
        "By length",
        "tokens/s",
        "python run.py head=generative lora=r16 'prompt.template={text} Topic:'",
        "train.learning_rate",
        "The committee said on Tuesday",
    ):
        assert words in page.text, words
    assert ("Confusion matrix" in page.text) == (kind in ("single", "ordinal"))
    assert ("Reliability" in page.text) == (kind != "real")
    assert ("Predicted against gold scores" in page.text) == (kind in ("ordinal", "real"))
    assert len(page.figures) >= 8


@pytest.mark.parametrize("kind", NAMES)
def test_figures_are_valid_for_plotly(kind: str, pages: dict[str, Page]) -> None:
    import plotly.graph_objects as go

    for figure in pages[kind].figures:
        text = re.sub(r"var\(--[a-z-]+\)", "#123456", json.dumps(figure))
        assert go.Figure(json.loads(text)).data


def test_colours_of_figures_exist_in_the_style() -> None:
    here = Path(sys.modules["headtohead.reporting"].__file__ or "").parent
    used = set(re.findall(r"var\((--[a-z-]+)\)", (here / "figures.py").read_text() + (here / "report.css").read_text()))
    defined = re.findall(r"(--[a-z-]+):", (here / "report.css").read_text())
    assert used <= set(defined)
    colours = [name for name in used if name != "--mono"]
    assert all(defined.count(name) == 3 for name in colours)  # light, dark and paper


def test_the_page_runs_two_scripts_of_its_own_and_fetches_nothing(pages: dict[str, Page]) -> None:
    for page in pages.values():
        refuse_requests(page)


def test_text_from_data_is_shown_and_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NAMES, "single", [EVIL, *NAMES["single"][1:]])
    predictions = {
        "test": made_up_predictions("single", "test", 60),
        "validation": made_up_predictions("single", "validation", 30),
    }
    predictions["test"].row_id[:] = [f"{EVIL} {i}" for i in range(60)]
    evil = {EVIL: EVIL}
    record = made_up_record("single", predictions, name=EVIL, error=EVIL, model={"name": EVIL}, export=evil)
    record.config["model"] = {"name": EVIL}
    record.provenance, record.data["name"], record.data["duplicates"] = {"command": EVIL, **evil}, EVIL, evil
    record.data["leakage"] = {"across": [{"split": EVIL, "held_out": EVIL, "rows": 1}]}
    record.audit = {"labels": [{"name": EVIL, "word": EVIL, "tokens": [EVIL], "ids": [1]}], "notes": [EVIL], **evil}
    record.config |= evil
    record.cost["seconds"] = {EVIL: 1.0}
    record.baselines[EVIL] = record.baselines["tfidf"]
    steps = [*made_up_steps(), {"step": 9, f"validation/{EVIL}": 0.5}]
    texts = dict.fromkeys(predictions["test"].row_id, EVIL)
    folder = write_run(tmp_path / "run", record, predictions, steps, texts)
    path = write_report(folder)
    page, raw = Page(path.read_text(encoding="utf-8")), path.read_text(encoding="utf-8")
    assert len(page.scripts) == 2
    assert "img" not in page.tags
    assert "b" not in page.tags
    assert raw.count("alert('x')") == 0
    assert page.text.count(re.sub(r"\s+", " ", EVIL)) > 20
    figures = json.dumps(page.figures)
    assert "&lt;/script" in figures or "&lt;/scr" in figures
    assert "<script" not in figures
    assert "<img" not in figures
    assert "<b>" not in figures


@pytest.mark.parametrize("status", ["failed", "diverged", "interrupted", "running", "pruned"])
def test_a_run_that_did_not_end_well_has_a_page_that_says_so(tmp_path: Path, status: str) -> None:
    page = page_of(failed_run(tmp_path / "run", status, "data.files.train: no such file 'x.csv'"))
    assert status in page.text
    assert "no such file 'x.csv'" in page.text
    assert "No predictions are stored" in page.text
    assert len(page.figures) == 2


def test_what_is_not_finite_is_left_out_and_said(tmp_path: Path, runs: Path) -> None:
    parts = {name: made_up_predictions("real", name, 40) for name in ("test", "validation")}
    parts["test"].scores[3] = np.nan
    steps = [*made_up_steps(8), {"step": 9, "train/loss": float("nan")}]
    record = read_record(runs / "real" / "result.json")
    record.status, record.error = "diverged", "loss became nan at step 9"
    page = page_of(write_run(tmp_path, record, parts, steps))
    assert "1 of 80 stored rows have scores that are not finite" in page.text
    assert "loss became nan at step 9" in page.text
    losses = [figure["data"][0]["y"] for figure in page.figures if figure["data"][0].get("name") == "Loss"]
    assert [len(loss) for loss in losses] == [8]


def test_the_barest_record_has_a_page(tmp_path: Path) -> None:
    write_record(tmp_path / "result.json", RunRecord(name="n", fingerprint="f", status="failed", config={}))
    page = page_of(tmp_path)
    assert "The command was not recorded" in page.text
    assert page.figures == []


def test_sections_may_be_missing_one_at_a_time(single: Path) -> None:
    whole = json.loads((single / "result.json").read_text())
    for section in ("details", "baselines", "calibration", "audit", "cost", "model", "data", "export", "provenance"):
        (single / "result.json").write_text(json.dumps(whole | {section: {}}))
        assert "Accuracy" in page_of(single).text
    for file in ("predictions.parquet", "metrics.jsonl", "examples.json"):
        (single / file).unlink()
        assert "Accuracy" in page_of(single).text


def test_damaged_files_are_named_and_survived(single: Path) -> None:
    (single / "predictions.parquet").write_bytes(b"not parquet")
    (single / "examples.json").write_text("{")
    with (single / "metrics.jsonl").open("a") as lines:
        lines.write('{"step": 200, "train/lo')
    page = page_of(single)
    for words in ("predictions.parquet cannot be read", "examples.json cannot be read", "1 line of metrics.jsonl"):
        assert words in page.text
    with pytest.raises(UserError, match=r"no record"):
        write_report(single / "elsewhere")


def test_a_step_logged_again_after_a_restart_counts_once(tmp_path: Path) -> None:
    failed_run(tmp_path)
    lines = [{"step": 1, "train/loss": 3.0}, {"step": 2, "train/loss": 2.0}, {"step": 1, "train/loss": 1.0}]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert read_folder(tmp_path).steps == [{"step": 1, "train/loss": 1.0}, {"step": 2, "train/loss": 2.0}]


def test_test_sets_are_shown_side_by_side_and_validation_folded(tmp_path: Path) -> None:
    parts = {
        name: made_up_predictions("single", name, 40, seed=i) for i, name in enumerate(("test", "forum", "validation"))
    }
    page = page_of(write_run(tmp_path, made_up_record("single", parts, baselines={}), parts))
    assert "Accuracy by set of rows" in page.text
    assert sum(tag == "details" and name == "open" for tag, name, _ in page.attributes) == 1


def test_worst_errors_are_the_surest_wrong_answers(tmp_path: Path, pages: dict[str, Page]) -> None:
    from headtohead.reporting.worst_table import worst_table

    predictions = made_up_predictions("single", "test", 200)
    rows = worst_table(predictions, {})
    position = {row: i for i, row in enumerate(predictions.row_id)}
    chosen = np.array([position[row["row_id"]] for row in rows])
    assert (predictions.predicted[chosen] != predictions.gold[chosen]).all()
    sure = predictions.probabilities.max(axis=1)
    assert (np.diff(sure[chosen]) <= 0).all()
    errors = predictions.predicted != predictions.gold
    assert sure[chosen[0]] == sure[errors].max()
    assert all(row["excerpt"] is None for row in rows)


def test_many_classes_and_long_curves_stay_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NAMES, "single", [f"a class with a rather long name, number {i}" for i in range(70)])
    parts = {name: made_up_predictions("single", name, 140) for name in ("test", "validation")}
    page = page_of(write_run(tmp_path, made_up_record("single", parts, baselines={}), parts, made_up_steps(20_000)))
    bars = [figure["data"][0] for figure in page.figures if figure["data"][0]["type"] == "bar"]
    assert max(len(bar["x"]) for bar in bars) == 60
    assert all(len(trace["x"]) <= 1000 for figure in page.figures for trace in figure["data"] if "x" in trace)


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_a_thousand_long_labels_fit_into_record_and_page(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NAMES, kind, [f"{i} {'x' * 200}" for i in range(1_000)])
    parts = {name: made_up_predictions(kind, name, 300) for name in ("test", "validation")}  # type: ignore[arg-type]
    record = made_up_record(kind, parts, baselines={})  # type: ignore[arg-type]
    record.config["data"]["labels"] = {"names": NAMES[kind], "map": dict.fromkeys(NAMES[kind], "x" * 200)}
    path = write_report(write_run(tmp_path, record, parts, texts={"test/0001": "x" * 9_000}))
    raw = path.read_text(encoding="utf-8")
    page = Page(raw)
    assert len(raw) - max(map(len, page.scripts)) < 1_000_000
    assert "And 900 more labels: result.json holds them all." in page.text
    assert "Shown are 60 of 1 000 labels" in page.text
    assert "and 940 more in result.json" in page.text
    assert "And 900 more classes, with fewer rows: predictions.parquet holds them all." in page.text


def test_a_run_s_page_imports_no_torch_and_nothing_of_sweeps(single: Path) -> None:
    code = (
        "import sys, pathlib; from headtohead.reporting import write_report; "
        "write_report(pathlib.Path(sys.argv[1])); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'scipy.stats', 'headtohead.statistics')))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(single)], check=False).returncode == 0
