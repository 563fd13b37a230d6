"""Reads a page as a browser would: what it runs, fetches and shows."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from html.parser import HTMLParser
from typing import Any

EVIL = "</script><script>alert('x')</script><img src=http://evil.example/x onerror=alert(1)> & \"quoted\" <b>bold</b>"


class Page(HTMLParser):
    """Collects what a browser would run, fetch and show."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[str] = []
        self.figures: list[dict[str, Any]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.open: str | None = None
        self.feed(text)
        self.text = re.sub(r"\s+", " ", " ".join(self.words)).replace("\xa0", " ")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.open = tag if tag in ("script", "style") else None
        if tag == "script" and dict(attrs).get("type") == "application/json":
            self.open = "figure"

    def handle_endtag(self, tag: str) -> None:
        self.open = None

    def handle_data(self, data: str) -> None:
        if self.open == "script":
            self.scripts.append(data)
        elif self.open == "figure":
            self.figures.append(json.loads(data))
        elif self.open is None:
            self.words.append(data)


def refuse_requests(page: Page, *, links: bool = False) -> None:
    """Check that a page runs two scripts of its own, by its policy no others, and asks nothing of anybody.

    Args:
        page: as read.
        links: whether it may link to other pages beside it.
    """
    assert len(page.scripts) == 2
    assert [name for _, name, _ in page.attributes if name in ("src", "srcset", "action") or name[:2] == "on"] == []
    targets = [value for _, name, value in page.attributes if name == "href" and not value.startswith("#")]
    assert links or not targets
    assert not [target for target in targets if ":" in target or target.startswith("/")]
    assert "link" not in page.tags
    (policy,) = [value for _, name, value in page.attributes if name == "content" and "script-src" in value]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    for script in page.scripts:
        assert f"'sha256-{_digest(script)}'" in policy


@cache
def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
