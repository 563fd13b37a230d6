"""The finding in words: what was run, how well it did, and whether it beat what costs seconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from headtohead.evaluation import HIGHER_IS_BETTER
from headtohead.reporting.numbers import metric_name, number, percent, seconds, with_interval
from headtohead.results import RunRecord

Entry = dict[str, float | None]

HEADLINES = ("accuracy", "macro_f1", "mae")
"""Single-label runs are headed by accuracy, multi-label ones (which have none) by macro-F1, scores by MAE."""
FEW_CUT = 0.05
"""Share of texts up to which it may stay unsaid in the finding that they were cut."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison with the baselines comes to."""

    tone: Literal["good", "level", "bad"]
    title: str
    text: str


def main_split(record: RunRecord) -> str | None:
    """Return the split that heads the page: ``test``, else another test set, else validation."""
    names = sorted(record.metrics, key=lambda name: (name == "validation", name != "test"))
    return names[0] if names else None


def headline(metrics: dict[str, Entry]) -> str | None:
    """Return the metric that heads the page; a score's error wins over its rounded accuracy."""
    order = ("mae", *HEADLINES) if "mae" in metrics else HEADLINES
    return next((name for name in order if name in metrics), None)


def _first(*candidates: Any) -> str:
    return next((str(candidate) for candidate in candidates if candidate), "")


def model_name(record: RunRecord) -> str:
    """Return the short name of the weights: the hub's, else the configuration's, with its variant if there are two."""
    model = record.config.get("model") or {}
    source = record.model.get("source") or model.get(model.get("variant") or "") or {}
    if source.get("kind") == "hub" and source.get("name"):
        return str(source["name"]).rsplit("/", 1)[-1]
    name = _first(record.model.get("name"), model.get("name"), record.name)
    both = model.get("base") and model.get("instruct")
    return f"{name} {model['variant']}" if both and model.get("variant") else name


def trained_name(record: RunRecord) -> str:
    """Return what was trained, in a word or two."""
    lora = record.config.get("lora") or {}
    match lora.get("kind"):
        case "lora":
            quantised = lora.get("quantisation") not in (None, "none")
            kind = "QLoRA" if quantised else "DoRA" if lora.get("dora") else "LoRA"
            return f"{kind}\N{NO-BREAK SPACE}r{lora.get('rank')}"
        case "full":
            return "full fine-tuning" if lora.get("embeddings", True) else "full fine-tuning but embeddings"
        case "frozen":
            return "frozen trunk"
    return ""


def subject(record: RunRecord) -> str:
    """Return ``model + what is trained, head, on data``."""
    model = model_name(record)
    data = _first(record.data.get("name"), (record.config.get("data") or {}).get("name"))
    if (record.config.get("model") or {}).get("kind") == "tfidf":
        parts = [model]
    else:
        trained, head = trained_name(record), (record.config.get("head") or {}).get("kind")
        parts = [f"{model} +\N{NO-BREAK SPACE}{trained}" if trained else model, *([f"{head} head"] if head else [])]
        parts += [loss for loss in [record.model.get("loss") or ""] if "restricted" in loss]
    return ", ".join([*parts, *([f"on {data}"] if data else [])])


def total_seconds(record: RunRecord) -> float | None:
    """Return the seconds of all phases together."""
    phases = record.cost.get("seconds") or {}
    return sum(phases.values()) if phases else None


def baselines_of(record: RunRecord, split: str, metric: str) -> dict[str, Entry]:
    """Return each baseline's value of a metric on a split, where it has one."""
    named = {name: splits.get(split, {}).get(metric) for name, splits in record.baselines.items()}
    return {name: entry for name, entry in named.items() if entry and entry.get("value") is not None}


def lead(record: RunRecord) -> str:
    """Return the finding in one sentence, without its subject."""
    split = main_split(record)
    metric = headline(record.metrics[split]) if split else None
    if split is None or metric is None:
        return "no metrics"
    rows = (record.details.get(split) or {}).get("rows")
    scored = f" on {rows} {split} rows" if rows else f" on {split}"
    scored += _cut(record, split)
    parts = [f"{_in_prose(metric)} {with_interval(record.metrics[split][metric])}{scored}"]
    parts += [f"{_spoken(name, metric)} {number(entry['value'])}" for name, entry in _told(record, split, metric)]
    spent = total_seconds(record)
    return "; ".join([*parts, *([seconds(spent)] if spent else [])])


