"""What W&B is told: offline, complete, under one id, without a network and without secrets."""

from __future__ import annotations

import json
import math
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from command_line import CommandLine, in_child, write_rows
from evaluation.made_up import random_predictions
from headtohead.batching.encode import EncodedRows
from headtohead.config import TrackConfig
from headtohead.evaluation import worst_rows
from headtohead.evaluation.metrics import confidence
from headtohead.reporting.shared_script import put_script
from headtohead.results import read_predictions
from headtohead.runs.tracker_payloads import example_table, prediction_table
from headtohead.tracking import Table, read_metrics, track_report
from headtohead.tracking.wandb_run import WandbRun, new_run_id
from reporting.page_reader import Page, refuse_requests
from wandb_file import attempts

SECRETS = {"WANDB_API_KEY": "0123456789abcdef" * 3, "HF_TOKEN": "hf_QxTnotARealTokenButLong"}
QUICK = ["track=offline", "export.form=none", "evaluate.baselines=false", "evaluate.resamples=100"]


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=60))


@contextmanager
def listener() -> Iterator[tuple[str, list[Any]]]:
    """Yield the URL of a server that notes whoever connects to it."""
    calls: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, caller = server.accept()
                except OSError:  # closed
                    return
                calls.append(caller)
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", calls
        server.shutdown(socket.SHUT_RDWR)


def a_run(folder: Path, run_id: str = "trial_0001-0a1b2c3d", job_type: str = "trial") -> WandbRun:
    return WandbRun(
        TrackConfig(wandb="offline"),
        folder=folder,
        run_id=run_id,
        name="head trial_0001",
        group="my sweep",
        job_type=job_type,
        settings={"seed": 3, "model": {"name": "tiny"}},
        tags=["tiny", "files", "classification", "head", "head", ""],
    )


@pytest.mark.slow  # W&B starts a process
def test_a_run_is_written_whole_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def write() -> None:
        run = a_run(tmp_path)
        run.log(0, {"train/loss": 2.5})
        run.log(7, {"train/loss": 1.5, "validation/macro_f1": 0.25})
        rows = Table(columns=["row_id", "gold"], rows=[["a", "x"], ["b, c", "{y}"]])
        counts = Table(columns=["Actual", "Predicted", "nPredictions"], rows=[["x", "y", 3]])
        run.finish({"test/accuracy": 0.5}, {"predictions/test": rows, "confusion/test": counts})

    with listener() as (url, calls):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "WANDB_BASE_URL"):
            monkeypatch.setenv(name, url)
        monkeypatch.setenv("NO_PROXY", "")
        assert in_child(write) == 0  # a process of its own, so that W&B reads this environment
        assert calls == []
    assert capfd.readouterr() == ("", "")
    (found,) = attempts(tmp_path)
    assert found.place == ("my sweep", "trial")
    assert (found.run["run_id"], found.run["project"]) == ("trial_0001-0a1b2c3d", "headtohead")
    assert found.run["display_name"] == "head trial_0001"
    assert found.run["tags"] == ["tiny", "files", "classification", "head"]
    assert found.run["resume"]
    assert found.config["seed"] == 3
    assert found.config["model"] == {"name": "tiny"}
    assert [(row["step"], row["train/loss"]) for row in found.history[:2]] == [(0, 2.5), (7, 1.5)]
    assert found.step_metrics["*"] == "step"
    assert found.summary["test/accuracy"] == 0.5
    assert found.table("predictions/test") == (["row_id", "gold"], [["a", "x"], ["b, c", "{y}"]])
    assert found.table("confusion/test_table")[1] == [["x", "y", 3]]
    assert found.exit_code == 0
    assert not list(tmp_path.rglob("*.html"))  # a trial brings no page


@pytest.mark.slow  # W&B starts a process
def test_a_run_by_itself_brings_its_page_as_it_is(tmp_path: Path) -> None:
    page = "<!doctype html><html><head><title>ä</title></head><body>1 &lt; 2</body></html>"

    def write() -> None:
        run = a_run(tmp_path, job_type="run")
        run.log(3, {"train/loss": 2.5})
        run.finish({}, {}, page)

    assert in_child(write) == 0
    (path,) = tmp_path.rglob("files/**/*.html")
    assert path.read_text(encoding="utf-8") == page
    (found,) = attempts(tmp_path)
    assert any("page.path" in row and row["step"] == 3 for row in found.history)


