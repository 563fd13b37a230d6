"""Tables of the terminal fit eighty columns, and no word or number of them is cut."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from headtohead.config import CompareConfig
from headtohead.console.narrow_tables import narrow_table, print_table
from headtohead.results import RunRecord
from headtohead.runs import run_summary
from headtohead.runs.run_summary import SHOWN, print_summary
from headtohead.tasks.compare import judge_runs
from reporting.made_up_sweeps import MIXED, made_up_study, write_confirming, write_study


def lines_of(printed: str) -> list[str]:
    lines = [line for line in printed.splitlines() if not line.startswith(("completed: ", "page: ", "verdict: "))]
    assert max(map(len, lines)) <= 80
    assert "…" not in printed
    return lines


@pytest.mark.parametrize("value", [0.98765, 12_345.678, -3.5])
def test_the_numbers_of_a_run(value: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = {"value": value, "low": value - 0.01, "high": value + 0.01}
    metrics = {"test": dict.fromkeys(SHOWN, entry)}
    baselines: Any = dict.fromkeys(("majority", "tfidf", "tfidf_truncated"), metrics)
    record = RunRecord(name="own_data-smollm2_135m", fingerprint="0", status="completed", config={}, metrics=metrics)
    record.baselines = baselines
    record.cost["seconds"] = {f"phase {i}": 1.0 for i in range(12)}
    print_summary(record, tmp_path)
    printed = capsys.readouterr().out
    lines_of(printed)
    assert all(name in printed for name in (*SHOWN, "majority", "truncated"))
    assert printed.count(run_summary._number(value)) >= 4 * len(SHOWN)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_a_terminal_too_narrow_for_a_table_cuts_no_digit(width: int) -> None:
    printed = io.StringIO()
    table = narrow_table("", ["arm", *(f"metric {place}" for place in range(6))], left=["arm"])
    cells = ["-0.168 to -0.00705", "+0.0877", "12,345,678.9", "p < .001", "0.171", "0.0301"]
    table.add_row("generative with a prompt", *cells)
    print_table(Console(file=printed, width=width, force_terminal=False), table)
    assert all(cell in printed.getvalue() for cell in cells)
    assert all(word in printed.getvalue() for word in ("metric", "prompt"))


@pytest.mark.slow
def test_the_tables_of_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.StringIO()
    monkeypatch.setattr(
        "headtohead.comparisons.verdict_table.Console", lambda: Console(file=printed, width=80, force_terminal=False)
    )
    found = {}
    for place, arm in enumerate(["generative_with_a_prompt", "classification", "tfidf"]):
        study = made_up_study(f"s/{arm}", MIXED, level=0.92 - 0.01 * place, seed=place)
        folder = write_study(tmp_path / arm, study)
        found[arm] = [write_confirming(folder, study, noise=0.5 + place, runs=3, rows=60)]
    judge_runs(found, CompareConfig(margin={"macro_f1": 0.05}), tmp_path)
    lines = lines_of(printed.getvalue())
    for words in ("1,133,000", "seconds", "inflation", "classification", "trials"):
        assert any(words in line for line in lines), words