def _cut(record: RunRecord, split: str) -> str:
    """Say of how many of a split's texts the model read a part alone, where they are more than a few."""
    found = (record.data.get("truncation") or {}).get(split) or {}
    rows, cut = found.get("rows") or 0, found.get("rows_cut") or 0
    if not rows or cut / rows <= FEW_CUT:
        return ""
    return ", every one of them cut" if cut == rows else f", {cut} of them ({percent(cut / rows)}) cut"


def _told(record: RunRecord, split: str, metric: str) -> Iterable[tuple[str, Entry]]:
    found = baselines_of(record, split, metric)
    return [(name, found[name]) for name in ("tfidf", "majority") if name in found]


def _in_prose(metric: str) -> str:
    name = metric_name(metric)
    return name if name.isupper() else name[0].lower() + name[1:]


def _spoken(baseline: str, metric: str) -> str:
    if baseline == "majority":
        return "constant answer" if metric == "mae" else "majority"
    return {"tfidf": "TF-IDF", "tfidf_truncated": "TF-IDF on truncated text"}.get(baseline, baseline)


def verdict(record: RunRecord) -> Verdict | None:
    """Say whether the run beat the baselines; ``None`` where there is nothing to compare."""
    split = main_split(record)
    metric = headline(record.metrics[split]) if split else None
    if split is None or metric is None or record.metrics[split][metric].get("value") is None:
        return None
    own, others = record.metrics[split][metric], baselines_of(record, split, metric)
    guess = others.pop("majority", None)
    if guess and not _gain(metric, own, guess) > 0:
        text = f"{_both(metric, own, guess, 'answering without reading')}. The run has learned nothing that shows here."
        return Verdict("bad", "No better than always giving the same answer", text)
    if not others:
        return None if guess is None else _over_guessing(metric, own, guess)
    strongest = max(others, key=lambda name: _gain(metric, others[name], own))
    difference = record.differences.get(strongest, {}).get(split, {}).get(metric)
    return _against(metric, own, others[strongest], _spoken(strongest, metric), difference)


def _over_guessing(metric: str, own: Entry, guess: Entry) -> Verdict:
    text = f"{_both(metric, own, guess, 'the same answer always')}. No trained baseline was scored."
    return Verdict("level", "Better than guessing", text)


def _gain(metric: str, own: Entry, other: Entry) -> float:
    difference = float(own["value"] or 0.0) - float(other["value"] or 0.0)
    return difference if HIGHER_IS_BETTER.get(metric, True) else -difference


def _surely(difference: Entry | None) -> tuple[bool, str]:
    """Say whether the paired interval of a difference leaves out zero, and give it."""
    low, high = (difference or {}).get("low"), (difference or {}).get("high")
    if difference is None or low is None or high is None:
        return False, "Row by row they cannot be told apart."
    told = f"Paired row by row, the difference is {with_interval(difference)}"
    if low > 0 or high < 0:
        return True, f"{told}."
    return False, f"{told}: it may be chance."


def _both(metric: str, own: Entry, other: Entry, name: str) -> str:
    return f"{metric_name(metric)} {with_interval(own)} against {with_interval(other)} for {name}"


def _against(metric: str, own: Entry, other: Entry, name: str, difference: Entry | None) -> Verdict:
    gain, (clear, surely) = _gain(metric, own, other), _surely(difference)
    compared = _both(metric, own, other, name)
    if gain > 0 and clear:
        return Verdict("good", f"Beats {name} by {number(gain)}", f"{compared}. {surely}")
    if gain > 0:
        return Verdict("level", f"Ahead of {name} by {number(gain)}, but not clearly", f"{compared}. {surely}")
    if gain == 0:
        title = f"No better than {name}"
    else:
        title = f"{name} wins by {number(-gain)}" if clear else f"{name} is ahead by {number(-gain)}, not clearly"
    return Verdict("bad", title, f"{compared}. A linear model that trains in seconds does at least as well. {surely}")