def test_texts_are_a_sample_escaped_and_cut() -> None:
    predictions = random_predictions("single", 200)
    texts = [f"<b>{i}</b> & so on {'x' * 600}" for i in range(200)]
    rows = Dataset.from_dict({"text": texts})
    encoded = EncodedRows(
        split="test",
        key="",
        rows=rows,
        tokens=rows,
        lengths=predictions.tokens,
        tokens_lost=np.zeros(200, dtype=np.int64),
        targets=predictions.gold,
    )
    table = example_table(predictions, encoded, 20)
    found = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    worst = {str(predictions.row_id[row]) for row in worst_rows(predictions, 20)}
    assert {row["row_id"] for row in found if row["why"] == "worst error"} == worst
    assert 30 <= len(found) <= 40
    assert {"row 0", "row 199"} <= {row["row_id"] for row in found}
    for row in found:
        number = int(row["row_id"].split()[1])
        assert row["text"].startswith(f"&lt;b&gt;{number}&lt;/b&gt; &amp; so on xxx")
        assert len(row["text"]) < 550
        assert row["gold"] == predictions.gold_answers[number]


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_tables_of_a_thousand_labels_have_few_columns(kind: Any) -> None:
    predictions = random_predictions(kind, 300, labels=1_000)
    table = prediction_table(predictions)
    assert table.columns == ["row_id", "gold", "predicted", "probability of predicted"]
    assert [row[3] for row in table.rows] == pytest.approx(confidence(predictions).tolist())
    assert max(len(str(row)) for row in table.rows) < 3_000


def test_ids_are_readable_short_and_never_the_same() -> None:
    ids = [new_run_id("bbc.news a/b-" + "x" * 100) for _ in range(2)]
    assert len(set(ids)) == 2
    for run_id in ids:
        assert run_id.startswith("bbc-news-a-b-x")
        assert len(run_id) <= 64


@pytest.mark.slow  # W&B starts a process
def test_a_report_is_written_once_for_each_verdict(tmp_path: Path) -> None:
    def write() -> None:
        track = TrackConfig(wandb="offline")
        for difference in (0.1, 0.1, 0.2):
            track_report(track, tmp_path, sweep="mine", summary={"a - b/difference": difference})
        track_report(TrackConfig(wandb="disabled"), tmp_path, sweep="mine", summary={"a - b/difference": 0.3})

    assert in_child(write) == 0
    found = attempts(tmp_path)
    assert sorted(run.summary["a - b/difference"] for run in found) == [0.1, 0.2]
    assert {run.place for run in found} == {("mine", "report")}


# Whole runs and sweeps: slow.


def check_against_record(folder: Path) -> dict[str, Any]:
    """Check that W&B holds what a finished run's folder holds; return the record."""
    record: dict[str, Any] = json.loads((folder / "result.json").read_text())
    found = attempts(folder)[-1]
    assert found.run["run_id"] == record["tracking"]["wandb_id"]
    assert {key: found.config[key] for key in record["config"]} == record["config"]
    logged = {(row["step"], name): value for row in found.history for name, value in row.items() if "step" in row}
    lines = read_metrics(folder / "metrics.jsonl")
    assert lines
    for line in lines:
        for name, value in line.items():
            assert logged[line["step"], name] == value
    assert found.summary["objective"] == record["objective"]["value"]
    assert found.summary["status"] == record["status"] == "completed"
    for split, metrics in record["metrics"].items():
        for metric, values in metrics.items():
            assert found.summary[f"{split}/{metric}"] == values["value"]
            assert found.summary.get(f"{split}/{metric}_low") == values["low"]
    for name, baseline in record["baselines"].items():
        for split, metrics in baseline.items():
            assert found.summary[f"baseline/{name}/{split}/macro_f1"] == metrics["macro_f1"]["value"]
            difference = record["differences"][name][split]["macro_f1"]["value"]
            assert found.summary[f"over/{name}/{split}/macro_f1"] == difference
    for split, cut in record["data"]["truncation"].items():
        assert found.summary[f"truncation/{split}/rows_cut"] == cut["rows_cut"]
    for notice in record["notices"]:
        assert notice["text"] in found.summary["notices"]
    assert found.summary["finding"].startswith("accuracy ")
    check_tables(folder, found, record)
    return record


@pytest.mark.long
def test_a_run_tells_its_baselines_what_was_cut_its_texts_and_its_page(line: CommandLine) -> None:
    line("track=offline", "export.form=none", "evaluate.resamples=100", "prompt.max_tokens=12")
    folder = line.folder()
    record = check_against_record(folder)
    assert set(record["baselines"]) >= {"majority", "tfidf"}
    (found,) = attempts(folder)
    assert found.summary["truncation/test/share_cut"] > 0.9
    columns, rows = found.table("examples/test")
    assert columns[-1] == "text"
    given = line.rows.read_text()
    assert rows
    assert all(row[-1] in given for row in rows)
    (page,) = folder.glob("wandb/**/files/**/*.html")
    assert page.read_bytes() == (folder / "report.html").read_bytes()
    assert found.stats


@pytest.mark.long
def test_a_run_below_a_sweep_sends_a_page_that_needs_no_file_beside_it(line: CommandLine) -> None:
    put_script(line.outputs)
    line("track=offline", "export.form=none", "evaluate.resamples=100")
    folder = next(line.outputs.glob("*/result.json")).parent
    (sent,) = folder.glob("wandb/**/files/**/*.html")
    refuse_requests(Page(sent.read_text(encoding="utf-8")))
    own = (folder / "report.html").read_text(encoding="utf-8")
    assert 'src="../plotly-' in own
    assert Page(own).figures == Page(sent.read_text(encoding="utf-8")).figures


