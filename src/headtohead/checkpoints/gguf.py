"""GGUF files, de-quantised to safetensors once: kept by their content, and checked to be what was made of it."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

from headtohead import atomic
from headtohead.checkpoints.loading import loading_errors
from headtohead.quiet import quiet_transformers
from headtohead.sources import Fetched, content_of, locked

log = logging.getLogger(__name__)


def converted(fetched: Fetched, cache: Path) -> Path:
    """Return the folder that was made of a GGUF file, made now where it is missing or holds something else by now.

    Raises:
        UserError: the file cannot be converted.
    """
    (own,) = fetched.content.values()
    folder = cache / "converted" / own[:16]
    note = folder.with_suffix(".json")
    with locked(cache, f"converted-{own[:16]}"):
        atomic.settle(folder)
        if not _is_whole(folder, note):
            _convert(fetched.path, folder)
            atomic.write_json(note, content_of(folder))
    return folder


def _is_whole(folder: Path, note: Path) -> bool:
    if not (folder.exists() and note.exists()):
        return False
    try:
        if json.loads(note.read_text(encoding="utf-8")) == content_of(folder):
            return True
    except ValueError:
        pass  # no readable note is the same as a wrong one
    log.warning("%s is incomplete or was changed: converting it again", folder)
    return False


def _convert(file: Path, folder: Path) -> None:
    """Convert a file that is seen alone: what lies beside it (a configuration, say) is no part of it."""
    print(f"Converting {file.name} to safetensors, once (about half a minute) ...", flush=True)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from headtohead.internals.transformers_internals import forget_quantisation

    with quiet_transformers(), loading_errors(file.name), atomic.new_folder(folder) as temporary:
        alone = temporary / "alone"
        alone.mkdir()
        (alone / file.name).symlink_to(file.resolve())
        model = AutoModelForCausalLM.from_pretrained(alone, gguf_file=file.name, trust_remote_code=False)
        forget_quantisation(model)
        model.save_pretrained(temporary)
        AutoTokenizer.from_pretrained(alone, gguf_file=file.name, trust_remote_code=False).save_pretrained(temporary)
        shutil.rmtree(alone)
