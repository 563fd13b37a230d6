"""Seeds and folds are repeated over, never searched: whatever way they are written, a trial runs all of them."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from omegaconf import OmegaConf

from headtohead.errors import UserError
from headtohead.sweeps.arms.fold_budget import cost_of_folds, runs_by_folds
from headtohead.sweeps.controller import Controller
from headtohead.sweeps.space.repetition_plan import Plan
from headtohead.sweeps.space.repetitions import on_all_rows, with_plan
from headtohead.sweeps.space.search_space import Space, parse_space
from headtohead.sweeps.study.study import Job
from headtohead.sweeps.study.study_summary import command_of, write_summary
from made_up_sweeps import overrides_of, run, settings_of, study_in, write_result

CONFIG = OmegaConf.create({"seed": 0, "data": {"split": {"folds": 0, "repeat": 0, "repeats": 1}}})


def planned(*lines: str, seeds: list[int] | None = None, drawn: bool = False) -> Space:
    return with_plan(parse_space({}, lines), seeds or [], CONFIG, drawn=drawn)


def folders(space: Space) -> list[str]:
    return [place.folder for place in space.plan.places]


@pytest.mark.parametrize(
    ("lines", "places"),
    [
        (["seed=0,1"], ["seed_0", "seed_1"]),
        (["data.seed=3,4"], ["data_seed_3", "data_seed_4"]),
        (["seed=range(2)", "data.seed=5,6"], [f"data_seed_{d}_seed_{s}" for d in (5, 6) for s in (0, 1)]),
        (["data.split.folds=2"], ["repeat_0_fold_0", "repeat_0_fold_1"]),
        (["data.split.folds=2", "data.split.repeat=4"], ["repeat_4_fold_0", "repeat_4_fold_1"]),
        (["data.split.folds=2", "data.split.fold=1,0"], ["repeat_0_fold_1", "repeat_0_fold_0"]),
        (["data.split.folds=5", "data.split.fold=2"], []),
        (["lora.rank=4,8"], []),
    ],
)  # fmt: skip
def test_what_a_trial_is_repeated_over(lines: list[str], places: list[str]) -> None:
    space = planned("lora.r=1,2", *lines)
    assert folders(space) == places
    assert not {"seed", "data.seed", "data.split.fold", "data.split.repeat"} & set(space.dimensions)
    assert len(space.grid()) == 2 * (2 if "lora.rank" in space.dimensions else 1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("seed=0,a", "whole numbers"),
        ("seed=0,null", "whole numbers"),
        ("seed=1.5,1.7", "whole numbers"),
        ("data.seed=0,true", "whole numbers"),
        ("data.split.folds=3,4", "how rows are folded is no setting to search"),
        ("data.split.repeats=1,3", "how rows are folded is no setting to search"),
    ],
)
def test_repetitions_that_are_none_are_refused(line: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        planned(line)


def test_repetitions_mean_what_listing_folds_meant() -> None:
    short = planned("data.split.folds=5", "data.split.repeats=3")
    long = planned("data.split.folds=5", "data.split.fold=range(5)", "data.split.repeat=range(3)")
    assert folders(short) == folders(long)
    assert len(folders(short)) == 15
    assert [place.overrides for place in short.plan.places] == [place.overrides for place in long.plan.places]


def test_every_fold_has_a_seed_of_its_own_unless_seeds_are_listed() -> None:
    own = planned("data.split.folds=3", "seed=7").plan.places
    assert [place.values["seed"] for place in own] == [7, 8, 9]
    listed = planned("data.split.folds=3", seeds=[1, 2]).plan.places
    assert [place.values["seed"] for place in listed] == [1, 2] * 3


def test_within_a_fold_seeds_alone_are_repeated() -> None:
    plan = planned("data.split.folds=2", "data.split.repeats=2", seeds=[1, 2]).plan
    assert [place.folder for place in plan.each_fold] == [f"repeat_{r}_fold_{f}" for r in (0, 1) for f in (0, 1)]
    assert [place.folder for place in plan.within_folds.places] == ["seed_1", "seed_2"]
    assert plan.within_folds.measures_parts
    assert not Plan(repeated={"seed": [1, 2]}).measures_parts


@pytest.mark.parametrize(
    ("lines", "drawn", "said"),
    [
        (["seed=range(1000)"], True, r"no setting to search.*hydra.sweeper.seeds=\[0,1,2\]"),
        (["seed=interval(0,9)"], True, "no setting to search"),
        (["data.seed=interval(0,9)"], False, "A list such as 0,1,2"),
        (["data.split.fold=0,1"], False, "set data.split.folds=5"),
        (["data.split.repeat=0,1"], False, "set data.split.folds=5"),
    ],
)
def test_what_cannot_be_repeated_is_refused(lines: list[str], drawn: bool, said: str) -> None:
    with pytest.raises(UserError, match=said):
        planned(*lines, drawn=drawn)


def test_a_listed_seed_is_repeated_beside_a_sampler_too() -> None:
    assert folders(planned("seed=0,1", "lr=interval(0.1,0.2)", drawn=True)) == ["seed_0", "seed_1"]


def test_the_line_for_all_rows_has_no_fold() -> None:
    lines = ["model=tfidf", "data.split.folds=5", "data.split.repeats=3", "lora.rank=4", "data.split.test=0.3"]
    assert list(on_all_rows(lines)) == ["model=tfidf", "lora.rank=4", "data.split.test=0"]
    assert "data.split.folds=0" in list(on_all_rows(["experiment=mine"]))  # which may set them in its file


def test_no_fold_is_best_and_a_configurations_value_is_the_mean_over_them(tmp_path: Path) -> None:
    study = study_in(tmp_path, "quality=0.1,0.2", "data.split.folds=3", "data.split.repeats=2")

    def score(given: dict[str, str]) -> dict[str, float]:
        return {"macro_f1": float(given["quality"]) + int(given["data.split.fold"])}

    jobs = run(study, score)
    assert len(jobs.started) == 12
    assert [trial.value for trial in study.trials()] == pytest.approx([1.1, 1.2])
    written = write_summary(study)
    assert written["best"] == [1]
    assert written["trials"][1]["params"] == {"quality": 0.2}
    assert not any(word in written["best_command"] for word in ("fold", "seed", "repeat"))
    assert command_of(study.ranked()[0], study).endswith("quality=0.2 data.split.test=0")


class SideBySide:
    """Jobs that end only when as many run at once as there are slots."""

    elsewhere = True

    def __init__(self, slots: int) -> None:
        self.slots, self._together = slots, Barrier(slots, timeout=20)
        self._pool = ThreadPoolExecutor(slots)

    def start(self, job: Job) -> Future[None]:
        def ends() -> None:
            self._together.wait()
            write_result(job.folder, {"macro_f1": float(overrides_of(job)["seed"])})

        return self._pool.submit(ends)

    def interrupt(self) -> None:
        """There is nothing to let go of."""


def test_the_runs_of_one_trial_fill_free_slots(tmp_path: Path) -> None:
    study = study_in(tmp_path, "quality=0.1", seeds=[0, 1, 2, 3, 4, 5])
    Controller(study, SideBySide(3), lambda trial: None).run()
    assert study.trials()[0].value == pytest.approx(2.5)


def test_a_fold_that_fails_fails_its_trial_and_says_which(tmp_path: Path) -> None:
    study = study_in(tmp_path, "quality=0.1,0.2", "data.split.folds=2")

    def score(given: dict[str, str]) -> dict[str, float]:
        if given["quality"] == "0.1" and given["data.split.fold"] == "1":
            raise ValueError("no")
        return {"macro_f1": 0.5}

    run(study, score, slots=3)
    assert study.trials()[0].user_attrs["reason"] == "repeat 0 fold 1: ValueError: no"
    assert study.trials()[1].value == 0.5


def test_the_cost_of_nested_folds_is_said() -> None:
    settings = settings_of(arms={"a": ["x=1"], "b": ["x=2"]}, params={"lr": "choice(1,2)"}, sampler="grid")
    tuned = with_plan(parse_space(settings.params, ["data.split.folds=5", "data.split.repeats=3"]), [], CONFIG)
    fixed = planned("data.split.folds=5", "data.split.repeats=3")
    assert runs_by_folds(settings, tuned) == 15 * (2 + 1)
    assert runs_by_folds(settings, fixed) == 15
    said = str(cost_of_folds(settings, {"a": tuned, "b": fixed}))
    assert "a: 15 folds x (2 runs to tune and 1 to test) = 45 runs; b: 15 runs" in said
