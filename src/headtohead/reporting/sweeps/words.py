"""The page in words: what was asked, what came out, what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headtohead.evaluation.metrics import widest_difference
from headtohead.reporting.numbers import count, metric_name, number, percent, seconds
from headtohead.reporting.sweeps.costs import short_name
from headtohead.reporting.sweeps.folder import Study, SweepFolder
from headtohead.statistics.cautions import LabelRows
from headtohead.statistics.words import about

Box = dict[str, str]


def title_of(sweep: SweepFolder) -> str:
    """Return what heads the page."""
    arms = [arm["name"] for arm in (sweep.verdict or {}).get("arms") or []] or arm_names(sweep)
    if len(arms) > 1:
        return " or ".join([", ".join(arms[:-1]), arms[-1]]) + "?"
    return sweep.path.name


def arm_names(sweep: SweepFolder) -> list[str]:
    """Return the arms that have a study."""
    return list(dict.fromkeys(study.arm for study in sweep.studies if study.arm))


def lead_of(sweep: SweepFolder) -> str:
    """Say what was done, in a sentence."""
    parts = []
    example = next((study.example for study in sweep.studies if study.example), None)
    data = (example.data.get("name") or (example.config.get("data") or {}).get("name")) if example else None
    if data:
        parts.append(f"on {data}")
    if sweep.studies:
        counts = sorted({study.tuning.trials for study in sweep.studies})
        several = len(sweep.studies) > 1
        parts.append(
            f"{' to '.join(map(str, dict.fromkeys(counts[:1] + counts[-1:])))} trials{' per tuning' if several else ''}"
        )
    if sweep.verdict:
        runs = sorted({arm["runs"] for arm in sweep.verdict["arms"]})
        told = " to ".join(map(str, dict.fromkeys(runs[:1] + runs[-1:])))
        parts.append(
            f"{told} runs per arm scored on {count(sweep.verdict['rows'])} {sweep.verdict.get('split', 'test')} rows"
        )
    return ", ".join(parts)


def boxes(verdict: Mapping[str, Any] | None) -> list[Box]:
    """Return a box per pair: decided directions first, then what is equivalent, then what stays open."""
    if not verdict:
        return []
    found = [
        _box(pair, sentence, verdict["metric"])
        for pair, sentence in zip(verdict["pairs"], verdict["sentences"], strict=False)
    ]
    order = {"good": 0, "same": 1, "level": 2}
    return sorted(found, key=lambda box: order[box["tone"]])


def _box(pair: Mapping[str, Any], sentence: str, metric: str) -> Box:
    one, other = pair["first"], pair["second"]
    if pair["direction"]:
        better, worse = (one, other) if pair["direction"] == one else (other, one)
        size = f"by {number(abs(pair['difference']))} {metric_name(metric)}"
        title, tone = f"{better} is better than {worse}, {size}", "good"
    elif pair["equivalent"] is True:
        title, tone = f"{one} and {other} lie within {number(pair['margin'])} of each other", "same"
    else:
        said = "No direction is given" if pair.get("undirected") else "Undecided"
        title, tone = f"{said} between {one} and {other}", "level"
    return {"tone": tone, "title": title, "text": sentence}


def further_sentences(verdict: Mapping[str, Any] | None) -> list[str]:
    """Return what the verdict says beyond its pairs, such as how often was looked."""
    return list(verdict["sentences"][len(verdict["pairs"]) :]) if verdict else []


def cheapest_lines(verdict: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return each arm that is the cheapest among those shown not to be worse than the best by the margin, and in what."""
    found: dict[str, list[str]] = {}
    for kind, arm in (verdict.get("cheapest") or {}).items():
        found.setdefault(arm or "none", []).append(short_name(kind).lower())
    return [(arm, "by any cost" if len(found) == 1 else ", ".join(kinds)) for arm, kinds in found.items()]


def facts_of(sweep: SweepFolder) -> list[tuple[str, str, str]]:
    """Return the sweep's figures at a glance: name, value, note."""
    found = []
    studies = sweep.studies
    if studies:
        trials = sum(study.tuning.trials for study in studies)
        failed = sum(trial["state"] == "fail" for study in studies for trial in study.trials)
        pruned = sum(trial["state"] == "pruned" for study in studies for trial in study.trials)
        note = ", ".join(
            f"{number_of} {what}" for number_of, what in ((pruned, "pruned"), (failed, "failed")) if number_of
        )
        found.append(("trials", count(trials), note))
        found += _budget_facts(studies)
    if sweep.verdict:
        verdict = sweep.verdict
        groups = f"in {count(verdict['units'])} groups" if verdict["units"] < verdict["rows"] else ""
        found.append((f"{verdict.get('split', 'test')} rows", count(verdict["rows"]), groups))
        seen = [pair["detectable"] for pair in verdict["pairs"] if pair.get("detectable") is not None]
        if seen and max(seen) <= widest_difference(verdict["metric"]):
            found.append(("can see", f"about {about(max(seen))}", "true difference, in at least 80 % of cases"))
        rarest = verdict.get("smallest_label")
        if rarest and verdict["metric"] == "macro_f1":
            found.append(("smallest label", LabelRows(**rarest).counted, rarest["name"]))
        if verdict.get("looks", 1) > 1:
            found.append(("look", str(verdict["looks"]), f"at {percent(verdict['alpha'] / verdict['looks'])} each"))
    return found


def _budget_facts(studies: Sequence[Study]) -> list[tuple[str, str, str]]:
    spent = [study.tuning.seconds for study in studies if study.tuning.seconds is not None]
    tokens = [study.tuning.tokens for study in studies if study.tuning.tokens is not None]
    found = []
    if spent:
        found.append(("time of all trials", seconds(sum(spent)), ""))
    if tokens:
        found.append(("tokens of all trials", count(sum(tokens)), ""))
    return found
