"""A sweep's folder in place of a run's: which model it means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headtohead.errors import UserError
from headtohead.results import RunRecord, winner_of, write_record


def run_in(folder: Path, value: float, direction: str = "maximize") -> Path:
    """Write the record of a run with a validation objective."""
    objective = {"name": "validation/made_up", "value": value, "direction": direction}
    write_record(
        folder / "result.json",
        RunRecord(name="made-up", fingerprint="0", status="completed", config={}, objective=objective),
    )
    return folder


def study_in(folder: Path, best: list[int], runs: dict[int, list[str]]) -> None:
    """Write the summary of a study."""
    folder.mkdir(parents=True, exist_ok=True)
    trials = [{"number": number, "folder": f"trial_{number:04d}", "runs": own} for number, own in runs.items()]
    (folder / "study.json").write_text(json.dumps({"best": best, "trials": trials}))


def verdict_in(folder: Path, runs: dict[str, list[Path]], directions: dict[tuple[str, str], str | None]) -> None:
    """Write a verdict."""
    pairs = [{"first": a, "second": b, "direction": better} for (a, b), better in directions.items()]
    stored: dict[str, Any] = {arm: [{"folder": str(run)} for run in own] for arm, own in runs.items()}
    (folder / "verdict.json").write_text(json.dumps({"pairs": pairs, "runs": stored}))


def test_a_run_is_itself_and_what_is_neither_is_left_to_whoever_reads_it(tmp_path: Path) -> None:
    assert winner_of(run_in(tmp_path / "a", 0.5)) == tmp_path / "a"
    assert winner_of(tmp_path / "nowhere") == tmp_path / "nowhere"


def test_a_study_is_its_best_trial(tmp_path: Path) -> None:
    study_in(tmp_path, [1], {0: ["trial_0000"], 1: ["trial_0001"]})
    run_in(tmp_path / "trial_0001", 0.5)
    assert winner_of(tmp_path) == tmp_path / "trial_0001"


@pytest.mark.parametrize(("direction", "seed"), [("maximize", 3), ("minimize", 7)])
def test_of_a_trial_with_seeds_it_is_the_best_by_validation(tmp_path: Path, direction: str, seed: int) -> None:
    study_in(tmp_path, [0], {0: ["trial_0000/seed_3", "trial_0000/seed_7"]})
    for number, value in ((3, 0.9), (7, 0.1)):
        run_in(tmp_path / "trial_0000" / f"seed_{number}", value, direction)
    assert winner_of(tmp_path) == tmp_path / "trial_0000" / f"seed_{seed}"


def arms_in(folder: Path) -> dict[str, list[Path]]:
    """Return the runs of two arms: b is better by validation."""
    values = {"a": (0.6, 0.7), "b": (0.8, 0.75)}
    return {
        arm: [run_in(folder / arm / f"run_{i}", value) for i, value in enumerate(own)] for arm, own in values.items()
    }


@pytest.mark.parametrize(("better", "winner"), [(None, "b/run_0"), ("a", "a/run_1"), ("b", "b/run_0")])
def test_of_arms_none_that_is_beaten_wins_and_validation_decides_the_rest(
    tmp_path: Path, better: str | None, winner: str
) -> None:
    verdict_in(tmp_path, arms_in(tmp_path), {("a", "b"): better})
    assert winner_of(tmp_path) == tmp_path / winner


def test_a_sweep_that_was_moved_has_its_winner_with_it(tmp_path: Path) -> None:
    (tmp_path / "then").mkdir()
    verdict_in(tmp_path / "then", arms_in(tmp_path / "then"), {("a", "b"): None})
    (tmp_path / "then").rename(tmp_path / "now")
    assert winner_of(tmp_path / "now") == tmp_path / "now" / "b" / "run_0"


def test_a_circle_of_beaten_arms_is_settled_by_validation(tmp_path: Path) -> None:
    runs = {arm: [run_in(tmp_path / arm, value)] for arm, value in (("a", 0.1), ("b", 0.3), ("c", 0.2))}
    verdict_in(tmp_path, runs, {("a", "b"): "a", ("b", "c"): "b", ("a", "c"): "c"})
    assert winner_of(tmp_path) == tmp_path / "b"


def test_no_winner_yet_and_several_are_refused_with_what_to_type(tmp_path: Path) -> None:
    study_in(tmp_path / "none", [], {0: ["trial_0000"]})
    with pytest.raises(UserError, match="no trial has completed"):
        winner_of(tmp_path / "none")
    study_in(tmp_path / "front", [0, 2], {number: [f"trial_{number:04d}"] for number in range(3)})
    with pytest.raises(UserError, match=r"take one of run=\S*/trial_0000, run=\S*/trial_0002"):
        winner_of(tmp_path / "front")
    study_in(tmp_path / "arms" / "head", [0], {0: ["trial_0000"]})
    with pytest.raises(UserError, match=r"not judged yet: .* run=\S*/arms/head"):
        winner_of(tmp_path / "arms")
