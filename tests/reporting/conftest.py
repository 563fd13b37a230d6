"""A browser that reads the pages as a person would; REQUIRE_BROWSER=1 turns a skip into a failure."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update"]
AS_ROOT = ["--no-sandbox"]


def why_not() -> str | None:
    """Return why no page can be opened here, or None."""
    if shutil.which("chromium") is None:
        return "no chromium here: install the package chromium"
    missing = [name for name in ("playwright", "axe_playwright_python") if importlib.util.find_spec(name) is None]
    return f"no {' and '.join(missing)} here: pip install -e '.[dev]'" if missing else None


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, headless."""
    why = why_not()
    if why and os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(why)
    if why:
        pytest.skip(why)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*QUIET, *(AS_ROOT if os.geteuid() == 0 else [])]
        )
        yield chromium
        chromium.close()
