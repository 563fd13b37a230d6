"""The page's tables as lists of plain strings and numbers, ready for the template."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args

from headtohead.errors import shortened
from headtohead.evaluation import HIGHER_IS_BETTER
from headtohead.evaluation.metric_table import METRICS, Group
from headtohead.reporting.numbers import (
    NONE,
    SYSTEM_NAMES,
    count,
    interval,
    memory,
    metric_name,
    number,
    percent,
    plain,
    seconds,
    system_name,
)
from headtohead.results import RunRecord

CONFUSIONS = 8
ROWS_AT_MOST = 100
"""Rows of a table with a row per label."""
KEYS_AT_MOST = 60
"""Settings of one section, such as a map of a thousand labels."""


def systems(record: RunRecord, split: str) -> dict[str, dict[str, Any]]:
    """Return the run's and each baseline's metrics on a split, the run first."""
    known = [name for name in SYSTEM_NAMES if split in record.baselines.get(name, {})]
    others = [name for name in record.baselines if name not in SYSTEM_NAMES and split in record.baselines[name]]
    return {"run": record.metrics[split]} | {name: record.baselines[name][split] for name in [*known, *others]}


def metrics_table(record: RunRecord, split: str) -> dict[str, Any]:
    """Return the run beside its baselines: groups of rows, a cell per system, the best one marked.

    ``groups`` holds what most readers want, ``further`` the averages and coefficients for those who look for them.
    """
    columns = systems(record, split)
    names = [name for name in HIGHER_IS_BETTER if name in record.metrics[split]]
    names += [name for name in record.metrics[split] if name not in HIGHER_IS_BETTER]
    shown = [name for name in names if not _is_further(name)]
    return {
        "systems": [system_name(name, "mae" in record.metrics[split]) for name in columns],
        "groups": _grouped(shown, columns),
        "further": _grouped([name for name in names if _is_further(name)], columns),
    }


def _grouped(names: list[str], columns: Mapping[str, dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        groups.setdefault(_group(name), []).append(_metric_row(name, columns))
    return [(group, groups[group]) for group in (*get_args(Group), "Other") if group in groups]


def _group(name: str) -> str:
    return METRICS[name].group if name in METRICS else "Other"


def _is_further(name: str) -> bool:
    return name in METRICS and METRICS[name].is_further


def _metric_row(name: str, columns: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    entries = [column.get(name) or {} for column in columns.values()]
    values = [entry.get("value") for entry in entries]
    known = [value for value in values if value is not None]
    best = None
    if len(known) > 1:
        best = max(known) if HIGHER_IS_BETTER.get(name, True) else min(known)
    return {
        "name": metric_name(name),
        "direction": {True: "↑", False: "↓"}.get(HIGHER_IS_BETTER.get(name, None), ""),  # type: ignore[arg-type]
        "cells": [
            {"value": number(value), "interval": interval(entry), "best": value is not None and value == best}
            for value, entry in zip(values, entries, strict=True)
        ],
    }


def strip(record: RunRecord, split: str, metric: str) -> dict[str, Any] | None:
    """Return each system's value and interval as per cents of a scale from zero, for a drawing without script."""
    entries = {name: column.get(metric) for name, column in systems(record, split).items()}
    present = {name: entry for name, entry in entries.items() if entry and entry.get("value") is not None}
    if not present:
        return None
    reach = [bound for entry in present.values() for bound in entry.values() if bound is not None]
    top = 1.0 if max(reach) <= 1 else _round_scale(max(reach))
    return {
        "metric": metric_name(metric),
        "better": "further right is better" if HIGHER_IS_BETTER.get(metric, True) else "further left is better",
        "ticks": [(25 * i, f"{top * i / 4:.3g}".removeprefix("0") or "0") for i in range(5)],
        "rows": [_strip_row(name, entry, top, metric) for name, entry in present.items()],
    }


def _round_scale(reach: float) -> float:
    """Return the least number that holds ``reach`` and whose quarters are round."""
    quarter = reach / 4
    unit = 10.0 ** math.floor(math.log10(quarter))
    return 4 * unit * next(step for step in (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 8, 10) if step * unit >= quarter)


def _strip_row(name: str, entry: dict[str, float | None], top: float, metric: str) -> dict[str, Any]:
    def place(value: float | None) -> float:
        return round(100 * min(max((entry["value"] if value is None else value) or 0.0, 0.0), top) / top, 2)

    return {
        "key": "run" if name == "run" else "majority" if name == "majority" else "baseline",
        "name": system_name(name, metric == "mae"),
        "value": number(entry["value"]),
        "interval": interval(entry),
        "at": place(None),
        "low": place(entry.get("low")),
        "high": place(entry.get("high")),
    }


def overview(record: RunRecord, splits: list[str], metric: str) -> list[dict[str, Any]]:
    """Return one metric of the run and its baselines on each split that has it: test sets are never pooled."""
    return [
        {
            "split": split,
            "rows": count((record.details.get(split) or {}).get("rows")),
            "cells": [
                (system_name(name, metric == "mae"), number(column[metric]["value"]), interval(column[metric]))
                for name, column in systems(record, split).items()
                if metric in column
            ],
        }
        for split in splits
        if metric in record.metrics[split]
    ]


