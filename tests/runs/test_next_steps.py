"""A finished run ends with the lines that put its model to use, and a shell takes each as it is printed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import CommandLine, write_rows
from test_five_lines import typed

COMMAND = re.compile(r"^(?P<what>[^:\n]+(?::[^ \n]+)?.*?): (?P<line>python \S*run\.py .*)$", re.MULTILINE)
QUICK = ["track=off", "evaluate.resamples=100", "evaluate.baselines=false", "export.gate_rows=4", "data=files"]
TINY = ["model=tiny", "train.steps=2", "prompt.max_tokens=64", "data.near_duplicates.enabled=false"]


def printed(said: str) -> dict[str, str]:
    """Return the commands of a terminal, by what stands before each."""
    return {found["what"]: found["line"] for found in COMMAND.finditer(said)}


def in_a_shell(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Paste a line into a shell whose ``python`` is this one."""
    python = folder / "bin"
    python.mkdir(exist_ok=True)
    (python / "python").unlink(missing_ok=True)
    (python / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (python / "python").chmod(0o755)
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={**os.environ, "PATH": f"{python}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow  # whole runs, and processes that a shell starts
@pytest.mark.parametrize(
    ("kind", "outputs"),
    [
        (["model=tfidf"], "outputs"),
        (["model=tfidf", "export.form=none"], "my outputs, 2nd (new) = it's"),
        (TINY, "outputs"),
        ([*TINY, "export.form=none"], "my outputs"),
        ([*TINY, "head=generative"], "résultats"),
        ([*TINY, "export.form=merged"], "outputs"),
    ],
    ids=["tfidf", "tfidf, not exported", "adapter", "tiny, not exported", "generative", "merged"],
)
def test_the_last_lines_run_as_printed(kind: list[str], outputs: str, tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "a place"
    folder.mkdir()
    write_rows(folder / "rows.jsonl", count=60)
    place = 'paths.outputs="' + outputs + '"'
    settings = [*QUICK, *kind, "data.source.name=rows.jsonl", place, f"paths.cache={cache}"]
    said = typed(folder, "python run.py", *settings)
    (run,) = (folder / outputs).iterdir()
    lines = printed(said)
    form = json.loads((run / "result.json").read_text())["export"].get("form")
    assert (f"model: {run.relative_to(folder)}/model" in said) == (form is not None)
    exports = {None: "", "adapter": " export.form=merged", "merged": " export.form=adapter"}
    expected = 1 + (form is None or "model=tfidf" not in kind)
    assert len(lines) == expected, said
    for line in lines.values():
        done = in_a_shell(folder, line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if "task=predict" in line:
            assert json.loads(done.stdout)["predicted"] in ("sport", "business", "tech")
        else:
            assert line.endswith(exports[form] or ("'" if " " in outputs else ""))
            assert (run / "model" / ("adapter_config.json" if form == "merged" else "README.md")).exists()


@pytest.mark.slow  # two runs
def test_once_and_not_in_a_sweeps_trials(tmp_path: Path, cache: Path) -> None:
    line = CommandLine(tmp_path / "outputs", cache, write_rows(tmp_path / "rows.jsonl", count=60))
    line.always = ["model=tfidf", *QUICK]
    single = line().stdout
    assert [name for name in printed(single) if "classify" in name] == [
        "classify a text, or a file by task.input=<file>"
    ]
    assert len(printed(line().stdout)) == len(printed(single))  # it is finished, and the lines still stand
    shutil.rmtree(line.outputs)
    sweep = line("-m", "seed=0,1").stdout
    lines = [own for own in printed(sweep).values() if "task=" in own]
    assert len(lines) == len(printed(single))
    assert all(re.search(r"run=\S*outputs/[^/ ]+( |$)", own) for own in lines)  # of the sweep: its winner
