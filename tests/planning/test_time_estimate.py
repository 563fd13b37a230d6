"""How long a run should take: in proportion to what it does, and of the order of what it then takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import CommandLine, write_rows
from headtohead.hydra_io.schema import to_typed
from headtohead.planning.preflight import Preflight
from headtohead.planning.time_estimate import LOADING

QUIET = ["export.form=none", "evaluate.baselines=false"]


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> CommandLine:
    return CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=300))


def seconds(line: CommandLine, *overrides: str) -> float:
    checks = Preflight()
    checks.check(to_typed(line.composed(*QUIET, *overrides)))
    found = checks.seconds()
    assert found is not None
    return found


def test_it_grows_with_what_there_is_to_do(line: CommandLine) -> None:
    few = seconds(line, "train.steps=20")
    assert seconds(line, "train.steps=400") - LOADING > 5 * (few - LOADING)
    assert seconds(line, "train.steps=20", "export.form=adapter") > few
    assert seconds(line, "train.steps=400", "lora=full") > seconds(line, "train.steps=400", "lora=frozen")
    assert seconds(line, "model=tfidf") < 10


def test_it_is_the_mean_of_what_was_checked(line: CommandLine) -> None:
    checks, steps = Preflight(), (20, 400)
    for count in steps:
        checks.check(to_typed(line.composed(*QUIET, f"train.steps={count}")))
    alone = [seconds(line, f"train.steps={count}") for count in steps]
    assert checks.seconds() == pytest.approx(sum(alone) / 2)


def test_nothing_is_told_of_nothing() -> None:
    assert Preflight().seconds() is None


def test_rows_count_whether_batches_are_of_rows_or_of_tokens(line: CommandLine) -> None:
    by_rows = seconds(line, "train.epochs=4", "train.batch_size=8")
    assert by_rows / 3 < seconds(line, "train.epochs=4", "train.batch_tokens=160") < by_rows * 3
