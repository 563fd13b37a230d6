"""How much of the rows' text a run reads: in the record, on the terminal, and first on the page where much was cut."""

from __future__ import annotations

import numpy as np

from headtohead.batching.encode import EncodedRows, truncation_report
from headtohead.batching.lengths import QUANTILE
from headtohead.classifiers.build_pack import Reader
from headtohead.notices import Notice
from headtohead.runs.run import Run

FEW = 0.05
"""Up to this share of a split's rows may be cut without a word."""
LONG_MODEL, LONG_POSITIONS = "smollm2_135m", 8192
"""A model of the package index that places longer rows than encoders do."""


def describe_truncation(run: Run, encoded: dict[str, EncodedRows], reader: Reader, *, positions: int) -> None:
    """Count in the record what was cut from the texts of every split; tell how long rows may be, and why.

    Args:
        positions: tokens that the model can place.
    """
    run.record.data["truncation"] = {
        split: truncation_report(rows, reader.prompt.labels.names) for split, rows in encoded.items()
    }
    if reader.length is not None:
        run.notice(_chosen(reader, encoded))
    if any((rows.tokens_lost > 0).mean() > FEW for rows in encoded.values()):
        run.notice(_cut(reader, encoded, positions))


def _chosen(reader: Reader, encoded: dict[str, EncodedRows]) -> Notice:
    """Say which length was chosen, by what, and what it costs."""
    training = int(encoded["train"].lengths.sum())
    scored = sum(int(rows.lengths.sum()) for split, rows in encoded.items() if split != "train")
    cost = f"an epoch reads {training:,} tokens, scoring {scored:,}"
    return Notice(
        text=f"rows may take {_most(reader):,} tokens (prompt.max_tokens=auto): {reader.length}; {cost}", leads=False
    )


def _cut(reader: Reader, encoded: dict[str, EncodedRows], positions: int) -> Notice:
    """Say how many rows were cut, how much of their text was not read, and what reads more of it."""
    rows = ", ".join(
        f"{int((split.tokens_lost > 0).sum()):,} of {len(split):,} {name}" for name, split in encoded.items()
    )
    lost = sum(int(split.tokens_lost.sum()) for split in encoded.values())
    prompt = reader.encoder.own_tokens
    read = sum(int(split.lengths.sum()) - prompt * len(split) for split in encoded.values())
    remedy, command = _remedy(reader, encoded["train"], positions)
    return Notice(
        text=f"texts were cut to fit {min(_most(reader), positions):,} tokens ({rows} rows): {lost / (lost + read):.0%} of "
        f"all text was not read. {remedy}",
        command=command,
    )


def _remedy(reader: Reader, train: EncodedRows, positions: int) -> tuple[str, str]:
    """Return what reads more of the text, and the overrides that do it."""
    most = min(_most(reader), positions)
    whole = train.lengths + train.tokens_lost
    needed = int(np.quantile(whole, QUANTILE, method="higher")) + most - reader.encoder.budget
    if most < positions:
        longer = max(min(needed, positions), most + 1)
        times = np.minimum(whole, longer).sum() / train.lengths.sum()
        return f"To read more, at {times:.1f} times the tokens an epoch:", f"prompt.max_tokens={longer}"
    if reader.prompt.config.keep != "both":
        return (
            f"The model has no more positions. To read the start and the end of a text, not its {reader.prompt.config.keep} alone:",
            "prompt.keep=both",
        )
    if positions < LONG_POSITIONS:
        longer = min(needed, LONG_POSITIONS)
        return "The model has no more positions. One that has:", f"model={LONG_MODEL} prompt.max_tokens={longer}"
    return "The model has no more positions.", ""


def _most(reader: Reader) -> int:
    most = reader.prompt.config.max_tokens
    assert most is not None
    return most
