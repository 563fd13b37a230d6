"""A sweep's verdict as trackers show it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from headtohead.results.record import json_ready
from headtohead.statistics import Comparison, Verdict

SAID = ("difference", "low", "high", "p_holm", "direction", "equivalent", "margin", "detectable")
"""Of a pair of arms."""


def verdict_summary(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict under flat names: ``head/macro_f1``, ``head - generative/difference``, and its sentences."""
    arms = {f"{arm.name}/{metric}": value for arm in verdict.arms for metric, value in arm.values.items()}
    costs = {f"{arm.name}/cost/{kind}": value for arm in verdict.arms for kind, value in arm.cost.items()}
    pairs = {key: value for pair in verdict.pairs for key, value in _pair(pair).items()}
    about = {"metric": verdict.metric, "rows": verdict.rows, "alpha": verdict.alpha, "looks": verdict.looks}
    about["level"] = verdict.level
    said: dict[str, Any] = json_ready({**about, **arms, **costs, **pairs, "verdict": "\n".join(verdict.said)})
    return {name: value for name, value in said.items() if value is not None}


def _pair(pair: Comparison) -> dict[str, Any]:
    found = asdict(pair)
    found["direction"] = pair.direction or "undecided"
    return {f"{pair.first} - {pair.second}/{key}": found[key] for key in SAID}
