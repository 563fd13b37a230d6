"""Trials of several seeds: paired, stopped early, never run twice."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from headtohead.errors import UserError
from headtohead.launching import KilledJob
from headtohead.sweeps.space.search_space import parse_space
from headtohead.sweeps.space.seed_lists import refuse_another_seed, refuse_races_without_end
from headtohead.sweeps.study.study_summary import write_summary
from made_up_sweeps import run, settings_of, states, study_in

SEEDS = [0, 1, 2, 3, 4, 5]
OF_A_SEED = {seed: 0.05 * seed for seed in SEEDS}  # more than what tells the configurations apart


def paired(overrides: dict[str, str]) -> dict[str, float]:
    return {"macro_f1": float(overrides["quality"]) + OF_A_SEED[int(overrides["seed"])]}


def test_a_trials_value_is_the_mean_over_its_seeds(tmp_path: Path) -> None:
    study = study_in(tmp_path, "quality=0.1,0.2", seeds=[0, 2])
    jobs = run(study, paired)
    folders = [folder.relative_to(tmp_path).as_posix() for folder in jobs.started]
    assert folders == [f"trial_000{trial}/seed_{seed}" for trial in (0, 1) for seed in (0, 2)]
    assert [trial.value for trial in study.trials()] == pytest.approx([0.15, 0.25])
    assert study.trials()[1].intermediate_values == pytest.approx({0: 0.2, 1: 0.3})
    assert study.job(study.trials()[0]).overrides == ["quality=0.1", "seed=0"]


def test_what_is_clearly_worse_is_not_run_to_its_last_seed(tmp_path: Path) -> None:
    """The seeds' own effects are ten times the difference: only a paired test can tell."""
    study = study_in(tmp_path, "quality=0.50,0.52,0.49", seeds=SEEDS, pruner="wilcoxon")
    jobs = run(study, paired)
    assert states(study) == ["complete", "complete", "pruned"]
    assert len(jobs.started) == 6 + 6 + 4  # the smallest p of four pairs is 1/16
    stopped = write_summary(study)["trials"][2]
    assert stopped["reason"] == "WilcoxonPruner after 4 of 6 runs, mean 0.565"
    assert stopped["runs"] == [f"trial_0002/seed_{seed}" for seed in range(4)]
    assert len(stopped["reports"]) == 4


def test_a_finished_seed_is_never_run_again(tmp_path: Path) -> None:
    left = 5

    def dies(overrides: dict[str, str]) -> dict[str, float]:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return paired(overrides)

    first = study_in(tmp_path, "quality=0.1,0.2,0.3", seeds=[0, 1, 2])
    with pytest.raises(KeyboardInterrupt):
        run(first, dies)
    study = study_in(tmp_path, "quality=0.1,0.2,0.3", seeds=[0, 1, 2])
    jobs = run(study, paired)
    assert [folder.relative_to(tmp_path).as_posix() for folder in jobs.started] == [
        "trial_0001/seed_2",
        *[f"trial_0002/seed_{seed}" for seed in range(3)],
    ]
    assert [trial.value for trial in study.trials()] == pytest.approx([0.15, 0.25, 0.35])


def test_a_killed_seed_is_tried_again_and_a_failing_one_fails_the_trial(tmp_path: Path) -> None:
    killed: list[str] = []

    def score(overrides: dict[str, str]) -> dict[str, float]:
        if overrides["quality"] == "0.1" and overrides["seed"] == "1" and not killed:
            killed.append("")
            raise KilledJob("killed by SIGKILL")
        if overrides["quality"] == "0.2" and overrides["seed"] == "1":
            raise ValueError("no")
        return paired(overrides)

    study = study_in(tmp_path, "quality=0.1,0.2", seeds=[0, 1, 2])
    jobs = run(study, score)
    assert states(study) == ["complete", "fail"]
    assert study.trials()[1].user_attrs["reason"] == "seed 1: ValueError: no"
    assert [folder.name for folder in jobs.started] == ["seed_0", "seed_1", "seed_1", "seed_2", "seed_0", "seed_1"]


def test_seeds_of_several_objectives_are_averaged_each(tmp_path: Path) -> None:
    def score(overrides: dict[str, str]) -> dict[str, float]:
        return {**paired(overrides), "cost.padded_tokens": 10.0 + int(overrides["seed"])}

    objective = ["cost.padded_tokens", "metrics.validation.macro_f1"]
    study = study_in(tmp_path, "quality=0.1,0.2", seeds=[0, 1], objective=objective)
    run(study, score)
    assert study.trials()[0].values == pytest.approx([10.5, fmean([0.1, 0.15])])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seeds": "many"}, "must be a list of whole numbers"),
        ({"seeds": [1, 1]}, "names a seed twice"),
        ({"seeds": [0, 1000]}, "kept fresh to confirm"),
        (
            {"seeds": SEEDS, "pruner": "median"},
            "MedianPruner.* seed by seed, or fold by fold: use hydra/sweeper/pruner=wilcoxon",
        ),
        ({"seeds": [0, 1, 2], "pruner": "wilcoxon"}, r"after 2 the smallest p is 0.25, with p_threshold=0.1"),
    ],
)
def test_races_that_mean_nothing(given: dict[str, Any], said: str) -> None:
    def planned() -> None:
        settings = settings_of(**given)
        refuse_races_without_end(len(settings.seeds), settings.pruner)

    with pytest.raises(UserError, match=said):
        planned()


@pytest.mark.parametrize("lines", [["seed=1,2"], ["seed=3"], ["++seed=3"]])
def test_another_seed_is_refused(lines: list[str]) -> None:
    with pytest.raises(UserError, match="leave seed out"):
        refuse_another_seed(parse_space({}, ["lora.rank=2,4", *lines]))
