"""Recipes run once for all their tests, their gate in this process: a fresh one costs ten seconds of imports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headtohead.export import gate, parity
from recipes.tiny_recipes import Learnt, learn


@pytest.fixture(autouse=True, scope="package")
def gate_in_this_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "ask_fresh_process", gate.answer)
        yield


@pytest.fixture(scope="package")
def learnt(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Callable[[str], Learnt]:
    """Run a recipe by its name here, on first use."""
    runs: dict[str, Learnt] = {}

    def run(recipe: str) -> Learnt:
        if recipe not in runs:
            runs[recipe] = learn(recipe, tmp_path_factory.mktemp(recipe), cache)
        return runs[recipe]

    return run
