"""The page in words: what was asked, what came out, what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headtohead.evaluation.metrics import widest_difference
from headtohead.reporting.numbers import count, metric_name, number, percent, seconds
from headtohead.reporting.sweeps.costs import short_name
from headtohead.reporting.sweeps.repeated_trials import headline
from headtohead.reporting.sweeps.sweep_folder import Study, SweepFolder
from headtohead.statistics import systems_of
from headtohead.statistics.verdicts.cautions import LabelRows
from headtohead.statistics.verdicts.verdict_sentences import about

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
    """Return what leads, then a box per pair: decided directions first, then what is equivalent, then what stays open.

    Where what costs seconds does as well as every arm, none is good news.
    """
    if not verdict:
        return []
    leads = [_leading(lead) for lead in verdict.get("leads") or []]
    found = [
        _box(pair, sentence, verdict, is_news=not leads)
        for pair, sentence in zip(verdict["pairs"], verdict["sentences"], strict=False)
    ]
    order = {"good": 0, "same": 1, "level": 2}
    return [*leads, *sorted(found, key=lambda box: order[box["tone"]])]


def boxes_beside(beside: Mapping[str, Any] | None) -> list[Box]:
    """Return a box for each set of rows on which what costs seconds does as well as the best trial."""
    return [_leading(lead) for lead in beside["leads"]] if beside else []


def _leading(lead: str) -> Box:
    title, _, text = lead.partition(": ")
    return {"tone": "bad", "title": title, "text": text}


def _box(pair: Mapping[str, Any], sentence: str, verdict: Mapping[str, Any], *, is_news: bool) -> Box:
    one, other = (_called(pair[place], pair, verdict) for place in ("first", "second"))
    if pair["direction"]:
        is_first = pair["direction"] == pair["first"]
        better, worse = (one, other) if is_first else (other, one)
        title = f"{better} is better than {worse}{_by(pair, verdict['metric'])}"
        return {"tone": "good" if is_news else "level", "title": title, "text": sentence}
    if pair["equivalent"] is True and not pair.get("undirected"):
        title = f"No difference that matters between {one} and {other}: within {number(pair['margin'])}"
        return {"tone": "same", "title": title, "text": sentence}
    said = "No direction is given" if pair.get("undirected") else "Undecided"
    return {"tone": "level", "title": f"{said} between {one} and {other}", "text": sentence}


def _called(name: str, pair: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    """Return what a box may call an arm: what was chosen in it, or was run once, is not the method."""
    arm = next(arm for arm in verdict["arms"] if arm["name"] == name)
    if pair.get("scope") == "methods":
        return name
    chosen = f"{name}'s best of {arm['trials']} trials" if arm.get("trials") else name
    return f"the one run of {chosen}" if arm["runs"] == 1 else chosen


def _by(pair: Mapping[str, Any], metric: str) -> str:
    """Return by how much: the ends of the interval, since its middle is not known to be the size."""
    if pair["low"] is None or pair["high"] is None:
        return f", by {number(abs(pair['difference']))} {metric_name(metric)}"
    near, far = sorted(map(abs, (pair["low"], pair["high"])))
    return f", by {number(near)} to {number(far)} {metric_name(metric)}"


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
    found = [fact] if (fact := headline(sweep)) else []
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
    found += _cheap_facts(sweep.beside)
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


def _cheap_facts(beside: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    """Return the best trial and the baselines on the rows that say most: test rows, where it was scored on them."""
    if not beside:
        return []
    split = next((name for name in beside["splits"] if name != "validation"), "validation")
    own, metric = beside["splits"][split], beside["metric"]
    systems = {"best trial": {metric: own["best"]}, **systems_of({"": own["baselines"]})}
    note = f"{metric_name(metric)}, {split} rows"
    return [(name, number(values[metric]), note) for name, values in systems.items() if values.get(metric) is not None]


def _budget_facts(studies: Sequence[Study]) -> list[tuple[str, str, str]]:
    spent = [study.tuning.seconds for study in studies if study.tuning.seconds is not None]
    tokens = [study.tuning.tokens for study in studies if study.tuning.tokens is not None]
    found = []
    if spent:
        found.append(("time of all trials", seconds(sum(spent)), ""))
    if tokens:
        found.append(("tokens of all trials", count(sum(tokens)), ""))
    return found
