"""Write ``model/`` of a TF-IDF run, proved by the card's own program in a fresh process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from headtohead import atomic
from headtohead.data import Corpus
from headtohead.errors import UserError
from headtohead.evaluation import Tfidf
from headtohead.export.tfidf_export import gate, write_tfidf
from headtohead.results import RunRecord, read_predictions, run_folder


def export_tfidf(folder: Path, record: RunRecord, form: str, corpus: Corpus, gate_rows: int) -> dict[str, Any]:
    """Write the files if the gate lets them pass; a failed one leaves an earlier ``model/`` alone.

    Returns:
        The record's ``export`` section.

    Raises:
        UserError: the answers are not those that were stored, or an adapter is asked for.
    """
    if form == "adapter":
        raise UserError("export.form=adapter: TF-IDF has no adapter; set export.form=auto")
    model = Tfidf.load(folder / run_folder.WEIGHTS)
    predictions = read_predictions(folder / run_folder.PREDICTIONS)
    splits = {name: rows for name, rows in corpus.tests.items() if name in predictions.split} or {
        "validation": corpus.validation
    }
    split, rows = next(iter(splits.items()))
    measured = predictions.of_split(split)
    chosen = np.unique(np.linspace(0, len(rows) - 1, num=min(gate_rows, len(rows))).round().astype(int))
    with atomic.new_folder(folder / run_folder.MODEL) as temporary:
        write_tfidf(model, record, temporary)
        found = gate(model, temporary, rows[chosen.tolist()]["text"], measured.select(chosen))
        if found["reason"]:
            raise UserError(found["reason"])
        return found | {"files": {file.name: file.stat().st_size for file in sorted(temporary.iterdir())}}
