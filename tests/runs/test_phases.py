"""What a run cost is counted over its restarts."""

from headtohead.runs.phases import Phases


def test_seconds_and_tokens_add_up_over_restarts():
    phases = Phases.after({"seconds": {"data": 5.0, "train": 60.0}, "tokens": {"validate": 100}})
    with phases.phase("data"):
        pass
    phases.add_tokens("validate", 20)
    assert phases.seconds["data"] > 5.0
    assert phases.seconds["train"] == 60.0
    assert phases.tokens == {"validate": 120}


def test_a_first_attempt_starts_at_nothing():
    assert Phases.after({}).seconds == {}
