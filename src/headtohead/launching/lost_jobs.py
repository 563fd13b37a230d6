"""How often a job was lost to a kill, in its folder: who starts it next knows, whichever process that is.

Of jobs that trained together when their process died, any may be what killed it: each is a suspect, is trained alone from
then on, and only what it does alone is held against it. One that merely waited is no suspect.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from headtohead import atomic

LOSSES = "losses.json"
Company = Literal["alone", "together", "waiting"]
"""In which a job was when its process died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Deaths of the processes that a job was trained by."""

    alone: int = 0
    together: int = 0

    @property
    def is_suspect(self) -> bool:
        """Whether the job may be what kills its process, so that it is trained by itself."""
        return bool(self.alone or self.together)


def losses_of(folder: Path | str) -> Losses:
    """Return what the job in a folder has lost so far."""
    path = Path(folder) / LOSSES
    return Losses(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else Losses()


def note_loss(folder: Path | str, company: Company) -> Losses:
    """Count a death; return all of them."""
    before = losses_of(folder)
    if company == "waiting":
        return before
    now = Losses(alone=before.alone + (company == "alone"), together=before.together + (company == "together"))
    atomic.write_json(Path(folder) / LOSSES, asdict(now))
    return now


def forgive(folder: Path | str) -> None:
    """Hold nothing against a job any more: a person has looked, and asks for it again. It remains a suspect."""
    before = losses_of(folder)
    if before.is_suspect:
        atomic.write_json(Path(folder) / LOSSES, asdict(Losses(together=before.alone + before.together)))
