"""How benchmarks say what they measured."""

from __future__ import annotations

import datetime
import json
import statistics
from collections.abc import Sequence
from typing import Any


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> list[float]:
    """Return how much faster ours is in each block, from seconds."""
    return [other / own for other, own in zip(theirs, ours, strict=True)]


def spread(values: Sequence[float]) -> str:
    """Return median, smallest and largest ratio over blocks: ``2.44x [2.32, 2.48]``."""
    return f"{statistics.median(values):.2f}x [{min(values):.2f}, {max(values):.2f}]"


def finish(name: str, options: Any, gate: bool | None, **measured: Any) -> None:
    """Print everything as a line of JSON, with where, when and of what code it was measured.

    Args:
        name: of the benchmark.
        options: of its command line.
        gate: whether what was measured was right, None where there is nothing to be wrong.

    Raises:
        SystemExit: the gate was violated.
    """
    from headtohead.provenance import git_state, hardware, package_versions

    line = {
        "benchmark": name,
        "options": vars(options),
        "gate": gate,
        **measured,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "hardware": hardware(),
        "versions": package_versions(),
        "code": git_state(),
    }
    print(json.dumps(line, default=str))
    if gate is False:
        raise SystemExit("gate: VIOLATED")
