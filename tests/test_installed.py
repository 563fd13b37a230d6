"""Installed from a wheel, ``headtohead`` works in any folder, with the configuration of the clone."""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from command_line import ROOT, write_rows

pytestmark = pytest.mark.slow  # builds and installs a wheel, and starts it several times


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs' folder of an environment with our wheel over the packages that are installed here."""
    place = tmp_path_factory.mktemp("installed")
    sources = place / "sources"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, tracked.split("\0")):  # setuptools writes beside what it builds
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            (sources / name).symlink_to(os.readlink(ROOT / name))
        elif (ROOT / name).exists():
            (sources / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(place), str(sources)]
    subprocess.run(build, check=True)
    (wheel,) = place.glob("*.whl")
    venv.create(place / "environment", symlinks=True)
    programs = place / "environment" / "bin"
    subprocess.run(
        [*pip, "--python", str(programs / "python"), "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True,
    )
    (own,) = (place / "environment").glob("lib/python*/site-packages")
    (own / "others.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")) + "\n")
    return programs


def run(program: Path, *arguments: str, cwd: Path, **variables: str) -> str:
    known = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(program), *arguments], cwd=cwd, capture_output=True, text=True, check=False, env={**known, **variables}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_the_same_program_elsewhere(installed: Path, tmp_path: Path, cache: Path) -> None:
    program = installed / "headtohead"
    (held,) = installed.parent.glob("lib/python*/site-packages/headtohead/conf")
    compared = filecmp.dircmp(ROOT / "conf", held)
    assert compared.left_only + compared.right_only + compared.diff_files == []
    assert run(program, "--version", cwd=tmp_path).startswith("headtohead 0.")
    shown = run(program, "--help", cwd=tmp_path)
    assert "bbc_news" in shown
    assert "minilm_l6" in shown
    here = subprocess.run(
        [sys.executable, "run.py", "--cfg", "job"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run(program, "--cfg", "job", cwd=tmp_path) == here.stdout
    rows = write_rows(tmp_path / "reviews.jsonl", count=60)
    quick = ["track=off", "evaluate.resamples=100", "evaluate.baselines=false", f"paths.cache={cache}"]
    run(program, "model=tfidf", "data=files", f"data.source.name={rows.name}", *quick, cwd=tmp_path)
    (record,) = tmp_path.glob("outputs/reviews-tfidf-*/result.json")
    run(program, "-m", "model=tfidf", "data=files", f"data.source.name={rows.name}", "seed=0,1",
        "hydra/launcher=local", "hydra.sweeper.n_jobs=2", *quick, cwd=tmp_path)  # fmt: skip
    assert len(list(tmp_path.glob("outputs/*/trial_0000/seed_*/predictions.parquet"))) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outputs", "reviews.jsonl"]
    assert record.exists()


def test_own_configuration_files_are_added(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "mine" / "data").mkdir(parents=True)
    (tmp_path / "mine" / "data" / "tickets.yaml").write_text(
        "defaults: [base, _self_]\nname: tickets\nsource: {name: tickets.csv}\n"
    )
    said = run(installed / "headtohead", "--config-dir", "mine", "data=tickets", "--cfg", "job", cwd=tmp_path)
    assert "name: tickets\n" in said
    module = run(
        installed / "python", "-m", "headtohead", "--config-dir", "mine", "data=tickets", "--cfg", "job", cwd=tmp_path
    )
    assert module == said


def test_the_shell_completes_settings(installed: Path, tmp_path: Path) -> None:
    script = 'eval "$(headtohead -sc install=bash)"; complete -p headtohead'
    shown = run(Path("/bin/bash"), "-c", script, cwd=tmp_path, PATH=f"{installed}:{os.environ['PATH']}")
    assert "headtohead" in shown
    line = "headtohead model=tf"
    asked = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_CWORD": "1", "COMP_WORDS": line}
    found = run(installed / "headtohead", "-sc", "query=bash", cwd=tmp_path, **asked)
    assert "model=tfidf" in found


def test_an_editable_installation_reads_the_clones_files() -> None:
    from headtohead.provenance import CONF

    assert CONF.resolve() == ROOT / "conf"
