"""How numbers of a verdict are written: none contradicts the decision that stands beside it."""

from __future__ import annotations

import pytest

from headtohead.statistics.verdicts.verdict_sentences import number, p_value


@pytest.mark.parametrize(
    ("value", "alpha", "written"),
    [
        (0.0123, 0.05, "0.012"),
        (0.05, 0.05, "0.050"),
        (0.04996, 0.05, "0.050"),
        (0.0504, 0.05, "0.0504"),
        (0.050004, 0.05, "0.050004"),
        (0.0104, 0.01, "0.0104"),
        (0.0004, 0.05, "< .001"),
        (1.0, 0.05, "1.000"),
    ],
)
def test_p_reads_on_the_side_of_alpha_on_which_it_decides(value: float, alpha: float, written: str) -> None:
    assert p_value(value, alpha) == written


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.0005, 0.025])
def test_p_near_alpha_is_never_written_on_its_other_side(alpha: float) -> None:
    for part in (1e-12, 1e-6, 1e-3, 0.01, 0.5):
        above, below = alpha * (1 + part), alpha * (1 - part)
        assert float(p_value(above, alpha)) > alpha
        assert below < 0.001 or float(p_value(below, alpha)) <= alpha


def test_rounding_is_written_as_zero() -> None:
    """Kappa of a constant answer is 1.2e-16 by its arithmetic."""
    assert [number(each) for each in (1.2e-16, -3e-17, 0.0)] == ["0", "0", "0"]
    assert number(-1e-17, sign=True) == "+0"
    assert [number(each) for each in (0.00123, -2.5e-6)] == ["0.00123", "-2.5e-06"]
