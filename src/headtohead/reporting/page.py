"""``report.html``: one page per run that needs no network and runs no script but its own, or its sweep's."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from headtohead import atomic
from headtohead.notices import Notice
from headtohead.reporting import figures, finding, numbers, tables
from headtohead.reporting.ledger import ledger_lines
from headtohead.reporting.rendering import render
from headtohead.reporting.stored_run import RunFolder, read_folder
from headtohead.reporting.worst_table import order_in_words, worst_table
from headtohead.results import RunRecord

LEDGER = ("read", "encodings", "duplicates", "leakage", "near_duplicates")
TABLED = ("seconds", "tokens", "notes")
FIGURES = ("confusion", "per_class", "reliability", "risk_coverage", "by_length", "by_truncated", "scores")


def write_report(folder: Path) -> Path:
    """Write ``report.html`` into the folder of a run and return its path.

    Reads ``result.json``, and, where they exist, ``predictions.parquet``, ``metrics.jsonl`` and ``examples.json``.

    Raises:
        UserError: there is no readable ``result.json``.
    """
    path = folder / "report.html"
    atomic.write_text(path, render_run(read_folder(folder), beside=folder))
    return path


def render_run(run: RunFolder, *, beside: Path | None = None) -> str:
    """Return the page as text.

    Args:
        run: as its folder holds it.
        beside: the folder that the page is written into; None: it goes elsewhere, and is self-contained.
    """
    return render("report.html.jinja", beside=beside, **context(run))


def context(run: RunFolder) -> dict[str, Any]:
    """Return everything the template shows; a section without content is empty."""
    record = run.record
    main = finding.main_split(record)
    splits = sorted(record.metrics, key=lambda name: (name != main, name == "validation"))
    headline = finding.headline(record.metrics[main]) if main else None
    told = [Notice.from_dict(stored) for stored in record.notices]
    return {
        "record": record,
        "subject": finding.subject(record),
        "lead": finding.lead(record),
        "verdict": finding.verdict(record) if record.status == "completed" else None,
        "facts": tables.facts(record, main),
        "leading": [notice for notice in told if notice.leads],
        "following": [notice for notice in told if not notice.leads],
        "damages": run.notices,
        "overview": tables.overview(record, splits, headline) if headline and len(splits) > 2 else [],
        "headline": numbers.metric_name(headline) if headline else "",
        "splits": [_split_section(run, name) for name in splits],
        "curves": _curves(run, main),
        "data": tables.data_table(record.data),
        "truncation": tables.truncation_rows(record.data.get("truncation") or {}),
        "ledger": ledger_lines(record.data),
        "ledger_details": tables.flattened({key: record.data.get(key) or {} for key in LEDGER}),
        "cost": tables.cost_rows(record.cost),
        "cost_details": tables.flattened({key: value for key, value in record.cost.items() if key not in TABLED}),
        "cost_notes": record.cost.get("notes") or [],
        "audit": tables.audit_rows(record.audit),
        "audit_left": max(0, len(record.audit.get("labels") or []) - tables.ROWS_AT_MOST),
        "audit_notes": record.audit.get("notes") or [],
        "guards": tables.flattened({k: v for k, v in record.audit.items() if k not in ("labels", "notes")}),
        "export": tables.flattened(record.export),
        "calibration": tables.flattened(record.calibration),
        "settings": tables.flattened(record.config),
        "origin": tables.flattened({"model": record.model, **record.provenance}),
        "command": _command(record),
    }


def _split_section(run: RunFolder, split: str) -> dict[str, Any]:
    record = run.record
    details = record.details.get(split) or {}
    headline = finding.headline(record.metrics[split])
    rows = run.predictions.of_split(split) if run.predictions is not None else None
    section: dict[str, Any] = {
        "name": split,
        "rows": details.get("rows"),
        "groups": details.get("groups"),
        "metrics": tables.metrics_table(record, split),
        "strip": tables.strip(record, split, headline) if headline else None,
        "classes": tables.class_rows(details.get("per_class") or {}),
        "labels": details.get("labels"),
        "in_matrix": len((details.get("confusion") or {}).get("labels") or []),
        "in_bars": min(len(details.get("per_class") or {}), figures.CLASSES_AT_MOST),
        "confusions": tables.top_confusions(details["confusion"]) if details.get("confusion") else [],
        "figures": _figures(details),
        "worst": [],
        "worst_order": "",
    }
    if rows is not None and len(rows):
        section |= {"worst": worst_table(rows, run.texts), "worst_order": order_in_words(rows)}
        if rows.labels.kind in ("ordinal", "real"):
            section["figures"]["scores"] = figures.scores(rows)
    return section


def _figures(details: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that a split's details allow, ``None`` for the others."""
    found: dict[str, Any] = dict.fromkeys(FIGURES)
    if details.get("confusion"):
        found["confusion"] = figures.confusion(details["confusion"])
    if details.get("per_class"):
        found["per_class"] = figures.per_class(details["per_class"])
    if (details.get("reliability") or {}).get("before"):
        found["reliability"] = figures.reliability(details["reliability"])
    if details.get("risk_coverage"):
        found["risk_coverage"] = figures.risk_coverage(details["risk_coverage"])
    for name, parts in (details.get("slices") or {}).items():
        metric = finding.headline(parts[0]["metrics"]) if len(parts) > 1 else None
        if metric:
            found[f"by_{name}"] = figures.slices(parts, metric)
    return found


def _curves(run: RunFolder, main: str | None) -> list[tuple[str, Any]]:
    logged = dict.fromkeys(key for line in run.steps for key in line)
    headline = finding.headline(run.record.metrics[main]) if main else None
    wanted = [headline, "macro_f1", "accuracy", "mae", "spearman"]
    validation = [f"validation/{name}" for name in dict.fromkeys(wanted) if f"validation/{name}" in logged]
    panels = [
        ("Training loss", [key for key in ("train/loss",) if key in logged]),
        ("On validation rows", validation[:2]),
        ("Learning rate", [key for key in ("train/learning_rate",) if key in logged]),
    ]
    return [(title, figures.curve(run.steps, keys)) for title, keys in panels if keys]


def _command(record: RunRecord) -> str:
    """Return the command that was typed, or nothing where the record does not have it."""
    command = record.provenance.get("command") or ""
    return command if isinstance(command, str) else shlex.join(map(str, command))