def check_tables(folder: Path, found: Any, record: dict[str, Any]) -> None:
    stored = read_predictions(folder / "predictions.parquet")
    for split in record["metrics"]:
        own = stored.of_split(split)
        columns, rows = found.table(f"predictions/{split}")
        assert columns == ["row_id", "gold", "predicted", *(f"probability/{name}" for name in own.labels.names)]
        assert [row[0] for row in rows] == list(own.row_id)
        assert [row[1] for row in rows] == own.gold_answers
        assert [row[2] for row in rows] == own.predicted_answers
        for row, probabilities in zip(rows, own.probabilities, strict=True):
            assert all(math.isclose(*pair) for pair in zip(row[3:], probabilities, strict=True))
        confusion = record["details"][split]["confusion"]
        _, cells = found.table(f"confusion/{split}_table")
        assert [cell[2] for cell in cells] == [count for counts in confusion["counts"] for count in counts]


@pytest.mark.long
def test_twenty_offline_runs_hold_every_value(line: CommandLine) -> None:
    rates = [count * 1e-4 for count in range(1, 11)]
    varied = [f"train.learning_rate={','.join(map(str, rates))}", "lora.rank=2,4"]
    line("-m", *QUICK, "hydra.sweeper.study_name=mine", *varied)
    folders = sorted(line.folder().glob("trial_*"))
    assert len(folders) == 20
    records = [check_against_record(folder) for folder in folders]
    found = [attempts(folder) for folder in folders]
    assert [len(own) for own in found] == [1] * 20
    assert len({own[0].run["run_id"] for own in found}) == 20
    assert {own[0].place for own in found} == {("mine", "trial")}
    assert [own[0].config["sweep"]["trial"] for own in found] == [record["trial"]["number"] for record in records]
    assert {(own[0].config["train"]["learning_rate"], own[0].config["lora"]["rank"]) for own in found} == {
        (rate, rank) for rate in rates for rank in (2, 4)
    }
    assert all({"tiny", "rows", "classification"} <= set(own[0].run["tags"]) for own in found)


@pytest.mark.long
def test_arms_confirmations_and_the_verdict(line: CommandLine) -> None:
    arms = ["experiment=head_vs_generative", f"data.source.name={line.rows}", "hydra.sweeper.n_trials=1"]
    line(*line.always, *arms, *QUICK, "hydra.sweeper.confirm.seeds=2", train=False)
    folder = line.folder()
    for arm in ("head", "generative"):
        confirmed = [run for path in sorted(folder.glob(f"{arm}/confirm_*")) for run in attempts(path)]
        assert {run.place for run in confirmed} == {(folder.name, "confirm")}
        assert all(arm in run.run["tags"] for run in confirmed)
        assert len(confirmed) == 2
        (trial,) = attempts(folder / arm / "trial_0000")
        assert trial.place == (folder.name, "trial")
        assert arm in trial.run["tags"]
    (report,) = attempts(folder)
    verdict = json.loads((folder / "verdict.json").read_text())
    assert report.place == (folder.name, "report")
    assert report.summary["head - generative/difference"] == verdict["pairs"][0]["difference"]
    assert report.summary["head/macro_f1"] == verdict["arms"][0]["values"]["macro_f1"]
    assert report.summary["verdict"] == "\n".join([*verdict["leads"], *verdict["sentences"]])


@pytest.mark.long
def test_attempts_share_an_id_and_are_synced_in_order(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after its first checkpoint and run again: two folders, one run; ``wandb sync`` takes the older first."""
    from headtohead import atomic

    asked = [*QUICK, "train.epochs=4", "train.evaluate_every=4"]

    def die(moment: str, path: Path) -> None:
        if moment == "after rename" and path.name.startswith("step-"):
            import os
            import signal

            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(atomic, "on_step", die)
    line(*asked, code=-9)
    monkeypatch.undo()
    line(*asked)
    folder = line.folder()
    first, second = attempts(folder)
    run_id = line.record()["tracking"]["wandb_id"]
    assert all(run.folder.name.endswith(run_id) for run in (first, second))
    assert second.run["resume"]
    assert first.folder.name < second.folder.name
    check_against_record(folder)  # the last attempt alone holds every step, whatever the killed one had written
    done = subprocess.run(
        [sys.executable, "-m", "wandb", "sync", "--dry-run", *(str(run.folder) for run in (first, second))],
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout + done.stderr
    assert said.index(first.folder.name) < said.index(second.folder.name)


@pytest.mark.long
def test_no_secret_and_no_word_of_wandb(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    done = line.in_new_python(*QUICK)
    assert "wandb" not in done.stderr
    assert "Warning" not in done.stderr
    files = [path for path in line.outputs.rglob("*") if path.is_file()]
    assert any(path.suffix == ".wandb" for path in files)
    for value in SECRETS.values():
        assert [path for path in files if value.encode() in path.read_bytes()] == []
