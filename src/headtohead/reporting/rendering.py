"""Pages that need no network and run no script but their own: templates, style, and a policy that browsers hold them to."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headtohead.reporting import numbers

if TYPE_CHECKING:
    from jinja2 import Template

HERE = Path(__file__).parent


def render(template: str, **context: Any) -> str:
    """Return a page as text; whatever comes from data is escaped by the template.

    Args:
        template: a file beside this one that extends ``frame.html.jinja``.
        context: everything it shows.
    """
    return _template(template).render(**_frame(), count=numbers.count, **context)


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
def _frame() -> dict[str, Any]:
    from plotly.offline import get_plotlyjs

    scripts = {"plotly": get_plotlyjs(), "draw": (HERE / "draw.js.jinja").read_text(encoding="utf-8")}
    style = (HERE / "report.css").read_text(encoding="utf-8")
    return {"scripts": scripts, "policy": _policy(list(scripts.values())), "style": style}


def _policy(scripts: list[str]) -> str:
    """Return a content security policy: these scripts and no other, and no request to anywhere."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src {allowed}"
