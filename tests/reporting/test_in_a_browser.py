"""Pages as a browser shows them: read on a phone and at a desk, in light and dark, and by those who do not see them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headtohead.notices import Notice
from headtohead.reporting import write_report
from headtohead.reporting.shared_script import put_script
from headtohead.reporting.sweeps import write_sweep_report
from reporting.made_up_runs import (
    NAMES,
    complete_run,
    failed_run,
    made_up_predictions,
    made_up_record,
    made_up_steps,
    write_run,
)
from reporting.made_up_sweeps import MIXED, made_up_study, sweep_with_arms, write_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE, DESK = 390, 1280
CHARACTERS_A_LINE = 6
NARROW = """
() => [...document.querySelectorAll("td, th, dd, p, li, h1, h2, h3")].flatMap((cell) => {
  const range = document.createRange();
  const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.textContent.trim();
    if (text.length < 12 || !node.parentElement.checkVisibility()) continue;
    range.selectNodeContents(node);
    const lines = new Set([...range.getClientRects()].filter((box) => box.width > 0).map((box) => Math.round(box.top)));
    if (lines.size && text.length / lines.size < LEAST) found.push([text.slice(0, 40), lines.size]);
  }
  return found;
})
""".replace("LEAST", str(CHARACTERS_A_LINE))
OPEN_ALL = "() => document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"


@contextmanager
def opened(browser: Any, path: Path, width: int, scheme: str = "light") -> Iterator[Any]:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, offline=True)
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    try:
        yield page
        assert errors == []
    finally:
        context.close()


def unbroken(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """A run whose labels and texts have no space, of which every text was cut."""
    monkeypatch.setitem(NAMES, "single", [f"{letter * 80}.example" for letter in "abcde"])
    parts = {name: made_up_predictions("single", name, 60) for name in ("test", "validation")}
    record = made_up_record("single", parts)
    record.notices = [Notice(text="every text was cut " + "x" * 300, command="prompt.max_tokens=" + "9" * 90).as_dict()]
    texts = dict.fromkeys(parts["test"].row_id, "w" * 3000)
    return write_run(folder, record, parts, made_up_steps(), texts)


def written(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    match kind:
        case "unbroken":
            return write_report(unbroken(monkeypatch, folder))
        case "failed":
            return write_report(failed_run(folder, error="no such file " + "x" * 200))
        case "sweep":
            return write_sweep_report(sweep_with_arms(folder))
        case "study":
            return write_sweep_report(write_study(folder, made_up_study("a study", MIXED)))
        case _:
            return write_report(complete_run(folder, kind))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["single", "multi", "ordinal", "real", "unbroken", "failed", "sweep", "study"])
def test_it_is_read_on_a_phone_and_by_everybody(
    kind: str, tmp_path: Path, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    path = written(kind, tmp_path / "run", monkeypatch)
    for width, scheme in ((PHONE, "light"), (DESK, "dark")):
        with opened(browser, path, width, scheme) as page:
            assert page.evaluate("document.documentElement.scrollHeight") < 16_000
            page.evaluate(OPEN_ALL)
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.evaluate(NARROW) == []
            found = Axe().run(page).response["violations"]
            assert [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in found] == []


def test_every_figure_says_what_it_shows(tmp_path: Path, browser: Any) -> None:
    with opened(browser, write_report(complete_run(tmp_path, "single")), DESK) as page:
        said = page.eval_on_selector_all(".figure", "figures => figures.map((each) => each.ariaLabel)")
        assert any(text.startswith("Confusion matrix of 5 labels: ") for text in said)
        assert any("F1 by class, weakest first" in text for text in said)
        assert len(set(said)) > len(said) / 2
        assert all(len(text) > 20 for text in said)


def test_what_leads_stands_above_the_finding(tmp_path: Path, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written("unbroken", tmp_path, monkeypatch)
    with opened(browser, path, PHONE) as page:
        warning, lead = (page.locator(name).first.bounding_box() for name in (".verdict", ".lead"))
        assert warning["y"] + warning["height"] <= lead["y"]
        assert warning["y"] < 844


def drawn(page: Any) -> int:
    return int(page.evaluate("document.querySelectorAll('.main-svg').length"))


def run_of_a_sweep(sweep: Path) -> Path:
    put_script(sweep)
    return write_report(complete_run(sweep / "arm" / "trial_0003" / "seed_1", "single"))


def test_the_pages_of_a_sweep_draw_with_its_one_script(tmp_path: Path, browser: Any) -> None:
    shared = run_of_a_sweep(tmp_path / "a sweep")
    alone = write_report(complete_run(tmp_path / "alone", "single"))
    with opened(browser, alone, DESK) as page:
        figures = drawn(page)
        assert "This page is self-contained" in page.inner_text("footer")
    assert figures > 5
    with opened(browser, shared, DESK) as page:
        assert drawn(page) == figures
        assert "copy or move that folder whole" in page.inner_text("footer")
        assert not page.locator("#undrawn").is_visible()
    moved = shutil.move(tmp_path / "a sweep", tmp_path / "moved # elsewhere")
    with opened(browser, Path(moved, "arm", "trial_0003", "seed_1", "report.html"), DESK) as page:
        assert drawn(page) == figures


def test_a_page_without_the_script_of_its_sweep_says_so(tmp_path: Path, browser: Any) -> None:
    shared = run_of_a_sweep(tmp_path / "sweep")
    (copied := tmp_path / "mailed.html").write_bytes(shared.read_bytes())
    with opened(browser, copied, PHONE) as page:
        assert drawn(page) == 0
        assert "Copy that folder whole" in page.locator("#undrawn").inner_text()
        assert page.locator("#undrawn").is_visible()


def test_the_policy_of_a_shared_page_runs_no_other_script(tmp_path: Path, browser: Any) -> None:
    path = run_of_a_sweep(tmp_path / "sweep")
    (tmp_path / "sweep" / "evil.js").write_text("window.evil = true")
    ways = (
        "<script>window.evil = true</script>",
        "<script src='../../../evil.js'></script>",
        "<img src=x onerror='evil=1'>",
    )
    path.write_text(path.read_text(encoding="utf-8").replace("<main>", f"<main>{''.join(ways)}"), encoding="utf-8")
    with opened(browser, path, DESK) as page:
        assert page.evaluate("window.evil") is None
        assert drawn(page) > 5
