"""The files of an export, the model card aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from headtohead.config import require_adapter
from headtohead.export.adapter import write_adapter
from headtohead.export.merged import write_merged
from headtohead.export.serving import SERVING_FILE, head_facts, serving_facts
from headtohead.export.subject import Subject


def write_files(subject: Subject, folder: Path) -> None:
    """Write weights, configuration, tokenizer and serving facts into a folder.

    Raises:
        UserError: ``export.form=adapter`` of a run that trained no adapter.
    """
    if subject.form == "merged":
        write_merged(subject, folder)
    else:
        require_adapter(subject.config)
        if subject.trunk or subject.readout == "native":
            write_adapter(subject, folder)
    if subject.readout == "pooled":
        save_file(subject.head, folder / "head.safetensors")
        _write_json(folder / "head.json", head_facts(subject))
    subject.tokenizer.save_pretrained(folder)
    if not subject.config.model.trust_remote_code:
        _drop_code(folder)
    _write_json(folder / SERVING_FILE, serving_facts(subject))


def _drop_code(folder: Path) -> None:
    """Leave out where a checkpoint's own code lies: none of it was run, none is here, and nobody is to be asked for it."""
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        path = folder / name
        stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if stored.pop("auto_map", None) is not None:
            _write_json(path, stored)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
