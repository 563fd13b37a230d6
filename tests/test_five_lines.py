"""What README has a newcomer type for own data, typed as it stands there."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path

import pandas
import pytest

from command_line import ROOT, in_child, write_rows


def typed(folder: Path, line: str, *further: str) -> str:
    """Type a line in a folder, with further settings behind it; return what it says."""

    def run() -> None:
        import runpy

        os.chdir(folder)
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
        sys.stdout = sys.stderr = out
        sys.argv = ["run.py", *shlex.split(line, comments=True)[2:], *further]
        runpy.run_path(str(ROOT / "run.py"), run_name="__main__")

    with tempfile.TemporaryFile("w+") as out:
        status = in_child(run)
        out.seek(0)
        said = out.read()
    assert status == 0, f"{line}\n{said}"
    return said


@pytest.mark.slow  # whole runs
def test_the_five_lines_of_the_readme_are_typed(tmp_path: Path, cache: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.split("## Your own data in five lines")[1].split("\n\n")[1]
    lines = [line.strip() for line in block.splitlines()]
    assert [line.split()[0] for line in lines] == ["#", *["python"] * (len(lines) - 1)]
    rows = write_rows(tmp_path / "reviews.jsonl", count=60)
    write_rows(tmp_path / "new.jsonl", count=9)
    table = pandas.read_json(rows, lines=True).rename(columns={"text": "review", "label": "stars"})
    table.to_csv(tmp_path / "reviews.csv", index=False)
    small = ["model=tiny", "track=off", "train.epochs=1", "evaluate.resamples=100", "prompt.max_tokens=64"]
    folder = ""
    for line in lines[1:]:
        settings = [] if "<folder>" in line else small
        said = typed(tmp_path, line.replace("<folder>", folder), *settings, f"paths.cache={cache}")
        folder = (
            folder or next((tmp_path / "outputs").glob("reviews-tiny-*")).name
        )  # of the first: its texts are `text`
        assert "UserError" not in said
    for answers in ("answers.csv", "new.predictions.jsonl"):
        assert len((tmp_path / answers).read_text(encoding="utf-8").splitlines()) >= 9
    assert (tmp_path / "outputs" / folder / "model" / "config.json").exists()  # merged
