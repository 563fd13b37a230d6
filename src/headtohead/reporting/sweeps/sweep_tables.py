"""The sweep page's tables as plain strings, ready for the template."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from headtohead.evaluation import HIGHER_IS_BETTER
from headtohead.reporting.numbers import NONE, count, interval, metric_name, number, seconds
from headtohead.reporting.sweeps.costs import kind_of, short_name
from headtohead.reporting.sweeps.sweep_folder import Study
from headtohead.statistics import systems_of, value_of
from headtohead.statistics.verdicts.verdict_sentences import about, p_value


def arm_table(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return per metric each arm's mean, and the range of its runs, and what costs seconds; the best value is marked."""
    cheap = [
        {"name": name, "values": own, "per_run": {}} for name, own in systems_of(verdict.get("baselines") or {}).items()
    ]
    arms = [*verdict["arms"], *cheap]
    return {
        "arms": [(arm["name"], _made_of(arm)) for arm in verdict["arms"]]
        + [(own["name"], "in seconds") for own in cheap],
        "rows": [_metric_row(arms, metric, is_main=metric == verdict["metric"]) for metric in _metrics(verdict)],
    }


def _made_of(arm: Mapping[str, Any]) -> str:
    runs = f"{arm['runs']} {'run' if arm['runs'] == 1 else 'runs'}"
    chosen = f"best of {arm['trials']} trials" if arm.get("trials") else ""
    several = f"{arm['configurations']} {'tunings' if arm['tuned'] else 'configurations'}"
    return ", ".join([runs, *([several] if arm["configurations"] > 1 else []), *([chosen] if chosen else [])])


def _metrics(verdict: Mapping[str, Any]) -> list[str]:
    first = verdict["metric"]
    return [first, *(metric for metric in verdict["arms"][0]["values"] if metric != first)]


def _metric_row(arms: Sequence[Mapping[str, Any]], metric: str, *, is_main: bool) -> dict[str, Any]:
    higher = HIGHER_IS_BETTER.get(metric, True)
    values = [arm["values"].get(metric) for arm in arms]
    known = [value for value in values if value is not None]
    best = (max(known) if higher else min(known)) if known else None
    cells = []
    for arm, value in zip(arms, values, strict=True):
        runs = [
            each for configuration in arm["per_run"].get(metric) or [] for each in configuration if each is not None
        ]
        spread = f"{number(min(runs))} to {number(max(runs))}" if len(runs) > 1 else ""
        cells.append({"value": number(value), "spread": spread, "best": value is not None and value == best})
    return {"name": metric_name(metric), "direction": "↑" if higher else "↓", "cells": cells, "main": is_main}


def cost_table(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return per kind of cost what a run of each arm costs; starred: the cheapest, and what is better than all cheaper ones."""
    arms = verdict["arms"]
    rows = []
    for kind in dict.fromkeys(kind for arm in arms for kind in arm["cost"]):
        write = kind_of(kind)[1]
        front = (verdict.get("pareto") or {}).get(kind) or []
        rows.append(
            {
                "name": short_name(kind),
                "cells": [{"value": write(arm["cost"].get(kind)), "front": arm["name"] in front} for arm in arms],
            }
        )
    return {"arms": [arm["name"] for arm in arms], "rows": rows}


def pair_rows(verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every number of every pair, the metric that decides first."""
    families = {verdict["metric"]: verdict["pairs"], **(verdict.get("secondary") or {})}
    return [
        {
            "metric": metric_name(metric),
            "main": metric == verdict["metric"],
            "pair": f"{pair['first']} − {pair['second']}",
            "difference": number(pair["difference"]),
            "interval": interval({"low": pair["low"], "high": pair["high"]}),
            "p": NONE if pair.get("undirected") else p_value(pair["p_holm"], verdict["alpha"]),
            "better": _better(pair) if metric == verdict["metric"] else NONE,
            "equal": _nearness(pair),
            "detectable": NONE if pair.get("detectable") is None else about(pair["detectable"]),
            "checks": [NONE if pair.get(key) is None else p_value(pair[key], verdict["alpha"]) for key in CHECKS],
        }
        for metric, pairs in families.items()
        for pair in pairs
    ]


CHECKS = ("swap_rows_p", "relabel_runs_p", "mcnemar_p")


def _better(pair: Mapping[str, Any]) -> str:
    return "not asked" if pair.get("undirected") else pair["direction"] or "undecided"


def _nearness(pair: Mapping[str, Any]) -> str:
    if pair.get("margin") is None:
        return NONE
    ends = {"low": pair.get("equivalence_low"), "high": pair.get("equivalence_high")}
    said = f"{number(pair['margin'])}: {'yes' if pair['equivalent'] is True else 'not shown'}"
    return said if ends["low"] is None else f"{said} {interval(ends)}"


def budget_rows(studies: Sequence[Study]) -> list[dict[str, str]]:
    """Return what each study spent, and what that was expected to buy."""
    rows = []
    for study in studies:
        tuning, expected = study.tuning, study.tuning.expected_best
        best = [
            value_of(trial, study.stored)
            for trial in study.trials
            if trial["number"] in (study.stored.get("best") or [])
        ]
        rows.append(
            {
                "name": study.name or "this sweep",
                "trials": f"{tuning.trials} of {study.stored.get('n_trials', tuning.trials)}",
                "seconds": seconds(tuning.seconds),
                "tokens": count(tuning.tokens),
                "one": _expected(expected, 0),
                "half": _expected([tuning.expected_of_half], 0),
                "best": number(best[0]) if best else NONE,
            }
        )
    return rows


def _expected(values: Sequence[float], place: int) -> str:
    return number(values[place]) if values and math.isfinite(values[place]) else NONE


def luck_rows(studies: Sequence[Study]) -> list[dict[str, Any]]:
    """Return per confirmed configuration its score when chosen and that of its fresh seeds."""
    rows = []
    for study in studies:
        luck = study.tuning.inflation
        for place, candidate in enumerate(study.tuning.candidates):
            first = place == 0 and luck is not None
            entry = {"low": luck.low, "high": luck.high} if first and luck else None
            rows.append(
                {
                    "name": study.name or "this sweep",
                    "trial": candidate.trial,
                    "judged": candidate.trial == study.tuning.judged,
                    "chosen": number(candidate.chosen),
                    "fresh": number(candidate.mean),
                    "seeds": len(candidate.fresh),
                    "inflation": number(luck.inflation) if first and luck else NONE,
                    "interval": interval(entry),
                }
            )
    return rows
