"""README and docs: links lead somewhere, places exist, messages are those of the code, cures compose."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from command_line import ROOT
from headtohead.hydra_io.command_line import understood
from headtohead.hydra_io.schema import to_typed

CODE, DOCS = ROOT / "src" / "headtohead", ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md")), ROOT / "experiments" / "README.md"]
ANY = "\0"
"""In a text of the code, a place that is filled in when it is printed."""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def links_of(page: Path) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)) if "://" not in link]


def anchors_of(page: Path) -> set[str]:
    """Return the names by which a page's headings are linked."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in links_of(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def test_the_readme_is_short_and_names_every_page() -> None:
    assert len(text_of(ROOT / "README.md").split()) < 800
    named = {(ROOT / link.partition("#")[0]).resolve() for link in links_of(ROOT / "README.md")}
    assert set(DOCS.glob("*.md")) <= named


def tables_of(page: Path) -> Iterator[list[str]]:
    """Yield the cells of every row of a page's tables, without headings."""
    for line in re.sub(r"\|[^\n]*\|\n\|[-|]+\|\n", "", text_of(page)).splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def spans_of(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_places_of_the_glossary_exist() -> None:
    rows = list(tables_of(DOCS / "glossary.md"))
    assert len(rows) > 20
    for word, _, places in rows:
        assert spans_of(places), word
        for place in spans_of(places):
            assert (CODE / place).exists(), f"{word}: {place}"


def printed(file: Path) -> Iterator[str]:
    """Yield the texts of a source file without its docstrings; what is filled in is ``ANY``."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else ANY for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


MESSAGES = [row for row in tables_of(DOCS / "troubleshooting.md") if spans_of(row[0])]
PRINTED = "\n\n".join(text for file in sorted(CODE.rglob("*.py")) for text in printed(file))


def is_printed(message: str) -> bool:
    """Whether some text of the code holds a message, with places to fill in where it has ``<...>``."""
    return re.sub(r"<[^<>]*>", ANY, message) in PRINTED


@pytest.mark.parametrize("message", [row[0] for row in MESSAGES])
def test_a_message_of_troubleshooting_is_one_of_the_code(message: str) -> None:
    quoted = spans_of(message)[0]
    assert len(quoted.split()) > 2
    assert is_printed(quoted)


def test_a_message_that_nothing_prints_is_seen() -> None:
    assert not is_printed("holds a run made by quite other inputs")
    assert not is_printed("no disk space left in the attic")  # where the code fills something in


def settings_of(cell: str) -> Iterator[str]:
    """Yield what a cure adds to a command: spans whose every word is a setting with a value."""
    for span in spans_of(cell.replace("<folder>", "x")):
        if all(re.match(r"\+?[a-z][\w./]*=.", word) or word == "-m" for word in shlex.split(span)):
            yield span


CURES = sorted({settings for row in MESSAGES for settings in settings_of(row[1])})


@pytest.mark.slow  # a composition each
@pytest.mark.parametrize("settings", CURES)
def test_a_cure_composes(settings: str) -> None:
    given = shlex.split(settings)
    if not any(word.startswith("data=") for word in given):  # what was refused were files of one's own
        given = ["data=files", "data.source.name=rows.jsonl", *given]
    overrides = understood(given, ROOT / "conf")
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("config", overrides=overrides, return_hydra_config=True)
    assert to_typed(cfg).name
