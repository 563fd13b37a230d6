"""A run's folder, from the command line: complete, continued by the same command, never silently overwritten."""

from pathlib import Path

import pytest
from safetensors.numpy import load_file

from command_line import CommandLine, write_rows
from headtohead.errors import UserError
from headtohead.results import read_predictions

pytestmark = pytest.mark.slow  # whole runs, several of them in processes of their own

QUICK = ["export.form=none", "evaluate.baselines=false", "evaluate.resamples=100"]
COMPLETE = {
    "result.json",
    "predictions.parquet",
    "metrics.jsonl",
    "report.html",
    "trained.safetensors",
    "examples.json",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> CommandLine:
    folder = tmp_path_factory.mktemp("run")
    line = CommandLine(folder / "outputs", cache, write_rows(folder / "rows.jsonl"))
    line.in_new_python("head=generative", "export.form=none")
    return line


def test_folder_is_complete(run: CommandLine):
    assert {path.name for path in run.folder().iterdir()} >= COMPLETE
    record = run.record()
    assert record["status"] == "completed"
    assert record["objective"]["name"] == "validation/macro_f1"
    assert record["test_reads"] == 1
    assert record["cost"]["trainable_parameters"] > 0
    assert record["audit"]["labels"][0]["name"] == "business"
    assert set(record["baselines"]) == {"majority", "tfidf", "tfidf_truncated"}
    assert record["provenance"]["packages"]["torch"]
    assert record["model"]["loss"] == "language_model over the full vocabulary"


def test_numbers_follow_from_the_predictions(run: CommandLine):
    test = read_predictions(run.folder() / "predictions.parquet").of_split("test")
    assert run.record()["metrics"]["test"]["accuracy"]["value"] == (test.predicted == test.gold).mean()


def test_the_same_command_prints_the_record(run: CommandLine):
    before = (run.folder() / "result.json").stat().st_mtime_ns
    done = run("head=generative", "export.form=none")
    assert "finished earlier" in done.stdout
    assert (run.folder() / "result.json").stat().st_mtime_ns == before


def test_changed_data_are_refused(run: CommandLine):
    text = run.rows.read_text()
    try:
        run.rows.write_text(text.replace("goal", "point"))
        done = run("head=generative", "export.form=none", code=1)
        assert "data was" in done.stderr
        assert "fresh=true" in done.stderr
        run.rows.write_text(text.replace(', "label"', ',  "label"'))  # other bytes, the same rows
        assert "finished earlier" in run("head=generative", "export.form=none").stdout
    finally:
        run.rows.write_text(text)


@pytest.mark.parametrize("status", ["completed", "running"])
def test_a_run_without_weights_refuses_changes_too(tmp_path: Path, cache: Path, status: str):
    line = CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl"))
    settings = ["model=tfidf", "evaluate.baselines=false", "evaluate.resamples=100"]
    line.here(*settings)
    record = line.folder() / "result.json"
    record.write_text(record.read_text().replace('"status": "completed"', f'"status": "{status}"'))
    line.rows.write_text(line.rows.read_text().replace('"label": "tech"', '"label": "sport"', 3))
    with pytest.raises(UserError, match="data was"):
        line.here(*settings)
    record.write_text(record.read_text().replace('"code": "', '"code": "0'))
    with pytest.raises(UserError, match="code was"):
        line.here(*settings)


def test_fresh_starts_anew_and_gives_the_same_weights(run: CommandLine):
    before = load_file(run.folder() / "trained.safetensors")
    run("head=generative", "export.form=none", "fresh=true")
    after = load_file(run.folder() / "trained.safetensors")
    assert all((before[name] == after[name]).all() for name in before)
    assert run.record()["attempt"] == 1


def test_evaluate_gives_the_same_numbers(run: CommandLine):
    record = run.record()
    run("task=evaluate", f"run={run.folder()}", train=False)
    again = run.record(run.folder() / "evaluate")
    assert again["metrics"] == record["metrics"]
    assert run.record()["test_reads"] == record["test_reads"] + 1


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_predict_answers_as_measured(run: CommandLine, tmp_path: Path, ending: str):
    import pandas as pd

    output = tmp_path / f"answers.{ending}"
    perform = run.in_new_python if ending == "jsonl" else run
    perform("task=predict", f"run={run.folder()}", f"task.input={run.rows}", f"task.output={output}", train=False)
    read = {"jsonl": lambda path: pd.read_json(path, lines=True), "csv": pd.read_csv, "parquet": pd.read_parquet}[
        ending
    ]
    answers = read(output)
    assert len(answers) == 90
    assert answers.filter(like="probability/").sum(axis=1).to_numpy() == pytest.approx(1.0)
    measured = read_predictions(run.folder() / "predictions.parquet")
    by_id = dict(zip(answers["row_id"], answers["predicted"], strict=True))
    names = [measured.labels.names[i] for i in measured.predicted]
    assert [by_id[row] for row in measured.row_id] == names


def test_overrides_that_contradict_the_run_are_refused(run: CommandLine):
    done = run("task=evaluate", f"run={run.folder()}", "head=classification", train=False, code=1)
    assert "contradicts the run" in done.stderr


def test_two_processes_do_not_share_a_folder(run: CommandLine):
    from filelock import FileLock

    with FileLock(run.folder() / ".lock"):
        done = run("head=generative", "export.form=none", code=1)
    assert "another process" in done.stderr


def test_tfidf_is_a_run_like_any_other(tmp_path: Path, cache: Path, run: CommandLine):
    line = CommandLine(tmp_path / "outputs", cache, run.rows)
    line("model=tfidf")
    record = line.record()
    assert record["metrics"]["test"]["accuracy"]["value"] == 1.0
    assert record["metrics"]["test"]["accuracy"] == record["baselines"]["tfidf"]["test"]["accuracy"]


@pytest.mark.parametrize("launcher", ["basic", pytest.param("local", marks=pytest.mark.long)])
def test_a_sweep_of_hydras_own(tmp_path: Path, cache: Path, run: CommandLine, launcher: str):
    line = CommandLine(tmp_path / "outputs", cache, run.rows)
    line("-m", "hydra/sweeper=basic", f"hydra/launcher={launcher}", "seed=0,1", *QUICK, "evaluate.test=false")
    records = [line.record(path.parent) for path in line.outputs.glob("rows-tiny-*/result.json")]
    assert {record["config"]["seed"] for record in records} == {0, 1}
    assert all(set(record["metrics"]) == {"validation"} for record in records)
    assert all(record["test_reads"] == 0 for record in records)


def test_zero_shot_trains_nothing(tmp_path: Path, cache: Path, run: CommandLine):
    line = CommandLine(tmp_path / "outputs", cache, run.rows)
    line.here("head=generative", "lora=frozen", "train.steps=0", *QUICK)
    record = line.record()
    assert record["cost"]["trainable_parameters"] == 0
    assert record["cost"]["training"]["steps"] == 0
    assert record["metrics"]["test"]["log_loss"]["value"] > 0


def test_a_second_stage_starts_from_the_first(tmp_path: Path, cache: Path, run: CommandLine):
    """No step leaves the first stage's weights as they were; other labels get a fresh head."""
    first = CommandLine(tmp_path / "first", cache, run.rows)
    first.here(*QUICK)
    second = CommandLine(tmp_path / "second", cache, run.rows)
    again = [*QUICK, f"model.adapter={first.folder()}", "train.steps=0"]
    second.here(*again)
    before, after = (load_file(line.folder() / "trained.safetensors") for line in (first, second))
    assert all((before[name] == after[name]).all() for name in before)
    third = CommandLine(tmp_path / "third", cache, run.rows)
    third.here(*again, "data.labels.names=[tech,sport,business]")
    other = load_file(third.folder() / "trained.safetensors")
    same = {name: bool((before[name] == other[name]).all()) for name in before}
    assert not same["head.score.weight"]
    assert all(same[name] for name in same if not name.startswith("head."))
