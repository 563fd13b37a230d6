"""Settings as they are typed: values in Hydra's override grammar, and overrides as a shell takes them.

Hydra itself is not imported: records and pages print commands, too.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLAIN = re.compile(r"[\w./-]*[A-Za-z_][\w./-]*", re.ASCII)
"""Text that reads better without quotes and stands for itself in the grammar and in a shell."""
OTHER_TYPES = re.compile(r"null|true|false|yes|no|on|off|nan|[+-]?inf(inity)?|[+-]?[\d._]+e[+-]?[\d_]+", re.IGNORECASE)
"""Plain text that the grammar, or YAML, would take for something else."""


def assignment(key: str, value: Any) -> str:
    """Return ``key=value`` for a job's command line.

    Args:
        key: dotted key or group, with ``+`` in front where the key is new.
        value: None, bool, int, float, str, or lists and dicts of these. Text is taken as the override grammar gave it:
            ``${...}`` stays an interpolation, ``\\${`` a literal.
    """
    return f"{key}={in_grammar(value)}"


def in_grammar(value: Any) -> str:
    """Return a value in Hydra's override grammar (hydra.cc/docs/advanced/override_grammar/basic).

    The grammar quotes no keys: a mapping with others is a text that holds it as JSON, which settings that are mappings
    read (``config.build``).
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return value if _is_plain(value) else quoted(value)
        case list() | tuple():
            return "[" + ",".join(in_grammar(item) for item in value) + "]"
        case dict():
            if not all(_is_plain(str(key)) for key in value):
                return quoted(json.dumps(value))
            return "{" + ",".join(f"{key}:{in_grammar(item)}" for key, item in value.items()) + "}"
        case _:
            raise TypeError(f"{value!r} has no form in Hydra's override grammar")


def quoted(text: str) -> str:
    """Return a text in the grammar's quotes: double ones, which stand well between a shell's single ones.

    Backslashes count only before a quote, so those at the end and before one inside are doubled.
    """
    quote = "'" if '"' in text and "'" not in text else '"'
    escaped = re.sub(rf"(\\*){quote}", lambda found: rf"{found[1] * 2}\{quote}", text)
    return quote + re.sub(r"\\+$", lambda found: found[0] * 2, escaped) + quote


def in_shell(*overrides: str) -> str:
    """Return overrides as a person types them into a shell."""
    return shlex.join(overrides)


def typed(key: str, value: Any) -> str:
    """Return ``key=value`` ready to be pasted after ``python run.py``."""
    return in_shell(assignment(key, value))


def typed_mapping(key: str, names: Mapping[str, Any]) -> str:
    """Return a setting that is a mapping as a person types it into a shell, whatever its names."""
    return in_shell(f"{key}={json.dumps(names)}")


def command(*overrides: str) -> str:
    """Return a whole command as a person types it into a shell."""
    return in_shell(*typed_program(), *overrides)


def typed_program(script: Path | None = None) -> list[str]:
    """Return what a person types before the settings: ``python run.py``, ``python -m headtohead``, or a program's name.

    Args:
        script: that Python was started with; this process's own where none is given.
    """
    script = script or Path(sys.argv[0])
    if script.name == "__main__.py":
        return ["python", "-m", script.absolute().parent.name]
    if script.suffix != ".py":
        return [script.name]
    is_here = script.absolute().parent == Path.cwd()
    return ["python", script.name if is_here else str(script)]


def typed_command() -> list[str]:
    """Return the words of the command that this process was started with, as a person types it."""
    return [*typed_program(), *sys.argv[1:]]


def as_typed(noted: str) -> tuple[list[str], list[str]]:
    """Return the program and the other words of a command that a record holds; earlier versions noted the script alone."""
    words = shlex.split(noted) or ["run.py"]
    if words[0].endswith(".py"):
        words = ["python", *words]
    length = 1 if words[0] != "python" else 3 if words[1:2] == ["-m"] else 2
    return words[:length], words[length:]


def from_here(path: Path) -> str:
    """Return a path as a person types it: from where they are, if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _is_plain(text: str) -> bool:
    return PLAIN.fullmatch(text) is not None and OTHER_TYPES.fullmatch(text) is None
