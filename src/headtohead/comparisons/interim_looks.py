"""Looks at a comparison: other runs, or another question, after a verdict make another; they share the error rate."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headtohead.errors import UserError
from headtohead.statistics.multiplicity import level_per_look
from headtohead.statistics.verdicts.verdict_sentences import percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One verdict that was reached over a set of runs."""

    when: str
    level: float
    """Error rate it was judged at."""
    runs: dict[str, list[str]]
    """Per arm the fingerprints of its runs."""
    asked: dict[str, Any] = field(default_factory=dict)
    """Of them: metric, margin and whatever else decides the verdict."""


def looks_at(
    path: Path, runs: Mapping[str, Sequence[str]], asked: Mapping[str, Any], *, alpha: float, planned: int
) -> list[Look]:
    """Return the looks so far, with this one, which is another if no earlier one had its runs and question.

    Args:
        path: of the verdict that an earlier command may have left.
        runs: per arm the fingerprints of its runs.
        asked: of them, as JSON would give it back.
        alpha: error rate over all looks.
        planned: looks that were planned for; more than these split the rate further.

    Raises:
        UserError: the earlier verdict cannot be read; without it, looks would be forgotten.
    """
    now = {arm: sorted(prints) for arm, prints in runs.items()}
    earlier = _earlier(path)
    question = {**asked, "alpha": alpha}
    if any((look.runs, look.asked) == (now, question) for look in earlier):
        return earlier
    level = level_per_look(alpha, max(planned, len(earlier) + 1))
    return [*earlier, Look(when=time.strftime("%Y-%m-%dT%H:%M:%S%z"), level=level, runs=now, asked=question)]


def _earlier(path: Path) -> list[Look]:
    if not path.exists():
        return []
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return [Look(**look) for look in stored["looks_taken"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} holds an earlier verdict that cannot be read ({error}), so its look cannot be counted: "
            "move it away if nobody has acted on it"
        ) from None


def looks_in_words(looks: Sequence[Look]) -> str | None:
    """Say how often was looked, and what that does to the error rate; nothing of a single look."""
    if len(looks) < 2:
        return None
    taken = [f"{look.when[:10]}: {_counted(look)}, at {percent(look.level)}" for look in looks]
    together = percent(sum(look.level for look in looks))
    return (
        f"This is look {len(looks)} at this comparison ({'; '.join(taken)}): a wrong finding at any of the looks has a "
        f"chance of at most {together}"
    )


def _counted(look: Look) -> str:
    counts = sorted({len(prints) for prints in look.runs.values()})
    return f"{' to '.join(map(str, counts[:1] + counts[1:][-1:]))} runs per arm"
