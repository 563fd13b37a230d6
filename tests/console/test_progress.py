"""The bar of training fits a terminal of eighty columns: steps, loss, rate and times are whole."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Progress

from headtohead.console.progress import training_columns


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize(
    "name",
    [
        "tiny",
        "bewertungen-minilm_l6",
        "3 runs together",
        "a_data_set_of_a_very_long_name-qwen3_0_6b",
    ],
)
def test_numbers_and_times_are_whole_at_any_width(name: str, width: int) -> None:
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system=None)
    bar = Progress(*training_columns(), console=console)
    bar.add_task(name, total=1200, completed=600, loss="0.5526", rate="12,899")
    with console.capture() as shown:
        console.print(bar.make_tasks_table(bar.tasks))
    line, *wrapped = shown.get().splitlines()
    assert all(part in line for part in ("600/1200", "loss 0.5526", "12,899 tokens/s", "0:00:00", " left ", "-:--:--"))
    assert len(line) <= width
    assert not wrapped or " " in name
    assert name in line or wrapped or width < 200
