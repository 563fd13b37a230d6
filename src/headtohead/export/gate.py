"""``python -m headtohead.export.gate <request.json> <answer.json>``: what a fresh process makes of an export."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from headtohead.export.published import published_tables
from headtohead.export.replay import Replay, Unusable


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Load the folder in each precision asked for and score the texts.

    Args:
        request: ``folder``, ``base`` (where the base model lies, or null), ``texts``, ``dtypes`` and ``device``; of the
            card ``programs`` and the ``inputs`` that they are given.

    Returns:
        ``passes[dtype][how]``: a table per way of scoring; ``problems``, ``names`` and ``tokens`` of the first. No
        passes where the files do not load; ``problems`` then says why. ``published[how]``: a table per program.
    """
    try:
        return _answer(request)
    except Unusable as error:
        return {"passes": {}, "published": {}, "problems": [str(error)]}


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"passes": {}, "published": {}}
    for dtype in request["dtypes"]:
        replay = Replay(
            folder=Path(request["folder"]), base=request["base"], dtype=getattr(torch, dtype), device=request["device"]
        )
        tables = {"row by row": replay.row_by_row(request["texts"])}
        mixed = replay.in_mixed_batches(request["texts"])
        if mixed is not None:
            tables["mixed batches"] = mixed
        found["passes"][dtype] = {how: table.tolist() for how, table in tables.items()}
        if "tokens" not in found:
            names = replay.label_names()
            found |= {"names": names, "tokens": replay.token_ids(request["texts"]), "problems": replay.problems}
        del replay  # the programs load the model once more
    found["published"], problems = published_tables(request)
    found["problems"] += problems
    return found


def main(request: Path, result: Path) -> None:
    """Read the request, write the answer."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    asked = json.loads(request.read_text(encoding="utf-8"))
    result.write_text(json.dumps(answer(asked)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
