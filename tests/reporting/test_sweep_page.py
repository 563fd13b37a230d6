"""The page of a sweep: whole, safe and silent, whatever became of its trials."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headtohead.errors import UserError
from headtohead.reporting.sweeps import write_sweep_report
from headtohead.reporting.sweeps.disagreements import disagreements
from headtohead.reporting.sweeps.parallel import parallel_coordinates
from headtohead.reporting.sweeps.sweep_folder import Study, read_sweep
from headtohead.statistics import tuning_of
from made_up_arms import noisy_runs
from reporting.made_up_runs import NAMES, made_up_predictions
from reporting.made_up_sweeps import MIXED, made_up_study, record_of, sweep_with_arms, write_study
from reporting.page_reader import EVIL, Page, refuse_requests

pytestmark = pytest.mark.slow  # whole pages
MEGABYTE = 1_000_000


def page_of(folder: Path) -> Page:
    return Page(write_sweep_report(folder).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweep_with_arms(tmp_path_factory.mktemp("sweeps") / "two", margin={"macro_f1": 0.05})


@pytest.fixture(scope="module")
def page(two: Path) -> Page:
    return page_of(two)


@pytest.fixture
def copied(two: Path, tmp_path: Path) -> Path:
    return shutil.copytree(two, tmp_path / "copied")


def test_a_sweep_with_arms_has_every_section(page: Page) -> None:
    for words in (
        "head or generative?",
        "on BBC News, 16 trials per tuning, 3 runs per arm scored on 200 test rows",
        "head's best of 16 trials is better than generative's best of 16 trials",
        "head's best of 16 trials is better than generative's best of 16 trials, by .",
        "Optimised: Macro-F1 on validation rows (higher is better)",
        "TPESampler",
        "tag(log, interval(0.0001, 0.004))",
        "head=generative",
        "the band is the margin",
        "p (Holm)",
        "Macro-F1 of every run",
        "the cheapest arm, and each that is better than every cheaper one",
        "smallest label",
        "The cheapest arm shown not to be worse than the best by more than .050",
        "head by any cost",
        "What a budget buys",
        "16 of 16",
        "The winner's luck",
        "3 seeds",
        "judged",
        "Learning curves",
        "Share of what moved the objective (fANOVA)",
        "Parameters together",
        "13 completed, 2 pruned, 1 failed",
        "MedianPruner at step 40, 0.71",
        "loss became nan at step 9",
        "when stopped",
        "attempt 2",
        "Only head is right:",
        "The committee said on Tuesday",
        "run.py experiment=head_vs_generative",
        "python run.py data=reuters_r8",
    ):
        assert words in page.text, words


def test_it_fetches_nothing_and_has_a_sensible_size(page: Page, two: Path) -> None:
    refuse_requests(page, links=True)
    links = {value for _, name, value in page.attributes if name == "href" and not value.startswith("#")}
    assert links == {"head/trial_0000/report.html", "generative/trial_0000/report.html"}
    size = (two / "report.html").stat().st_size
    scripts = sum(len(script.encode()) for script in page.scripts)
    assert size - scripts < MEGABYTE / 2


def test_figures_are_valid_for_plotly_and_their_colours_exist(page: Page) -> None:
    import plotly.graph_objects as go

    import headtohead.reporting as reporting

    style = (Path(reporting.__file__ or "").parent / "report.css").read_text()
    defined = set(re.findall(r"(--[a-z-]+):", style))
    kinds = set()
    for figure in page.figures:
        text = json.dumps(figure)
        assert set(re.findall(r"var\((--[a-z-]+)\)", text)) <= defined
        shown = go.Figure(json.loads(re.sub(r"var\(--[a-z-]+\)", "#123456", text)))
        kinds |= {trace.type for trace in shown.data}
    assert kinds <= {"scatter", "bar"}  # others compile code, which the page's policy forbids
    assert len(page.figures) >= 15


def test_the_forest_shows_the_verdict(page: Page, two: Path) -> None:
    verdict = json.loads((two / "verdict.json").read_text())
    pair = verdict["pairs"][0]
    forest = next(figure for figure in page.figures if "error_x" in figure["data"][0])
    assert forest["data"][0]["x"] == [pair["difference"]]
    assert forest["data"][0]["error_x"]["array"][0] == pytest.approx(pair["high"] - pair["difference"])
    band = next(shape for shape in forest["layout"]["shapes"] if shape["type"] == "rect")
    assert (band["x0"], band["x1"]) == (-0.05, 0.05)


def test_only_the_metric_that_decides_has_filled_marks(page: Page) -> None:
    forests = [figure for figure in page.figures if "error_x" in figure["data"][0] and "shapes" in figure["layout"]]
    filled = [figure["data"][0]["marker"]["color"] != ["var(--card)"] for figure in forests]
    assert filled == [True, False, False, False, False]


def test_a_verdict_of_the_first_schema_is_still_shown(two: Path, tmp_path: Path) -> None:
    """It had no level, no second interval, and ``equivalent: false``."""
    folder = tmp_path / "old"
    shutil.copytree(two, folder)
    stored = json.loads((folder / "verdict.json").read_text())
    for gone in ("level", "smallest_label"):
        del stored[gone]
    for pair in [*stored["pairs"], *(pair for pairs in stored["secondary"].values() for pair in pairs)]:
        for gone in ("undirected", "equivalence_low", "equivalence_high", "sought"):
            del pair[gone]
        pair["equivalent"] = False if pair["equivalent"] else None
        pair["direction"] = pair["first"]
    (folder / "verdict.json").write_text(json.dumps(stored | {"schema_version": 1}))
    shown = page_of(folder)
    assert ".050: not shown" in shown.text
    assert "head's best of 16 trials is better than generative's best of 16 trials" in shown.text
    assert "simultaneous" not in shown.text


def test_to_the_right_is_better_also_where_lower_is_better(page: Page) -> None:
    forests = [figure for figure in page.figures if "error_x" in figure["data"][0] and "shapes" in figure["layout"]]
    ranges = [figure["layout"]["xaxis"]["range"] for figure in forests]
    turned = [left > right for left, right in ranges]
    assert turned == [False, False, False, True, True]  # macro-F1, accuracy, kappa, log-loss, Brier
    assert all(min(ends) < 0 < max(ends) for ends in ranges)


@pytest.mark.parametrize("kind", ["multi", "ordinal", "real"])
def test_every_kind_of_label(kind: Any, tmp_path: Path) -> None:
    found = page_of(sweep_with_arms(tmp_path / "sweep", kind=kind, rows=60, runs=2, states=["complete"] * 3))
    nearer = "clearly nearer to the gold one" in found.text
    assert nearer == (kind in ("ordinal", "real"))
    assert ("head is nearer:" if nearer else "Only head is right:") in found.text
    assert "None: 1 trials have completed" in found.text


def test_a_sweep_without_arms(tmp_path: Path) -> None:
    found = page_of(write_study(tmp_path / "sweep", made_up_study("sweep", MIXED * 2)))
    refuse_requests(found, links=True)
    assert "26 completed, 4 pruned, 2 failed" in found.text
    assert "12 more" in found.text
    assert "Differences" not in found.text
    assert "Parameters together" in found.text


def test_seeds_and_constraints_are_told(tmp_path: Path) -> None:
    study = made_up_study("sweep", ["complete"] * 3, seeds=[0, 1], constraints={"cost": "cost.seconds.train <= 9"})
    best, *_ = study["best"]
    study["trials"][best - 1]["feasible"] = False
    found = page_of(write_study(tmp_path / "sweep", study))
    assert "Every trial ran on the seeds 0, 1. Within: cost.seconds.train <= 9." in found.text
    assert "infeasible" in found.text


@pytest.mark.parametrize("states", [["complete"], ["fail", "fail"], ["running"], ["pruned", "pruned"], []])
def test_few_or_no_results(states: list[str], tmp_path: Path) -> None:
    found = page_of(write_study(tmp_path / "sweep", made_up_study("sweep", states)))
    assert "Setting" in found.text
    assert "Parameters together" not in found.text
    assert ("loss became nan at step 9" in found.text) == ("fail" in states)


def test_sections_may_be_missing_one_at_a_time(copied: Path, two: Path) -> None:
    whole = json.loads((copied / "verdict.json").read_text())
    (copied / "verdict.json").write_text(json.dumps(whole).replace(json.dumps(str(two))[1:-1], "/nowhere"))
    assert "Disagreements" in page_of(copied).text  # a sweep may have been moved
    shutil.rmtree(copied / "head" / whole["runs"]["head"][0]["folder"].rpartition("/")[2])
    for path in copied.glob("*/confirm_*/predictions.parquet"):
        path.unlink()
    assert "Disagreements" not in page_of(copied).text
    for key in ("secondary", "pareto", "cheapest", "runs", "tuning", "looks_taken", "split"):
        left = {name: part for name, part in whole.items() if name not in (key, "runs")}
        (copied / "verdict.json").write_text(json.dumps(left))
        assert "Macro-F1 of every run" in page_of(copied).text
    study = json.loads((copied / "head" / "study.json").read_text())
    optional = ("command", "sampler", "pruner", "objective", "space", "fixed", "n_trials", "counts", "best")
    for key in (*optional, "best_command", "confirmed", "importances"):
        (copied / "head" / "study.json").write_text(
            json.dumps({name: part for name, part in study.items() if name != key})
        )
        assert "generative" in page_of(copied).text
    (copied / "verdict.json").unlink()
    assert "no verdict yet" in page_of(copied).text


def test_damaged_files_are_named_and_survived(copied: Path) -> None:
    (copied / "verdict.json").write_text("{")
    (copied / "head" / "study.json").write_text('{"study": "head"}')
    found = page_of(copied)
    assert "verdict.json: Expecting property name" in found.text
    assert "head/study.json cannot be understood" in found.text
    (copied / "generative" / "study.json").unlink()
    (copied / "head" / "study.json").unlink()
    with pytest.raises(UserError, match=r"neither study\.json nor verdict\.json"):
        write_sweep_report(copied)


def test_text_is_shown_and_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NAMES, "single", [EVIL, *NAMES["single"][1:]])
    record_of.cache_clear()
    folder = sweep_with_arms(tmp_path / "sweep", {EVIL.replace("/", "|"): 0.5, "other": 3.0}, rows=60, runs=2)
    record_of.cache_clear()
    study = made_up_study(EVIL, MIXED)
    for trial in study["trials"]:
        trial["params"] = {EVIL: EVIL, "number": trial["number"]}
        trial["reason"], trial["state"] = EVIL, trial["state"]
    study |= {"space": {EVIL: EVIL}, "fixed": [EVIL], "command": EVIL, "best_command": EVIL, "sampler": EVIL}
    study["importances"] = {"method": EVIL, "values": {EVIL: 1.0}, "reason": None}
    (folder / "other" / "study.json").write_text(json.dumps(study | {"objective": [EVIL]}))
    for texts in folder.glob("*/confirm_*/examples.json"):
        rows = json.loads(texts.read_text())["rows"]
        texts.write_text(json.dumps({"rows": dict.fromkeys(rows, EVIL)}))
    path = write_sweep_report(folder)
    raw = path.read_text(encoding="utf-8")
    found = Page(raw)
    refuse_requests(found, links=True)
    assert "img" not in found.tags
    assert "b" not in found.tags
    assert raw.count("alert('x')") == 0
    assert found.text.count(re.sub(r"\s+", " ", EVIL)) > 20
    figures = json.dumps(found.figures)
    assert "&lt;/script" in figures or "&lt;/scr" in figures
    assert "<script" not in figures
    assert "<img" not in figures


def test_a_comparison_of_confirming_runs_finds_their_studies(two: Path, tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_bytes((two / "verdict.json").read_bytes())
    found = page_of(tmp_path)
    assert "What a budget buys" in found.text
    assert not [value for _, name, value in found.attributes if name == "href" and not value.startswith("#")]


def test_disagreements_are_counted_over_all_rows() -> None:
    base = made_up_predictions("single", "test", 200, seed=7)
    runs = {"a": noisy_runs(base, 3, noise=0.3), "b": noisy_runs(base, 3, noise=3.0, seed=1)}
    (pair,) = disagreements(runs, {})
    right = {arm: np.mean([run.predicted == run.gold for run in listed], axis=0) > 0.5 for arm, listed in runs.items()}
    counted = [int(side["total"]) for side in pair["sides"]]
    assert counted == [int((right["a"] & ~right["b"]).sum()), int((right["b"] & ~right["a"]).sum())]
    assert sum(counted) + int(pair["both"]) + int(pair["neither"]) == 200
    row = pair["sides"][0]["rows"][0]
    assert row["excerpt"] is None
    assert row["gold"] == row["right"].partition(" (")[0] != row["wrong"].partition(" (")[0]
    assert disagreements({"a": runs["a"]}, {}) == []


def test_parallel_coordinates_put_the_ends_of_the_space_at_the_ends_of_the_axis() -> None:
    stored = made_up_study("study", ["complete"] * 12)
    study = Study(name="", arm="", folder=Path(), stored=stored, tuning=tuning_of(stored), example=None)
    figure = parallel_coordinates(study, "var(--run)")
    assert figure is not None
    rates = [trial["params"]["train.learning_rate"] for trial in stored["trials"]]
    heights = {line["hovertemplate"].split(":")[0]: line["y"] for line in figure["data"]}
    assert heights[f"trial {int(np.argmin(rates))}"][0] == 0.0
    assert heights[f"trial {int(np.argmax(rates))}"][0] == 1.0
    best = max(stored["trials"], key=lambda trial: trial["values"][0])["number"]
    assert heights[f"trial {best}"][-1] == 1.0


def test_the_order_of_arms_is_the_verdicts(two: Path) -> None:
    assert [study.name for study in read_sweep(two).studies] == ["head", "generative"]


def test_the_page_needs_no_torch(two: Path) -> None:
    import subprocess

    code = (
        "import sys, pathlib; from headtohead.reporting.sweeps import write_sweep_report; "
        "write_sweep_report(pathlib.Path(sys.argv[1])); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'hydra', 'wandb', 'optuna')))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(two)], check=False).returncode == 0
