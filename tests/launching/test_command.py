"""What a person types: the program and paths of the commands that a sweep prints."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headtohead.grammar import assignment, from_here, typed_program
from headtohead.hydra_io.composition import parsed
from headtohead.provenance import SOURCES


@pytest.mark.parametrize(
    ("script", "typed"),
    [
        ("run.py", ["python", "run.py"]),
        ("{here}/run.py", ["python", "run.py"]),
        ("/elsewhere/run.py", ["python", "/elsewhere/run.py"]),
        ("/usr/bin/headtohead", ["headtohead"]),
        ("/site-packages/headtohead/__main__.py", ["python", "-m", "headtohead"]),
    ],
)
def test_a_program_is_named_as_it_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, typed: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [script.format(here=tmp_path), "-m"])
    assert typed_program() == typed


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="/"), min_size=1))
def test_a_path_of_any_characters_comes_back(name: str) -> None:
    path = Path("/somewhere") / name
    (word,) = shlex.split(shlex.quote(assignment("run", from_here(path))))
    value = parsed(word).value()
    assert str(getattr(value, "text", value)) == str(path)


def test_a_path_below_this_folder_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert from_here(tmp_path / "outputs" / "a-1") == "outputs/a-1"
    assert from_here(Path("/elsewhere/a b")) == "/elsewhere/a b"


@pytest.mark.slow  # a process
def test_a_job_that_runs_the_package_by_its_path_finds_pythons_own_modules() -> None:
    code = f"import runpy; runpy.run_path({str(SOURCES / '__main__.py')!r}); import statistics; print(statistics.fmean([1, 3]))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(SOURCES)!r}); {code}"],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "2.0", done.stderr
