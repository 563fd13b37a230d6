"""Runs the programs of a model card word for word: what is published is what is checked. Knows nothing of ours.

The names of the model and of its base are replaced by where both lie on this disk, and examples by rows.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from pathlib import Path
from typing import Any

PROGRAM, PIPELINE, GENERATE = "the card's program", "the card's pipeline", "the card's generate"


def published_tables(request: dict[str, Any]) -> tuple[dict[str, list[list[float]]], list[str]]:
    """Return what each program answers for the rows, and what is wrong with those that do not run.

    Args:
        request: as of ``gate.answer``; ``programs`` by name, the first of them first, and ``inputs`` as a user has them.
    """
    names: dict[str, Any] = {"__name__": "published"}
    found: dict[str, list[list[float]]] = {}
    for how, code in request["programs"].items():
        try:
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # libraries' own deprecations
                exec(compile(_on_this_disk(code, request), how, "exec"), names)
                if how == PROGRAM:
                    said = [names["classify"](given) for given in request["inputs"]]
                    found[how] = [_values(answer) for answer in said]
                elif how == PIPELINE:
                    found[how] = [_ordered(answer, said[0]) for answer in names["answers"]]
        except Exception as error:
            return found, [f"{how} does not run: {type(error).__name__}: {error}"]
    return found, []


def _on_this_disk(code: str, request: dict[str, Any]) -> str:
    folder, base = str(Path(request["folder"])), request["base"]
    code = re.sub(r"^model_id = .*$", lambda _: f"model_id = {folder!r}", code, flags=re.MULTILINE)
    code = re.sub(r"^texts = .*$", lambda _: f"texts = {request['inputs']!r}", code, flags=re.MULTILINE)
    if base and not (Path(folder) / "config.json").is_file():
        code = re.sub(r"^base_id = .*$", lambda _: f"base_id = {base!r}", code, flags=re.MULTILINE)
        code = code.replace("load_pooled(model_id)", f"load_pooled(model_id, {base!r})")
    return code


def _values(answer: dict[str, Any]) -> list[float]:
    is_score = set(answer) in ({"score"}, {"score", "label"}) and not isinstance(answer.get("label"), float)
    return [answer["score"]] if is_score else list(answer.values())


def _ordered(parts: list[dict[str, Any]], like: dict[str, Any]) -> list[float]:
    by_name = {part["label"]: part["score"] for part in parts}
    return list(by_name.values()) if len(by_name) == 1 else [by_name[name] for name in like]
