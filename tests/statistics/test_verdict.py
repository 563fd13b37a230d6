"""Several arms judged together."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from headtohead.errors import UserError
from headtohead.labels import LabelKind
from headtohead.statistics import Arm, Verdict, judge, metrics_of
from made_up_arms import made_up_arm

KINDS: list[LabelKind] = ["single", "ordinal", "multi", "real"]


def three() -> list[Arm]:
    return [
        made_up_arm(name, rows=300, runs=4, noise=noise, seed=seed, trials=16)
        for seed, (name, noise) in enumerate([("lora", 0.3), ("full", 0.35), ("frozen", 3.0)])
    ]


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    costs = {"lora": {"seconds": 5.0}, "full": {"seconds": 9.0, "tokens": 1.0}, "frozen": {"seconds": 1.0}}
    return judge(three(), margin={"macro_f1": 0.1}, costs=costs)


def test_all_pairs_are_held_together(verdict: Verdict) -> None:
    assert [(pair.first, pair.second) for pair in verdict.pairs] == [
        ("lora", "full"),
        ("lora", "frozen"),
        ("full", "frozen"),
    ]
    assert [pair.direction for pair in verdict.pairs] == [None, "lora", "full"]
    assert verdict.pairs[0].equivalent is True
    assert all(pair.p_holm >= pair.p_value for pair in verdict.pairs)
    assert set(verdict.secondary) == {"accuracy", "cohen_kappa", "log_loss", "brier"}
    assert all(pair.equivalent is None for pair in verdict.secondary["accuracy"])


def test_words_name_the_choice_and_what_is_open(verdict: Verdict) -> None:
    undecided, decided = verdict.sentences[0], verdict.sentences[1]
    assert undecided.startswith(
        "No difference that matters between lora's best of 16 trials and full's best of 16 trials"
    )
    assert ": within 0.1 of each other (simultaneous 90 % interval " in undecided
    assert "Which of them is better, if any is, is undecided (lora minus full " in undecided
    assert "lora's best of 16 trials is better than frozen's best of 16 trials" in decided
    assert "luck of tuning and of the training sample is not in the interval" in decided
    assert all("in at least 80 % of cases" in sentence for sentence in verdict.sentences[:3])
    assert all("corrected for 3 pairs (Holm))" in sentence for sentence in verdict.sentences[:3])
    assert all("simultaneous 95 % interval" in sentence for sentence in verdict.sentences[:3])


def test_cost_stands_beside_quality(verdict: Verdict) -> None:
    assert max(verdict.arms, key=lambda arm: arm.values["macro_f1"]).name == "full"  # by less than chance, and dearer
    assert verdict.pareto == {"seconds": ["frozen", "lora"]}
    assert verdict.cheapest == {"seconds": "lora"}


def test_it_is_json(verdict: Verdict) -> None:
    stored = json.loads(json.dumps(verdict.as_dict(), allow_nan=False))
    assert stored["schema_version"] == 2
    assert stored["pairs"][0]["detectable"] > 0
    assert len(stored["arms"][0]["per_run"]["accuracy"][0]) == 4


@pytest.mark.slow
def test_looks_split_the_error_rate() -> None:
    once, thrice = judge(three()), judge(three(), looks=3)
    assert thrice.looks == 3
    for one, other in zip(once.pairs, thrice.pairs, strict=True):
        assert one.p_value == other.p_value
        assert other.high - other.low > one.high - one.low
        assert other.detectable > one.detectable
    assert "98.33 % interval" in thrice.sentences[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_metric_of_every_kind_is_judged(kind: LabelKind) -> None:
    arms = [made_up_arm("a", kind, noise=0.2, seed=1), made_up_arm("b", kind, noise=2.0, seed=2)]
    metrics = metrics_of(arms[0].runs[0])
    verdict = judge(arms, margin=dict.fromkeys(metrics, 0.01))
    pairs = {verdict.metric: verdict.pairs[0]} | {name: pairs[0] for name, pairs in verdict.secondary.items()}
    assert set(pairs) == set(metrics)
    for metric, found in pairs.items():
        better_is_a = (found.difference > 0) == found.higher_is_better
        assert better_is_a, metric
        assert found.direction in ("a", None)
        assert found.equivalent == "not_shown"


def test_single_runs_speak_of_trained_models() -> None:
    arms = [made_up_arm("a", rows=300, runs=1, noise=0.2), made_up_arm("b", rows=300, noise=3.0, seed=4)]
    said = judge(arms).sentences[0]
    assert "the one run of a is better than b" in said
    assert "One seed of a was run: this speaks of that trained model, not of a." in said


def test_three_tunings_speak_of_methods() -> None:
    def method(name: str, seed: int) -> Arm:
        tables = [made_up_arm(name, runs=2, seed=seed + i).runs for i in range(3)]
        return Arm(name=name, configurations=tables, tuned=True, trials=16)

    said = judge([method("a", 0), method("b", 10)]).sentences[0]
    assert said.startswith("Undecided between a and b (")
    assert "This speaks of the methods, tuned on these training and validation rows (3 tunings each)" in said
    assert "luck of the training sample is not in the interval" in said


def arms_of(runs: int, other: int, **given: Any) -> list[Arm]:
    return [
        made_up_arm("a", rows=300, runs=runs, noise=0.9, **given),
        made_up_arm("b", rows=300, runs=other, noise=1.2, seed=4, **given),
    ]


def test_two_runs_beside_more_are_told_why_they_get_no_direction() -> None:
    said = judge(arms_of(2, 5)).sentences[0]
    assert said.startswith("No direction is given between a and b (")
    assert "called equal: a has two runs and b 5, and" in said
    assert ", p " not in said
    assert "4-in-5" not in said


def test_two_seeds_each_are_told_how_little_that_is() -> None:
    assert "Two seeds each say very little" in judge(arms_of(2, 2)).sentences[0]
    assert "Two seeds each" not in judge(arms_of(3, 3)).sentences[0]


def test_what_would_decide_is_said_for_the_margin_as_a_chance() -> None:
    said = judge(arms_of(4, 4), margin={"macro_f1": 0.02}).sentences[0]
    assert "To see a difference of 0.02 with a 4-in-5 chance at the next look takes about" in said
    assert "more seeds per arm" in said
    assert "(90 % interval" in said
    never = judge(arms_of(4, 4), margin={"macro_f1": 1e-6}).sentences[0]
    assert "To see a difference of 1e-06 neither more seeds nor more rows alone would be enough." in never
    alike = [made_up_arm("a", rows=300, runs=1), made_up_arm("b", rows=300, runs=4, seed=9)]
    alone = judge(alike, margin={"macro_f1": 1e-6}).sentences[0]
    assert "more rows alone would not be enough, and one seed does not say how many seeds would." in alone
    same = judge([made_up_arm("a", runs=4), made_up_arm("b", runs=4, seed=9)])
    assert same.pairs[0].p_value > 0.3
    assert "Nothing suggests a difference" in same.sentences[0]
    assert "4-in-5" not in same.sentences[0]


def test_p_counts_the_looks_so_that_it_decides_against_alpha() -> None:
    for looks in (1, 2, 5):
        verdict = judge(three(), looks=looks)
        assert verdict.level == pytest.approx(0.05 / looks)
        for pair in verdict.pairs:
            assert pair.p_holm >= min(1.0, looks * pair.p_value)
            assert (pair.direction is not None) == (pair.p_holm <= verdict.alpha)
        counted = f"corrected for 3 pairs (Holm) and {looks} looks" in verdict.sentences[0]
        assert counted == (looks > 1)


def test_other_metrics_have_no_direction(verdict: Verdict) -> None:
    assert any(pair.p_holm <= 0.05 for pairs in verdict.secondary.values() for pair in pairs)
    assert all(pair.direction is None for pairs in verdict.secondary.values() for pair in pairs)


def other_rows() -> list[Arm]:
    one, other = made_up_arm("a"), made_up_arm("b")
    run = other.runs[1]
    changed = run.text_hash.copy()
    changed[7] = "other"
    runs = [other.runs[0], replace(run, text_hash=changed)]
    return [one, Arm(name="b", configurations=[runs])]


def test_a_difference_larger_than_the_metric_is_never_called_detectable() -> None:
    arms = [made_up_arm("a", rows=8, runs=2, noise=4.0), made_up_arm("b", rows=8, runs=2, noise=4.0, seed=3)]
    found = judge(arms, metric="macro_f1")
    pair = found.pairs[0]
    assert pair.detectable is not None
    assert pair.detectable > 1
    assert "could not be sure to find any difference in macro_f1" in found.sentences[0]
    assert "finds a true difference" not in found.sentences[0]


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        ([made_up_arm("a")], "needs two arms or more"),
        ([made_up_arm("a"), made_up_arm("a")], "share a name"),
        ([made_up_arm("a"), Arm(name="b", configurations=[])], "arm 'b' has no finished run"),
        (
            [made_up_arm("a"), made_up_arm("b", rows=50)],
            "run 1 of arm 'b' and run 1 of arm 'a' cannot be compared: they were scored on 50 and 60 rows",
        ),
        ([made_up_arm("a"), made_up_arm("b", "ordinal")], "their labels differ"),
        (other_rows(), "run 2 of arm 'b' and run 1 of arm 'a' cannot be compared: 1 of 60 rows have other texts"),
    ],
)
def test_what_cannot_be_compared(arms: list[Arm], said: str) -> None:
    with pytest.raises(UserError) as caught:
        judge(arms)
    assert said in str(caught.value)


def test_an_undefined_secondary_metric_is_left_out() -> None:
    one, other = made_up_arm("a", runs=1), made_up_arm("b", runs=1, seed=2)
    constant = np.tile(np.log([0.97, 0.01, 0.01, 0.01]), (60, 1))

    def always(arm: Arm) -> Arm:
        gold = np.zeros(60, dtype=int)
        runs = [replace(run, gold=gold, scores=constant if arm is one else run.scores) for run in arm.runs]
        return Arm(name=arm.name, configurations=[runs])

    assert "cohen_kappa" not in judge([always(one), always(other)], metric="accuracy").secondary


@pytest.mark.slow  # a fresh process
def test_no_torch() -> None:
    code = "import sys, headtohead.statistics, headtohead.tasks.compare; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("metric", "margin", "said"),
    [
        ("macro_f1", 2.0, "such as compare.margin.macro_f1=0.02 for 2 points"),
        ("accuracy", 1.0, "differ by at most 1 in accuracy"),
        ("kappa", 2.5, "differ by at most 2 in cohen_kappa"),
        ("brier", 100.0, "compare.margin.brier=1 for 100 points"),
    ],
)
def test_a_margin_within_which_any_arms_lie_is_refused(metric: str, margin: float, said: str) -> None:
    with pytest.raises(UserError, match=said):
        judge(arms_of(3, 3), margin={metric: margin})


def test_a_margin_of_an_unbounded_metric_may_be_of_any_size() -> None:
    assert judge(arms_of(3, 3), metric="log_loss", margin={"log_loss": 50.0}).pairs[0].margin == 50.0


def test_a_margin_of_another_metric_than_the_one_that_decides_is_said_to_be_so() -> None:
    elsewhere = "A margin was set for accuracy alone, and macro_f1 decides"
    assert any(elsewhere in said for said in judge(arms_of(3, 3), margin={"accuracy": 0.1}).sentences)
    for margin in ({}, {"macro_f1": 0.1}, {"macro_f1": 0.1, "accuracy": 0.1}):
        assert not any("was set for" in said for said in judge(arms_of(3, 3), margin=margin).sentences)
