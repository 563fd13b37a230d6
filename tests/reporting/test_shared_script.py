"""One drawing library for the pages of a sweep: written once, found from every depth, left alone by what is no sweep's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headtohead import atomic
from headtohead.reporting import write_report
from headtohead.reporting.page import render_run
from headtohead.reporting.shared_script import drawing_script, put_script, script_above
from headtohead.reporting.stored_run import read_folder
from reporting.made_up_runs import complete_run
from reporting.page_reader import Page, refuse_requests


def the_script(sweep: Path) -> Path:
    (found,) = sweep.glob("plotly-*.min.js")
    return found


@pytest.mark.parametrize(
    "below", ["trial_0001", "arm/trial_0001/seed_2", "arm/tuning_2/repeat_0_fold_3/trial_0/seed_1"]
)
def test_it_is_found_from_every_run_of_a_sweep(tmp_path: Path, below: str) -> None:
    put_script(tmp_path)
    found = script_above(tmp_path / below)
    assert found
    assert (tmp_path / below / found).resolve() == the_script(tmp_path).resolve()


def test_the_script_of_another_version_or_sweep_is_not_taken(tmp_path: Path) -> None:
    put_script(tmp_path / "sweep")
    assert script_above(tmp_path / "other" / "trial_0001") is None
    the_script(tmp_path / "sweep").rename(tmp_path / "sweep" / "plotly-0.1.min.js")
    assert script_above(tmp_path / "sweep" / "trial_0001") is None


def test_a_resumed_sweep_leaves_it_alone_and_mends_a_damaged_one(tmp_path: Path) -> None:
    put_script(tmp_path)
    path = the_script(tmp_path)
    os.utime(path, (1, 1))
    put_script(tmp_path)
    assert path.stat().st_mtime == 1
    path.write_text("half of i")
    put_script(tmp_path)
    assert path.read_text(encoding="utf-8") == drawing_script()


def test_a_killed_controller_leaves_nothing_that_pages_would_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(moment: str, path: Path) -> None:
        if moment == "after write":
            os._exit(9)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(atomic, "on_step", die)
        put_script(tmp_path)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert len(list(tmp_path.iterdir())) == 1  # half written, under another name
    assert script_above(tmp_path / "trial_0001") is None
    put_script(tmp_path)
    assert list(tmp_path.iterdir()) == [the_script(tmp_path)]


@pytest.mark.slow
def test_a_page_of_a_sweep_is_small_and_allows_its_own_two_scripts_alone(tmp_path: Path) -> None:
    put_script(tmp_path)
    folder = complete_run(tmp_path / "trial_0001", "single")
    path = write_report(folder)
    page = Page(path.read_text(encoding="utf-8"))
    assert path.stat().st_size < 500_000
    assert [value for _, name, value in page.attributes if name == "src"] == [f"../{the_script(tmp_path).name}"]
    (nonce,) = [value for _, name, value in page.attributes if name == "nonce"]
    (policy,) = [value for _, name, value in page.attributes if name == "content" and "script-src" in value]
    allowed = policy.partition("script-src ")[2].split()
    assert [source.split("-")[0] for source in allowed] == ["'nonce", "'sha256"]
    assert allowed[0] == f"'nonce-{nonce}'"
    again = Page(write_report(folder).read_text(encoding="utf-8"))
    assert nonce not in [value for _, name, value in again.attributes if name == "nonce"]


@pytest.mark.slow
def test_a_page_that_goes_elsewhere_is_self_contained_and_otherwise_the_same(tmp_path: Path) -> None:
    put_script(tmp_path)
    folder = complete_run(tmp_path / "trial_0001", "single")
    beside, elsewhere = Page(write_report(folder).read_text()), Page(render_run(read_folder(folder)))
    refuse_requests(elsewhere)
    assert beside.figures == elsewhere.figures
