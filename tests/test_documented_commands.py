"""No documented command is refused: each composes, and those of the first hour are typed for real."""

from __future__ import annotations

import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import IntervalSweep, Override

from command_line import ROOT, in_child, write_rows
from headtohead.command_line import understood
from headtohead.composition import parsed
from headtohead.schema import to_typed

CONF = ROOT / "conf"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTS += [*sorted((ROOT / "experiments").rglob("*.md")), *sorted(CONF.rglob("*.yaml"))]
PROGRAM = re.compile(r"(?:python run\.py|\bheadtohead|accelerate launch [^`#]*?run\.py) +(?=[-'\"+~\w])(?!is |of |\.)")


def commands_in(text: str) -> Iterator[str]:
    """Yield what stands behind the program: in indented lines, in comments, between backticks (over line ends)."""
    spans = [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
    lines = [re.sub(r"^# ?", "", line) for line in re.sub(r" \\\n\s*", " ", text).splitlines()]
    blocks = [line.strip() for line in lines if re.match(r"\s{2,}\S", line)]
    for line in [*blocks, *spans]:
        if (found := PROGRAM.match(line)) and "group=choice" not in line:
            yield line[found.end() :]


def without_placeholders(command: str) -> list[str]:
    command = re.sub(r"outputs/<[^>]*>", "outputs/x", command)
    command = re.sub(r",? *\.\.\.", "", re.sub(r"<[^>]*>", "x", command))
    command = re.split(r"\s{2,}\(", command)[0]  # a remark
    return shlex.split(command, comments=True)


FOUND = sorted({command for path in DOCUMENTS for command in commands_in(path.read_text(encoding="utf-8"))})


def test_there_are_commands() -> None:
    assert len(FOUND) > 30
    assert any(command.startswith("-m ") for command in FOUND)


def one_of(text: str) -> str:
    """Return an override with the first of the values that it sweeps over."""
    override: Override = parsed(text)
    if not override.is_sweep_override():
        return text
    value = override.value()
    first = value.start if isinstance(value, IntervalSweep) else next(iter(override.sweep_string_iterator()))
    return f"{override.get_key_element()}={first}"


@pytest.mark.slow  # a composition each
@pytest.mark.parametrize("command", FOUND)
def test_a_documented_command_composes(command: str) -> None:
    arguments = without_placeholders(command)
    if any(argument.startswith(("--help", "--version", "-sc", "--hydra-help")) for argument in arguments):
        return
    overrides = [argument for argument in understood(arguments, CONF) if "=" in argument]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", overrides=list(map(one_of, overrides)), return_hydra_config=True)
    assert to_typed(cfg).name


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
    assert [line.split()[0] for line in lines] == ["printf", *["python"] * (len(lines) - 1)]
    rows = write_rows(tmp_path / "reviews.jsonl", count=60)
    write_rows(tmp_path / "new.jsonl", count=9)
    import pandas as pd

    table = pd.read_json(rows, lines=True).rename(columns={"text": "review", "label": "stars"})
    table.to_csv(tmp_path / "reviews.csv", index=False)
    small = ["model=tiny", "track=off", "train.epochs=1", "evaluate.resamples=100", "prompt.max_tokens=64"]
    for line in lines[1:]:
        if "<folder>" not in line:
            typed(tmp_path, line, *small, f"paths.cache={cache}")
            continue
        folder = sorted((tmp_path / "outputs").glob("reviews-tiny-*"))[0].name
        typed(tmp_path, line.replace("<folder>", folder), f"paths.cache={cache}")
    assert (tmp_path / "answers.csv").exists()
