"""What costs seconds, in the first sentence of a verdict and before it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from headtohead.statistics import Arm, Cheap, Draw, judge, systems_of
from made_up_arms import made_up_arm


def two(**given: float) -> list[Arm]:
    return [
        made_up_arm("good", rows=300, runs=5, noise=given.get("good", 0.3)),
        made_up_arm("poor", rows=300, runs=5, noise=given.get("poor", 3.0), seed=4),
    ]


def cheap_of(
    tfidf: float, majority: float = 0.1, metric: str = "macro_f1", arms: tuple[str, ...] = ("good", "poor")
) -> Cheap:
    return Cheap(values={arm: {"tfidf": {metric: tfidf}, "majority": {metric: majority}} for arm in arms})


def test_the_first_sentence_gives_levels_difference_interval_and_the_best_baseline() -> None:
    verdict = judge(two(), cheap=cheap_of(0.2))
    good, poor = (f"{arm.values['macro_f1']:.3g}" for arm in verdict.arms)
    first = verdict.sentences[0].partition(". ")[0]
    assert first.startswith(f"good is better than poor (macro_f1 good {good}, poor {poor}; good minus poor +")
    assert "95 % interval +" in first
    assert "p < .001; TF-IDF 0.2 on the same rows)" in first
    assert verdict.leads == []


@pytest.mark.parametrize(("tfidf", "majority", "named"), [(0.95, 0.1, "TF-IDF"), (0.1, 0.96, "The majority class")])
def test_what_no_arm_beats_is_said_before_everything(tfidf: float, majority: float, named: str) -> None:
    verdict = judge(two(), cheap=cheap_of(tfidf, majority))
    best = max(arm.values["macro_f1"] for arm in verdict.arms)
    (lead,) = verdict.leads
    assert lead.startswith(f"{named}, which costs seconds, does at least as well as every arm on these rows: macro_f1 ")
    assert f"good, the best arm, {best:.3g}" in lead
    assert verdict.said[0] == lead
    assert json.loads(json.dumps(verdict.as_dict()))["leads"] == [lead]


def test_a_tie_is_no_win_and_the_least_more_is() -> None:
    best = max(arm.values["macro_f1"] for arm in judge(two()).arms)
    assert judge(two(), cheap=cheap_of(best)).leads
    assert judge(two(), cheap=cheap_of(best + 1e-9)).leads
    assert not judge(two(), cheap=cheap_of(best - 1e-9)).leads


def test_lower_is_better_where_errors_are_measured() -> None:
    arms = [made_up_arm("good", "real", rows=100, noise=0.1), made_up_arm("poor", "real", rows=100, noise=2.0, seed=1)]
    least = min(arm.values["mae"] for arm in judge(arms).arms)
    assert not judge(arms, cheap=cheap_of(least + 0.1, 9.0, "mae")).leads
    (lead,) = judge(arms, cheap=cheap_of(9.0, least - 0.01, "mae")).leads
    assert lead.startswith("A constant answer, which costs seconds, ")


def test_an_arm_that_is_tfidf_itself_is_not_held_against_itself() -> None:
    values = {arm.name: arm.values["macro_f1"] for arm in judge(two()).arms}
    cheap = cheap_of(max(values.values()))
    assert judge(two(), cheap=cheap).leads
    of_tfidf = Cheap(values=cheap.values, is_arm=frozenset({max(values, key=lambda arm: values[arm])}))
    assert not judge(two(), cheap=of_tfidf).leads
    from_more_rows = Cheap(values=cheap_of(max(values.values()) + 0.1).values, is_arm=of_tfidf.is_arm)
    assert judge(two(), cheap=from_more_rows).leads


def test_arms_of_other_training_rows_have_baselines_of_their_own() -> None:
    cheap = Cheap(
        values={
            "good": {"tfidf": {"macro_f1": 0.3}, "majority": {"macro_f1": 0.1}},
            "poor": {"tfidf": {"macro_f1": 0.45}, "majority": {"macro_f1": 0.1}},
        }
    )
    assert (
        "TF-IDF 0.3 from good's training rows and TF-IDF 0.45 from poor's training rows"
        in judge(two(), cheap=cheap).sentences[0]
    )
    assert list(systems_of(cheap.values)) == ["TF-IDF, rows of good", "TF-IDF, rows of poor", "majority class"]
    assert list(systems_of(cheap_of(0.3).values)) == ["TF-IDF", "majority class"]


def test_what_could_not_be_had_is_said_and_not_made_up() -> None:
    verdict = judge(two(), cheap=Cheap(values={"good": {}, "poor": {}}, missing=["its data hold other rows by now"]))
    assert "TF-IDF" not in verdict.sentences[0]
    assert (
        "What costs seconds could not all be scored on these rows: its data hold other rows by now."
        in verdict.sentences
    )
    assert verdict.leads == []
    assert systems_of(verdict.baselines) == {}


def test_no_difference_that_matters_leads_where_it_is_the_news() -> None:
    arms = [made_up_arm("a", rows=300, runs=4, noise=0.3), made_up_arm("b", rows=300, runs=4, noise=0.3, seed=9)]
    verdict = judge(arms, margin={"macro_f1": 0.2}, cheap=cheap_of(0.2, arms=("a", "b")))
    first, second, *_ = verdict.sentences[0].split(". ")
    assert first.startswith("No difference that matters between a and b: within 0.2 of each other (90 % interval ")
    assert first.endswith("TF-IDF 0.2 on the same rows)")
    assert "95 %" not in first
    assert second.startswith("Which of them is better, if any is, is undecided (a minus b ")


def drawn(arm: Arm, rows: int | None, *, samples: int = 1, of: int | None = None) -> Arm:
    """Return an arm whose runs say what they were trained on."""
    draws = [
        [
            Draw(seed=run, data_seed=run % samples, sample=f"{rows} {run % samples}", rows=rows, drawn_from=of)
            for run in range(len(own))
        ]
        for own in arm.configurations
    ]
    return replace(arm, draws=draws)


def test_every_sentence_names_the_rows_that_were_fixed() -> None:
    def said(*counts: int | None) -> str:
        return judge([drawn(arm, count) for arm, count in zip(two(), counts, strict=True)]).sentences[0]

    assert "This speaks of these configurations trained on these 240 rows, not of the methods" in said(240, 240)
    assert "luck of tuning and of the training sample is not in the interval" in said(240, 240)
    assert "trained on these 240 rows (good) and these 4,000 rows (poor), not" in said(240, 4000)
    assert "trained on these rows, not" in judge(two()).sentences[0]


def test_training_samples_of_their_own_are_in_the_interval_and_said_to_be() -> None:
    own = judge([drawn(arm, 240, samples=4, of=1000) for arm in two()]).sentences[0]
    assert "trained on 4 samples of 240 rows out of 1,000, not of the methods" in own
    assert "luck of tuning is not in the interval, that of the training sample is" in own
    mixed = judge([drawn(two()[0], 240, samples=4, of=1000), drawn(two()[1], 240)]).sentences[0]
    assert "luck of tuning and of the training sample is not in the interval" in mixed
