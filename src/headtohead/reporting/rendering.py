"""Pages that need no network and run no script but their own: templates, style, and a policy that browsers hold them to.

A page is self-contained, or, below the folder of a sweep, loads the drawing library from there (``shared_script``).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headtohead.reporting import numbers
from headtohead.reporting.shared_script import drawing_script, script_above

if TYPE_CHECKING:
    from jinja2 import Template

HERE = Path(__file__).parent


def render(template: str, *, beside: Path | None = None, **context: Any) -> str:
    """Return a page as text; whatever comes from data is escaped by the template.

    Args:
        template: a file beside this one that extends ``frame.html.jinja``.
        beside: the folder that the page is written into, whose sweep may hold the drawing library; None: self-contained.
        context: everything it shows.
    """
    shared = script_above(beside) if beside else None
    frame = _self_contained() if shared is None else _loading(shared)
    return _template(template).render(**frame, count=numbers.count, **context)


@cache
def _template(name: str) -> Template:
    """Compile a page's template once: a sweep writes hundreds of pages."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    engine = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    engine.policies["json.dumps_kwargs"] = {"allow_nan": False}
    return engine.get_template(name)


@cache
def _self_contained() -> dict[str, Any]:
    scripts = {"plotly": drawing_script(), "draw": _read("draw.js.jinja")}
    allowed = [_digest(script) for script in scripts.values()]
    return {"scripts": scripts, "policy": _policy(allowed), "style": _read("report.css"), "shared": None, "nonce": ""}


def _loading(shared: str) -> dict[str, Any]:
    """Return the frame of a page that loads the drawing library.

    A nonce allows it, as a browser verifies no digest of a file that it reads from a disk; it is drawn for each page,
    so that text from data cannot know it.
    """
    draw, nonce = _read("draw.js.jinja"), secrets.token_urlsafe(16)
    return {
        "scripts": {"draw": draw},
        "policy": _policy([f"'nonce-{nonce}'", _digest(draw)]),
        "style": _read("report.css"),
        "shared": shared,
        "nonce": nonce,
    }


@cache
def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _policy(allowed: list[str]) -> str:
    """Return a content security policy: these scripts and no other, and no request to anywhere."""
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src {' '.join(allowed)}"
