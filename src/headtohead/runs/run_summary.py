"""The end of a run on the terminal: its numbers beside the baselines', and where everything lies."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from headtohead.console.narrow_tables import narrow_table, print_table
from headtohead.evaluation.metric_table import METRICS
from headtohead.results import RunRecord

SHOWN = [name for name, metric in METRICS.items() if metric.shown]


def print_summary(record: RunRecord, folder: Path, note: str = "") -> None:
    """Print the metrics of every scored split with their intervals."""
    console = Console()
    splits = [split for split in record.metrics if split != "validation"] or list(record.metrics)
    for split in splits:
        print_table(console, _table(record, split))
    seconds = record.cost.get("seconds", {})
    if seconds:
        console.print("seconds: " + ", ".join(f"{name} {value:.1f}" for name, value in seconds.items()))
    if record.export:
        console.print(f"export: {record.export.get('status', '')} {record.export.get('reason', '')}".rstrip())
    console.print(f"{record.status}{f' ({note})' if note else ''}: {folder}", soft_wrap=True)
    if (folder / "report.html").exists():
        console.print(f"page: {folder / 'report.html'}", soft_wrap=True)


def _table(record: RunRecord, split: str) -> Table:
    others = [name.replace("_", " ") for name in record.baselines]
    table = narrow_table(
        f"{record.name}, {split}",
        ["metric", "this run (95\N{NO-BREAK SPACE}%\N{NO-BREAK SPACE}interval)", *others],
        left=["metric"],
    )
    for metric in SHOWN:
        if metric in record.metrics[split]:
            cells = [_cell(own.get(split, {}).get(metric), False) for own in record.baselines.values()]
            table.add_row(metric, _cell(record.metrics[split][metric], True), *cells)
    return table


def _cell(found: dict[str, float | None] | None, with_interval: bool) -> str:
    if not found or found["value"] is None:
        return "-"
    text = _number(found["value"])
    if with_interval and found["low"] is not None and found["high"] is not None:
        text += f" [{_number(found['low'])}, {_number(found['high'])}]"
    return text


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.1f}"
