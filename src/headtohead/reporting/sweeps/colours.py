"""One colour for each arm, the same in every figure of the page."""

from __future__ import annotations

from collections.abc import Sequence

from headtohead.reporting.figures import BASELINE, RUN, WARM

COLOURS = (RUN, BASELINE, "var(--violet)", "var(--leaf)", WARM, "var(--sky)")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")


def colours_of(arms: Sequence[str]) -> dict[str, str]:
    """Return a colour per arm; more arms than colours begin again, told apart by ``symbols_of``."""
    return {arm: COLOURS[place % len(COLOURS)] for place, arm in enumerate(arms)}


def symbols_of(arms: Sequence[str]) -> dict[str, str]:
    """Return a marker per arm: another one whenever the colours begin again."""
    return {arm: SYMBOLS[place // len(COLOURS) % len(SYMBOLS)] for place, arm in enumerate(arms)}
