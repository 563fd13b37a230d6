"""Failed seeds: constant answers always, working runs never, and what nobody can have seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from evaluation.made_up import random_predictions
from headtohead.labels import LabelKind
from headtohead.results import Predictions
from headtohead.statistics.verdicts.failed_seeds import NO_SKILL, Failures, failures_in_words, failures_of, skill_of

KINDS: list[LabelKind] = ["single", "ordinal", "multi", "real"]


def answering(run: Predictions, answer: np.ndarray) -> Predictions:
    """Return a run that answers the labels given, almost surely."""
    scores = np.full(run.scores.shape, np.log(0.02 / (run.scores.shape[1] - 1)))
    scores[np.arange(len(run)), answer] = np.log(0.98)
    return replace(run, scores=scores)


def with_gold(rows: int, shares: list[float], seed: int = 0) -> Predictions:
    """Return a run on rows whose labels come in given shares."""
    base = random_predictions("single", rows, len(shares), seed)
    gold = np.repeat(np.arange(len(shares)), np.round(rows * np.array(shares)).astype(int))
    return replace(base, gold=np.random.default_rng(seed).permutation(gold))


@pytest.mark.parametrize("kind", KINDS)
def test_every_constant_answer_fails_whichever_it_is(kind: LabelKind) -> None:
    run = random_predictions(kind, 150, seed=3)
    for row in range(20):
        constant = replace(run, scores=np.tile(run.scores[row], (len(run), 1)))
        skill = skill_of(constant)
        assert skill is not None
        assert skill <= 1e-12
        (failure,) = failures_of([constant], [row]).failed
        assert failure.ended in ("at the majority class", "at one answer for every row")


@pytest.mark.parametrize("kind", KINDS)
def test_right_answers_have_all_the_skill_there_is(kind: LabelKind) -> None:
    run = random_predictions(kind, 150, seed=3)
    if kind == "real":
        right = replace(run, scores=run.gold_score[:, None])
    elif kind == "multi":
        right = replace(run, scores=np.log(np.where(run.gold == 1, 0.99, 0.01)))
    else:
        right = answering(run, run.gold)
    assert skill_of(right) == pytest.approx(1.0)
    assert not failures_of([right], [0]).failed


def test_a_good_run_below_the_majority_class_in_accuracy_has_not_failed() -> None:
    base = with_gold(400, [0.95, 0.05])
    answer = base.gold.copy()
    common, rare = np.flatnonzero(base.gold == 0), np.flatnonzero(base.gold == 1)
    answer[common[:30]], answer[rare[:2]] = 1, 0  # 18 of 20 rare rows are found, at the price of 30 common ones
    run = answering(base, answer)
    assert np.mean(run.predicted == run.gold) < np.mean(base.gold == 0)
    assert not failures_of([run], [0]).failed


def test_a_run_that_is_all_but_constant_has_failed() -> None:
    base = with_gold(600, [0.5, 0.3, 0.2])
    answer = np.zeros(600, dtype=int)
    answer[np.flatnonzero(base.gold == 1)[:3]] = 1  # right on three rows more than the majority class
    (failure,) = failures_of([answering(base, answer)], [1003]).failed
    assert 0 < failure.skill <= NO_SKILL
    assert failure.ended == "no better than a constant answer"


def test_answers_at_random_fail_though_their_macro_f1_beats_the_majority_class() -> None:
    base = with_gold(4000, [0.25] * 4)
    skills = [skill_of(answering(base, np.random.default_rng(seed).integers(0, 4, 4000))) for seed in range(20)]
    assert np.mean([skill is not None and skill <= NO_SKILL for skill in skills]) > 0.9


def test_ordinal_answers_drawn_to_the_middle_that_still_tell_rows_apart_have_not_failed() -> None:
    run = random_predictions("ordinal", 200, seed=3)
    probabilities = 0.2 * np.eye(run.scores.shape[1])[run.gold] + 0.8 * np.eye(run.scores.shape[1])[1]
    drawn = replace(run, scores=np.log(probabilities + 1e-6))
    assert len(np.unique(drawn.predicted)) == 1
    assert not failures_of([drawn], [0]).failed


def test_rows_of_one_label_tell_nothing() -> None:
    base = with_gold(50, [1.0, 0.0])
    assert skill_of(answering(base, np.ones(50, dtype=int))) is None


def test_what_could_have_gone_unseen_is_the_exact_upper_end_of_none_of_n() -> None:
    assert [round(Failures(runs=runs, failed=[]).unseen, 2) for runs in (3, 5, 8)] == [0.63, 0.45, 0.31]
    for runs in (2, 3, 5, 8, 15):
        exact = stats.binomtest(0, runs, alternative="less").proportion_ci(0.95).high
        assert Failures(runs=runs, failed=[]).unseen == pytest.approx(exact)


SEEDS = [f"seed {seed}" for seed in range(1000, 1005)]


def test_words_name_the_seed_and_what_no_number_of_calm_seeds_excludes() -> None:
    base = with_gold(300, [0.5, 0.3, 0.2])
    good, fallen = answering(base, base.gold), answering(base, np.zeros(300, dtype=int))
    arms = {
        "a": failures_of([good] * 5, SEEDS),
        "b": failures_of([good, good, fallen, good, good], SEEDS),
        "c": failures_of([good] * 5, SEEDS),
    }
    failed, calm = failures_in_words(arms)
    assert failed.startswith("1 of 5 seeds of b ended at the majority class (skill seed 1002: 0.00;")
    assert calm == (
        "None of 5 seeds each of a and c failed: a failure that hits up to 45 % of seeds could have gone unseen"
    )
    (single,) = failures_in_words({"a": failures_of([good], [0])})
    assert single == "The one run of a did not fail, which says nothing of how often others would"


def test_runs_that_differ_in_more_than_seeds_are_called_runs() -> None:
    base = with_gold(300, [0.5, 0.3, 0.2])
    (calm,) = failures_in_words({"a": failures_of([answering(base, base.gold)] * 4, range(4))}, unit="runs")
    assert calm == "None of 4 runs of a failed: a failure that hits up to 53 % of runs could have gone unseen"
