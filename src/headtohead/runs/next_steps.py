"""What to type after a finished run: new texts to classify, and its model in the form that was not made yet."""

from __future__ import annotations

from pathlib import Path

from headtohead.config import build_config, carries_adapter
from headtohead.errors import UserError
from headtohead.grammar import assignment, command, from_here
from headtohead.results import RunRecord, read_record, run_folder, winner_of

NEW_TEXT = "task.text=a new text"
OTHER_FORM = {"adapter": "the whole model instead of the adapter", "merged": "the adapter instead of the whole model"}
"""By the form that was made."""


def print_next(folder: Path) -> None:
    """Print where the model of a finished run lies and the lines that put it to use.

    Args:
        folder: of a run, or of a sweep, which stands for its winner.
    """
    try:
        winner = winner_of(folder)
    except UserError as error:  # several objectives have several best trials, of which a person chooses
        print(error)
        return
    if not (winner / run_folder.WEIGHTS).exists() or (record := read_record(winner / run_folder.RECORD)).error:
        return
    if form := _form(record):
        print(f"model: {from_here(winner / run_folder.MODEL)}{' (adapter)' * (form == 'adapter')}")
    for what, line in next_steps(record, assignment("run", from_here(folder))).items():
        print(f"{what}: {line}", flush=True)


def next_steps(record: RunRecord, run: str) -> dict[str, str]:
    """Return by what it does each command that suits a finished run.

    Args:
        run: ``run=<folder>`` in the override grammar.
    """
    steps = {"classify a text, or a file by task.input=<file>": command("task=predict", run, NEW_TEXT)}
    config, form = build_config(record.config), _form(record)
    if not config.evaluate.test:
        steps["score its test rows"] = command("task=evaluate", run)
    if form is None:
        steps["export the model"] = command("task=export", run)
    elif config.model.kind != "tfidf" and carries_adapter(config):
        other = "merged" if form == "adapter" else "adapter"
        steps[OTHER_FORM[form]] = command("task=export", run, f"export.form={other}")
    return steps


def _form(record: RunRecord) -> str | None:
    form: str | None = record.export.get("form") if record.export.get("status") == "passed" else None
    return form
