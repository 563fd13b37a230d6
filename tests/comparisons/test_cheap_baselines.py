"""TF-IDF and the majority class of a comparison's own training rows: stored, or scored again from the runs' data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.finished_runs import configured, news_rows, write_rows
from headtohead.comparisons import cheap_baselines as module
from headtohead.comparisons.cheap_baselines import cheap_baselines
from headtohead.comparisons.finished_run import FinishedRun, load_run
from headtohead.config import CompareConfig
from headtohead.evaluation import point_metrics
from headtohead.results import join, read_predictions, write_predictions
from headtohead.runs.lifecycle import train
from headtohead.statistics import Arm
from headtohead.tasks.compare import compare_runs

pytestmark = pytest.mark.slow  # whole runs
QUICK = ["model=tfidf", "track=off", "data=files", "evaluate.resamples=100", "export.form=none"]


def trained(folder: Path, cache: Path, *overrides: str, baselines: bool = False) -> FinishedRun:
    asked = [*QUICK, f"evaluate.baselines={str(baselines).lower()}", f"paths.cache={cache}", *overrides]
    train(configured(*asked), folder, folder.name)
    return load_run(folder, "test")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rows = news_rows(160)
    for row in rows[:140]:  # words that every label shares make it hard enough not to be perfect
        row["text"] = " ".join(row["text"].split()[:6])
    write_rows(folder / "train.jsonl", rows[:100])
    write_rows(folder / "test.jsonl", rows[100:])
    return folder


@pytest.fixture(scope="module")
def of_data(data: Path) -> list[str]:
    return [f"data.source.name={data}", "+data.files={train: train.jsonl, test: test.jsonl}"]


def test_scored_again_from_the_data_they_are_what_a_run_would_have_stored(
    tmp_path: Path, cache: Path, of_data: list[str]
) -> None:
    without = trained(tmp_path / "without", cache, *of_data)
    stored = trained(tmp_path / "stored", cache, *of_data, baselines=True)
    again, kept = (cheap_baselines({"a": [run]}, "test") for run in (without, stored))
    assert not again.missing
    assert set(again.values["a"]) == {"tfidf", "majority"}
    for name, values in again.values["a"].items():
        assert values == pytest.approx({key: kept.values["a"][name][key] for key in values})
    own = point_metrics(without.predictions)
    assert again.values["a"]["tfidf"] == pytest.approx(own), "the run is TF-IDF itself"
    assert again.is_arm == {"a"}
    counts = np.unique(without.predictions.gold, return_counts=True)[1]
    assert again.values["a"]["majority"]["accuracy"] in counts / len(without.predictions)


def test_several_training_samples_have_baselines_of_each_and_each_is_fitted_once(
    tmp_path: Path, cache: Path, of_data: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [
        trained(
            tmp_path / f"{sample}-{seed}",
            cache,
            *of_data,
            "data.subset.train=40",
            f"data.seed={sample}",
            f"seed={seed}",
        )
        for sample in (0, 1)
        for seed in (0, 1)
    ]
    assert len({run.record.data["fingerprint"] for run in runs}) == 2
    fitted: list[Any] = []
    real = module.tfidf_predictions
    monkeypatch.setattr(module, "tfidf_predictions", lambda *given, **named: fitted.append(1) or real(*given, **named))
    found = cheap_baselines({"a": runs[:3], "b": runs[3:]}, "test")
    assert len(fitted) == 2
    samples = [point_metrics(run.predictions)["accuracy"] for run in (runs[0], runs[2])]
    assert found.values["a"]["tfidf"]["accuracy"] == pytest.approx((2 * samples[0] + samples[1]) / 3)
    assert found.values["b"]["tfidf"]["accuracy"] == pytest.approx(samples[1])


def test_answers_of_folds_are_joined_as_the_arms_own_are(tmp_path: Path, cache: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", [row | {"text": row["text"][:25]} for row in news_rows(60)])
    folds = [f"data.source.name={source}", "data.split.folds=3"]
    runs = [trained(tmp_path / f"fold{fold}", cache, *folds, f"data.split.fold={fold}") for fold in range(3)]

    def as_arm(name: str, runs: Sequence[FinishedRun]) -> Arm:
        return Arm(name=name, configurations=[[join([run.predictions for run in runs])]])

    found = cheap_baselines({"a": runs}, "test", as_arm)
    own = point_metrics(as_arm("a", runs).runs[0])
    assert found.values["a"]["tfidf"] == pytest.approx(own), "the runs are TF-IDF themselves"
    mean = np.mean([point_metrics(run.predictions)["macro_f1"] for run in runs])
    assert found.values["a"]["tfidf"]["macro_f1"] != pytest.approx(mean)
    assert found.values["a"]["majority"]["accuracy"] == pytest.approx(
        np.mean(
            [
                values["accuracy"]
                for values in (cheap_baselines({"a": [run]}, "test").values["a"]["majority"] for run in runs)
            ]
        )
    )


def changed_data(run: FinishedRun, tmp_path: Path) -> FinishedRun:
    """Return a run whose file holds other rows by now."""
    path = Path(run.record.config["data"]["source"]["name"])
    write_rows(path, news_rows(80, seed=9))
    return run


def without_file(run: FinishedRun, tmp_path: Path) -> FinishedRun:
    """Return a run whose file is gone."""
    Path(run.record.config["data"]["source"]["name"]).unlink()
    return run


def of_an_old_record(run: FinishedRun, tmp_path: Path) -> FinishedRun:
    """Return a run whose record knows a setting that is gone."""
    return replace(run, record=replace(run.record, config={"data": run.record.config["data"] | {"gone": 1}}))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (changed_data, "its data hold other rows by now"),
        (without_file, "rows.jsonl"),
        (of_an_old_record, "data.gone is not a setting"),
    ],
)
def test_what_cannot_be_had_is_said_with_the_reason(tmp_path: Path, cache: Path, spoil: Any, why: str) -> None:
    source = write_rows(tmp_path / "rows.jsonl", news_rows(80))
    run = spoil(trained(tmp_path / "run", cache, f"data.source.name={source}"), tmp_path)
    found = cheap_baselines({"a": [run]}, "test")
    assert found.values == {"a": {}}
    (missing,) = found.missing
    assert why in missing
    assert "\n" not in missing


def test_stored_baselines_of_another_reckoning_are_not_mixed_with_todays(
    tmp_path: Path, cache: Path, of_data: list[str]
) -> None:
    run = trained(tmp_path / "run", cache, *of_data, baselines=True)
    right = cheap_baselines({"a": [run]}, "test").values["a"]["tfidf"]["macro_f1"]
    for stored in (run.record.metrics, run.record.baselines["tfidf"]):
        stored["test"]["macro_f1"]["value"] = 0.987
    assert cheap_baselines({"a": [run]}, "test").values["a"]["tfidf"]["macro_f1"] == pytest.approx(right)


@pytest.mark.parametrize("kind", ["multi", "real", "ordinal"])
def test_every_kind_of_label(kind: str, tmp_path: Path, cache: Path) -> None:
    rows = news_rows(90)
    for row in rows:
        row["label"] = {
            "multi": [row["label"], *(["long"] if len(row["text"]) > 60 else [])],
            "real": len(row["text"]) / 100,
            "ordinal": min(3, 1 + len(row["text"]) // 50),
        }[kind]
    source = write_rows(tmp_path / "rows.jsonl", rows)
    loss = ["head=regression", "loss=mse"] if kind == "real" else []
    run = trained(tmp_path / "run", cache, f"data.source.name={source}", f"data.labels.kind={kind}", *loss)
    found = cheap_baselines({"a": [run]}, "test")
    assert not found.missing
    metric = "macro_f1" if kind == "multi" else "mae"
    assert found.values["a"]["tfidf"][metric] == pytest.approx(point_metrics(run.predictions)[metric])
    assert metric in found.values["a"]["majority"]


def test_a_comparison_says_first_that_tfidf_does_as_well(
    tmp_path: Path, cache: Path, of_data: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Two arms that answer at random beside a baseline that reads: the page is not green."""
    arms: dict[str, list[str]] = {}
    for arm, certainty in (("a", 0.55), ("b", 0.0)):
        for seed in range(3):
            run = trained(tmp_path / f"{arm}{seed}", cache, *of_data, f"seed={seed}", baselines=True)
            arms.setdefault(arm, []).append(str(worse(run, certainty, seed)))
    folder = tmp_path / "verdict"
    verdict = compare_runs(CompareConfig(arms=arms, metric="accuracy"), folder)
    assert verdict.pairs[0].direction == "a"
    (lead,) = json.loads((folder / "verdict.json").read_text())["leads"]
    assert lead.startswith("TF-IDF, which costs seconds, does at least as well as every arm on these rows: accuracy ")
    said = " ".join(capsys.readouterr().out.split())
    assert said.index("TF-IDF, which costs seconds") < said.index("mean over runs")
    page = (folder / "report.html").read_text()
    assert page.index('<div class="verdict bad"><strong>TF-IDF, which costs seconds') < page.index("a is better than b")
    assert 'class="verdict good"' not in page
    assert "TF-IDF " in verdict.sentences[0].partition(". ")[0]
    assert any("3 of 3 seeds of b ended no better than a constant answer" in each for each in verdict.sentences)
    assert any(each.startswith("None of 3 seeds of a failed") for each in verdict.sentences)
    failures = json.loads((folder / "verdict.json").read_text())["failures"]
    assert [len(failures[arm]["failed"]) for arm in "ab"] == [0, 3]
    assert failures["a"]["unseen"] == pytest.approx(1 - 0.05 ** (1 / 3))


def worse(run: FinishedRun, certainty: float, seed: int) -> Path:
    """Let a finished run answer wrongly but for a share of its rows."""
    path = run.folder / "predictions.parquet"
    rows, draw = read_predictions(path), np.random.default_rng(seed)
    answer = np.where(draw.random(len(rows)) < certainty, rows.gold, (rows.gold + 1) % len(rows.labels))
    scores = np.log(np.where(np.eye(len(rows.labels))[answer] == 1, 0.9, 0.05))
    write_predictions(path, replace(rows, scores=scores))
    return run.folder
