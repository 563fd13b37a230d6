"""Overrides that Hydra's grammar cannot read, in the form that it can, quoted for a shell."""

from __future__ import annotations

import os
import re

import yaml
from hydra.errors import HydraException

from headtohead.grammar import in_shell, quoted
from headtohead.hydra_io.composition import parsed

KEY = re.compile(r"[~+]{0,2}[A-Za-z_$][\w$/@:-]*(?:\.[\w$-]+)*", re.ASCII)
OPENS, CLOSES = "[{(", "]})"
FUNCTIONS = ("choice", "range", "interval", "tag", "shuffle", "sort", "glob")


def explain_unreadable(override: str, why: str = "cannot be read as it stands; type") -> str:
    """Say that an override cannot be read, and the line to type instead.

    Args:
        why: in words that follow it.
    """
    if (call := _unfinished_call(override)) is not None:
        example = in_shell(f"{_key(override)}={call}(4,8)")
        return f"{override} cannot be read: {call}(...) takes its values in brackets, as in {example}"
    forms = readable_forms(override)
    if not forms:
        return f"{override} is no setting: they are written key=value, and --cfg job shows all keys (letters a to z)"
    if len(forms) == 1:
        return f"{override} {why}\n    {in_shell(*forms.values())}"
    return f"{override} {why}" + "".join(f"\n  {meaning}:\n    {in_shell(form)}" for meaning, form in forms.items())


def readable_forms(override: str) -> dict[str, str]:
    """Return what an override may mean to the override that says so; empty where its key is none."""
    key, equals, value = override.partition("=")
    key, value = key.strip(), value.strip()
    if not equals or not KEY.fullmatch(key):
        return {}
    if value.startswith("~/"):
        value = os.path.expanduser(value)  # shells expand it at the beginning of a word alone
    if is_readable(plain := f"{key}={value}") and not parsed(plain).is_sweep_override():
        return {"as it is": plain}
    for meaning, brackets in (("as a list", "[]"), ("as a mapping", "{}")):
        if _is_within(value, brackets) and is_readable(form := f"{key}={_item(value)}"):
            return {meaning: form}
    forms = {"as one text": f"{key}={quoted(_unquoted(value))}"}
    if len(values := split(value)) > 1 and is_balanced(value):
        items = ",".join(map(_item, values))
        forms |= {"as a list": f"{key}=[{items}]", "as the values of a sweep, with -m": f"{key}={items}"}
    return forms


def as_given(key: str, value: str) -> str:
    """Return an override whose value was typed, in quotes where the grammar wants them, as a person types it."""
    plain = f"{key}={value}"
    return in_shell(plain if is_readable(plain) else f"{key}={quoted(value)}")


def is_readable(override: str) -> bool:
    """Whether Hydra's grammar reads an override."""
    try:
        parsed(override)
    except HydraException:
        return False
    return True


def is_balanced(text: str) -> bool:
    """Whether every bracket outside quotes is closed."""
    return _marked(text)[-1][1] == 0 if text else True


def split(text: str) -> list[str]:
    """Return the parts between commas that stand in no brackets and no quotes."""
    parts = [""]
    for character, depth, quote in _marked(text):
        if character == "," and not quote and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def pairs(text: str) -> dict[str, str]:
    """Return the names and values between a mapping's braces as they were typed, YAML's and JSON's quotes left out."""
    try:
        found = yaml.load(f"{{{text}}}", Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        found = {}
    if found and all(isinstance(value, str) and value for value in found.values()):
        return {str(name): str(value) for name, value in found.items()}
    halves = (part.partition(":") for part in split(text) if part)  # Hydra takes no space after the colon: {a:b}
    return {_unquoted(name.strip()): _unquoted(value.strip()) for name, _, value in halves}


def _marked(text: str) -> list[tuple[str, int, str]]:
    """Return each character with the brackets and the quote that are open after it.

    A quote opens where a value begins, not in ``it's``.
    """
    marked: list[tuple[str, int, str]] = []
    depth, quote, before = 0, "", ","
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and before in ",=:[{(":
            quote = character
        else:
            depth += (character in OPENS) - (character in CLOSES)
        marked.append((character, depth, quote))
        before = before if character.isspace() else character
    return marked


def _item(text: str) -> str:
    """Return an item of a list, a name or a value of a mapping, as the grammar reads it, whatever is nested in it."""
    if text and is_readable(f"key={text}"):
        return text
    if _is_within(text, "[]"):
        return f"[{','.join(map(_item, split(text[1:-1])))}]"
    halves = [part.partition(":") for part in split(text[1:-1])]
    if _is_within(text, "{}") and all(colon for _, colon, _ in halves):
        return f"{{{', '.join(f'{_item(name.strip())}: {_item(value.strip())}' for name, _, value in halves)}}}"
    return quoted(_unquoted(text))


def _is_within(text: str, brackets: str) -> bool:
    """Whether a text stands in one pair of brackets, closed by its last character and no earlier."""
    depths = [depth for _, depth, _ in _marked(text)]
    is_closed_last = 0 in depths and depths.index(0) == len(depths) - 1
    return is_closed_last and text[0] == brackets[0] and text[-1] == brackets[1]


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _unfinished_call(override: str) -> str | None:
    """Return the function whose brackets a value leaves open, such as ``choice(``."""
    value = override.partition("=")[2].strip()
    return next((name for name in FUNCTIONS if value.startswith(f"{name}(") and not is_balanced(value)), None)


def _key(override: str) -> str:
    return override.partition("=")[0].strip()