def class_rows(table: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return per class its rows, predictions, precision, recall and F1 with interval, in the data's order."""
    return [
        {
            "name": shortened(name),
            "support": count(row["support"]),
            "predicted": count(row["predicted"]),
            "parts": [(number(row[part]["value"]), interval(row[part])) for part in ("precision", "recall", "f1")],
        }
        for name, row in table.items()
    ]


def top_confusions(table: dict[str, Any]) -> list[dict[str, str]]:
    """Return the most frequent pairs of gold and wrongly predicted label."""
    return [
        {
            "gold": shortened(pair["gold"]),
            "predicted": shortened(pair["predicted"]),
            "rows": count(pair["rows"]),
            "share": percent(pair["rows"] / pair["of"]),
        }
        for pair in (table.get("pairs") or [])[:CONFUSIONS]
    ]


def data_table(data: dict[str, Any]) -> dict[str, Any]:
    """Return rows per split, and per class and split; of very many classes those with most rows, and how many are left."""
    rows, classes = data.get("rows") or {}, data.get("classes") or {}
    splits = list(rows) or list(classes)
    labels = list(dict.fromkeys(label for split in splits for label in classes.get(split) or {}))
    counted = {label: [(classes.get(split) or {}).get(label, 0) for split in splits] for label in labels}
    largest = set(sorted(labels, key=lambda label: -sum(counted[label]))[:ROWS_AT_MOST])
    return {
        "splits": splits,
        "rows": [count(rows.get(split)) for split in splits],
        "classes": [(shortened(label), [*map(count, counted[label])]) for label in labels if label in largest],
        "left": len(labels) - len(largest),
    }


def truncation_rows(truncation: dict[str, Any]) -> list[dict[str, str]]:
    """Return per split how much text was cut, and from which class most rows."""
    found = []
    for split, entry in truncation.items():
        rows, cut = entry.get("rows") or 0, entry.get("rows_cut") or 0
        per_class = {name: lost for name, lost in (entry.get("per_class") or {}).items() if lost["rows_cut"]}
        most = max(per_class, key=lambda name: per_class[name]["rows_cut"], default=None)
        found.append(
            {
                "split": split,
                "cut": f"{count(cut)} of {count(rows)}",
                "share": percent(cut / rows) if rows else NONE,
                "tokens": count(entry.get("tokens_lost")),
                "most": _lost(most, per_class[most]) if most else NONE,
            }
        )
    return found


def _lost(name: str, lost: dict[str, int]) -> str:
    return f"{shortened(name)} ({count(lost['rows_cut'])} rows, {count(lost['tokens_lost'])} tokens)"


def cost_rows(cost: dict[str, Any]) -> list[dict[str, Any]]:
    """Return per phase its seconds, tokens and speed, and its share of the time."""
    spent, tokens = cost.get("seconds") or {}, cost.get("tokens") or {}
    total = sum(spent.values())
    return [
        {
            "phase": phase.replace("_", " "),
            "seconds": seconds(spent.get(phase)),
            "share": round(100 * spent.get(phase, 0) / total, 1) if total else 0,
            "tokens": count(tokens.get(phase)),
            "speed": count(tokens[phase] / spent[phase]) if tokens.get(phase) and spent.get(phase) else NONE,
        }
        for phase in dict.fromkeys([*spent, *tokens])
    ]


def facts(record: RunRecord, split: str | None) -> list[tuple[str, str, str]]:
    """Return the run's figures at a glance: name, value, note."""
    cost = record.cost
    found = []
    if split and (rows := (record.details.get(split) or {}).get("rows")):
        groups = record.details[split].get("groups")
        note = f"in {count(groups)} groups" if groups and groups < rows else ""
        found.append((f"{split} rows", count(rows), note))
    if cost.get("seconds"):
        found.append(("time", seconds(sum(cost["seconds"].values())), f"in {len(cost['seconds'])} phases"))
    if cost.get("peak_memory_bytes"):
        found.append(("peak memory", memory(cost["peak_memory_bytes"]), ""))
    trained, every = cost.get("trainable_parameters"), cost.get("parameters")
    if trained is not None:
        found.append(
            ("trained weights", count(trained), f"{percent(trained / every)} of {count(every)}" if every else "")
        )
    if record.calibration.get("temperature") and not record.calibration.get("reason"):
        rows = record.calibration.get("rows")
        fitted = f"fitted on {count(rows)} validation rows" if rows else "fitted on validation"
        found.append(("temperature", number(record.calibration["temperature"]), fitted))
    if record.test_reads:
        found.append(("test set read", f"{record.test_reads} ×", ""))
    return found


def audit_rows(audit: dict[str, Any]) -> list[dict[str, Any]]:
    """Return per label its word, how the tokenizer cuts it, and the token ids; of very many labels the first."""
    return [
        {
            "name": entry.get("name", NONE),
            "word": entry.get("word", NONE),
            "tokens": [str(token) for token in entry.get("tokens") or []],
            "ids": ", ".join(map(str, entry.get("ids") or [])),
        }
        for entry in (audit.get("labels") or [])[:ROWS_AT_MOST]
    ]


def flattened(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Return a nested section as dotted keys with one-line values, as they are typed on the command line.

    Of a section or list with very many items the first are shown, and how many more there are.
    """
    if isinstance(value, dict) and value:
        items = {str(key): item for key, item in value.items()}
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        items = {str(place): item for place, item in enumerate(value)}
    else:
        return [(prefix, plain(value))] if prefix else []
    shown = [
        pair
        for key, item in list(items.items())[:KEYS_AT_MOST]
        for pair in flattened(item, f"{prefix}.{key}" if prefix else key)
    ]
    left = len(items) - KEYS_AT_MOST
    return [*shown, (prefix, f"and {count(left)} more in result.json")] if left > 0 else shown
