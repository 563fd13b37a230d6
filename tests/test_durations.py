"""Times as a person is told them."""

from __future__ import annotations

import pytest

from headtohead.durations import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.1, "about 1 second"), (42, "about 42 seconds"), (240, "about 4 minutes"), (9000, "about 2.5 hours")],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
