"""Folders in which a stranger finds the way: none is crowded, and a file name says which file it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src" / "headtohead"
MODULES = [path for path in SOURCES.rglob("*.py") if path.name not in ("__init__.py", "__main__.py")]


def test_no_folder_holds_more_than_fifteen_modules():
    counts = Counter(path.parent.relative_to(SOURCES).as_posix() for path in MODULES)
    assert {folder: count for folder, count in counts.items() if count > 15} == {}


def test_at_most_one_module_in_twenty_shares_its_name_with_another():
    places = defaultdict(list)
    for path in MODULES:
        places[path.stem].append(path.relative_to(SOURCES).as_posix())
    shared = [place for found in places.values() if len(found) > 1 for place in found]
    assert len(shared) <= 0.05 * len(MODULES), sorted(shared)


def test_every_folder_says_what_is_in_it():
    for path in SOURCES.rglob("__init__.py"):
        assert path.read_text(encoding="utf-8").startswith('"""'), path
