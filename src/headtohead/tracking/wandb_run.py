"""Weights & Biases as a mirror of ``metrics.jsonl`` and of the record."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headtohead.config import TrackConfig
from headtohead.errors import UserError
from headtohead.tracking.tracker import Table

LONGEST = 64
"""Characters of an id or a tag that W&B takes."""
TRIAL = "trial"
"""Job type of runs that bring no page of their own: a sweep has hundreds, and shows them all on its page."""
CONFUSION = "confusion/"
"""Tables under this name are drawn as W&B draws a confusion matrix."""


class WandbRun:
    """One W&B run, stable over restarts: every attempt has the same id, which W&B joins when it is synced.

    The library's own step counter cannot go back, so ``step`` is a value of its own and every metric's x-axis.

    Args:
        folder: ``wandb/`` is made in it, unless ``track.dir`` names another.
        run_id: of all attempts; see ``new_run_id``.
        name: shown.
        group: the sweep; None outside one, where ``track.group`` may name another.
        job_type: run, trial, confirm or report.
        settings: the resolved configuration.

    Raises:
        UserError: W&B cannot start.
    """

    def __init__(
        self,
        config: TrackConfig,
        *,
        folder: Path,
        run_id: str,
        name: str,
        group: str | None,
        job_type: str,
        settings: dict[str, Any],
        tags: list[str],
    ) -> None:
        if config.wandb == "offline":
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # else it reports its own errors over the network
        import wandb

        self._wandb, self._step, self._folder = wandb, 0, Path(config.dir or folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shows_page = job_type != TRIAL
        try:
            self._run = wandb.init(
                project=config.project,
                entity=config.entity or None,
                group=config.group or group,
                job_type=job_type,
                id=run_id,
                name=name,
                dir=str(self._folder),
                config=settings,
                tags=list(dict.fromkeys(tag[:LONGEST] for tag in [*config.tags, *tags] if tag)),
                mode=config.wandb,  # type: ignore[arg-type]  # checked against the same choices in TrackConfig
                resume="allow",
                reinit="create_new",
                settings=wandb.Settings(silent=True, console="off", x_disable_meta=True),
            )
        except (wandb.Error, OSError) as error:
            raise UserError(f"W&B cannot start ({error}); set track=offline or track=off") from error
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")

    def log(self, step: int, values: dict[str, float]) -> None:
        """Log with our own step counter."""
        self._step = step
        self._run.log({"step": step, **values})

    def finish(self, summary: dict[str, Any], tables: dict[str, Table], page: str = "") -> None:
        """Log the tables and the page, write the final metrics as the run's summary, and close it."""
        with staged_in(self._folder / "wandb"):
            shown = {name: self._drawn(name, table) for name, table in tables.items()}
            if page and self._shows_page:
                shown["page"] = self._wandb.Html(page, inject=False, data_is_not_path=True)
            if shown:
                self._run.log({"step": self._step, **shown})
        self._run.summary.update(summary)
        self._run.finish()

    def _drawn(self, name: str, table: Table) -> Any:
        rows = self._wandb.Table(columns=[*table.columns], data=[*table.rows])
        if not name.startswith(CONFUSION):
            return rows
        fields = {column: column for column in table.columns}
        return self._wandb.plot_table("wandb/confusion_matrix/v1", rows, fields, {"title": name})


@contextmanager
def staged_in(folder: Path) -> Iterator[None]:
    """Let W&B keep what it will upload with the run, not in the home of whoever runs it: another may sync it."""
    given = os.environ.get("WANDB_DATA_DIR")
    os.environ["WANDB_DATA_DIR"] = given or str(folder)
    try:
        yield
    finally:
        if given is None:
            del os.environ["WANDB_DATA_DIR"]


def new_run_id(name: str) -> str:
    """Return an id that no other run has, here or elsewhere, beginning with a readable name."""
    return _run_id(name, secrets.token_hex(4))


def digest_id(name: str, content: dict[str, Any]) -> str:
    """Return the id of a run that says this and nothing else."""
    text = json.dumps(content, sort_keys=True, default=str)
    return _run_id(name, hashlib.sha256(text.encode()).hexdigest()[:8])


def _run_id(name: str, ending: str) -> str:
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)[: LONGEST - 9]}-{ending}"
