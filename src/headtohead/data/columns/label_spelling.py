"""Labels that are one to a reader, or to YAML, and other bytes to a computer. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Iterable
from decimal import Decimal, InvalidOperation

TRUTHS = dict.fromkeys(("true", "yes", "on"), "true") | dict.fromkeys(("false", "no", "off"), "false")
"""What YAML 1.1 reads as a truth value, whatever the case."""
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.IGNORECASE)
"""Not 1_2, which Python and YAML read as 12: in a file it is a name."""
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
LOOK_ALIKES = str.maketrans(
    "\u2010\u2011\u2012\u2013\u2014\u2212\u2018\u2019\u201c\u201d\u0131\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456",
    "------''\"\"iaeopcyxi",
)
"""Dashes, curly quotes, the dotless i, and the Cyrillic letters that look like Latin ones."""
UNSEEN = ("Cf", "Cc", "Mn", "Me")
"""Unicode categories of characters that print as nothing of their own: zero-width ones, combining accents."""


def total_order(name: str) -> tuple[int, Decimal, str]:
    """Return a sort key of labels: finite numbers by value, then texts by code point; no two labels compare equal.

    The comma of 1,5 is a decimal comma here: it stands between 1 and 2.
    """
    number = written_number(with_point(name))
    return (1, Decimal(0), name) if number is None else (0, number, name)


def as_yaml(label: str) -> str:
    """Return a label as YAML reads it: yes, True and on are one, and so are 1 and 1.0."""
    number = _number(label)
    return (
        str(number.normalize())
        if number is not None
        else TRUTHS.get(label.lower(), unicodedata.normalize("NFC", label))
    )


def as_seen(label: str) -> str:
    """Return a label as a reader sees it: case, punctuation, invisible characters, Unicode form and look-alikes aside.

    Of punctuation that are quotes around it, what ends a sentence, and whether words are joined by spaces, - or _.
    """
    plain = unicodedata.normalize("NFKC", label).casefold().replace("i\u0307", "i").translate(LOOK_ALIKES)
    shown = " ".join("".join(c for c in plain if unicodedata.category(c) not in ("Cf", "Cc") or c.isspace()).split())
    if (number := written_number(shown)) is not None:
        return str(number.normalize())
    joined = re.sub(r"(?<=\w)[-_ ]+(?=\w)", " ", shown)
    return joined.rstrip(".,;:!").strip("'\"`") or shown


def written_number(text: str) -> Decimal | None:
    """Return a label that is a number as people write them; None for names, and for what no float holds."""
    return _number(text) if NUMBER.fullmatch(text) and math.isfinite(float(text)) else None


def with_point(name: str) -> str:
    """Return a number with a decimal comma as it is written with a point; anything else as it is."""
    return name.replace(",", ".") if DECIMAL_COMMA.fullmatch(name) else name


def spelled(wanted: str, present: Collection[str], given: Collection[str]) -> list[str]:
    """Return the labels of the files that a configured one may name: the same text, else those that YAML reads alike.

    True and false are both: what was typed may have been yes, on or no.

    Args:
        wanted: as configured, after YAML.
        present: in the files.
        given: all that are configured; another one's text is not ``wanted``.
    """
    if wanted in present and wanted not in ("true", "false"):
        return [wanted]
    return sorted(
        label for label in present if as_yaml(label) == as_yaml(wanted) and (label == wanted or label not in given)
    )


def variants(labels: Iterable[str]) -> list[list[str]]:
    """Return the sets of labels that a reader takes for one, each and all in their total order."""
    found: dict[str, list[str]] = {}
    for label in sorted(labels, key=total_order):
        found.setdefault(as_seen(label), []).append(label)
    return [same for same in found.values() if len(same) > 1]


def visible(label: str) -> str:
    r"""Return a label with what cannot be seen written as \uXXXX."""
    hidden = (unicodedata.category(c) in UNSEEN or (c.isspace() and c != " ") for c in label)
    return "".join(f"\\u{ord(c):04x}" if hides else c for c, hides in zip(label, hidden, strict=True))


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
