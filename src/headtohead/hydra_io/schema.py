"""From Hydra's configuration to the typed one."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from headtohead import traces
from headtohead.config import Config, build_config, loss_of_labels
from headtohead.config.typed_config import read_mapping, with_lists
from headtohead.errors import TO_BE_CONTINUED, Diverged, Interrupted, UserError, is_disk_full, near_names
from headtohead.hydra_io import resolvers as resolvers  # registers what configuration files may ask for
from headtohead.hydra_io.internals import handed_over, share_config_store
from headtohead.hydra_io.refused_settings import explain_composition, explain_unknown_plugin
from headtohead.labels import label_text

if TYPE_CHECKING:
    from headtohead.data.columns.recognition import Recognised

LONGEST_NAME = 160
"""Bytes of a run's name in its folder's; file systems take 255 with the fingerprint and what tools add."""
UNWRITABLE = (errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG)
"""Errors of a folder or disk that is the user's to mend."""
COMPARED = ("arms", "entries", "split")
"""Settings of a comparison that name its folder. Other ones are questions about the same runs: each is a look, counted there."""
# What a run's outcome does not depend on: changing these continues in the same folder.
NOT_FINGERPRINTED = ("hydra", "track", "paths", "task", "run", "fresh", "compare", "recognised")


def to_typed(cfg: DictConfig) -> Config:
    """Build the typed configuration of a job.

    Raises:
        UserError: a key that no dataclass has, a value of the wrong type, or a value out of range.
    """
    return build_config(without_hydra(cfg))


def without_hydra(cfg: DictConfig) -> dict[str, Any]:
    """Return the resolved configuration as plain values, Hydra's own node left out.

    What own data leave open is settled by their files: one meaning has one fingerprint, whoever said it.

    Raises:
        UserError: their columns may be meant in several ways.
    """
    own = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
    found = _recognised(own)
    if found is not None:
        OmegaConf.update(own, "data.fields", found.fields, merge=True)
        OmegaConf.update(own, "data.labels.kind", found.kind)
    plain = with_text_keys(OmegaConf.to_container(own, resolve=True))
    assert isinstance(plain, dict)
    return {**plain, "recognised": [notice.as_dict() for notice in found.notices]} if found else plain


def _recognised(own: DictConfig) -> Recognised | None:
    """Return what the files of the data say where settings leave it open."""
    data = OmegaConf.to_container(own.data, resolve=True)
    assert isinstance(data, dict)
    if data["fields"]["text"] is not None and data["fields"]["label"] is not None and data["labels"]["kind"] != "auto":
        return None
    from headtohead.data.columns.recognition import recognised  # numpy with it: --help stays quick

    return recognised(with_text_keys(data))


def with_text_keys(plain: Any, path: str = "") -> Any:
    """Return plain values with every key a text, read as a label of a file is: numbers and words sort together.

    Raises:
        UserError: two keys of one mapping read alike, such as the number 1 and the text '1'.
    """
    if isinstance(plain, list):
        return [with_text_keys(value, path) for value in plain]
    if not isinstance(plain, dict):
        return plain
    named = {label_text(key): with_text_keys(value, f"{path}.{label_text(key)}") for key, value in plain.items()}
    if len(named) < len(plain):
        twice = Counter(map(label_text, plain)).most_common(1)[0][0]
        raise UserError(
            f"{path.removeprefix('.')} has the key {twice!r} twice, as a text and as a number or a truth value"
        )
    return named


def fingerprint(plain: dict[str, Any]) -> str:
    """Return a hash of everything a run's outcome depends on, as 8 hexadecimal digits."""
    kept = {key: value for key, value in plain.items() if key not in NOT_FINGERPRINTED}
    text = json.dumps(with_lists(kept), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def fingerprint_of(cfg: DictConfig) -> str:
    """Return the fingerprint of a composed configuration."""
    return fingerprint(without_hydra(cfg))


def run_folder(_root_: DictConfig) -> str:
    """Resolver behind ``hydra.run.dir``: the same configuration continues in the same folder."""
    plain = without_hydra(_root_)
    if plain["task"]["name"] == "compare":
        compared = {key: plain["compare"][key] for key in COMPARED}
        compared["arms"] = read_mapping(compared["arms"], of_texts=False)  # a text where they were typed without a plus
        asked = json.dumps(compared, sort_keys=True, ensure_ascii=False)
        return str(Path(plain["paths"]["outputs"]) / f"compare-{hashlib.sha256(asked.encode()).hexdigest()[:8]}")
    if plain["task"]["name"] != "train":
        run = plain["run"] and _winner(Path(str(plain["run"])))
        return str(Path(str(run or plain["paths"]["outputs"])) / plain["task"]["name"])
    return str(Path(plain["paths"]["outputs"]) / run_name(_root_))


def _winner(run: Path) -> Path:
    """Return the folder of a run, a sweep's winner; one that is mistyped must not become a folder."""
    from headtohead.results import winner_of  # numpy with it: --help stays quick

    found = winner_of(run)
    if not (found / "result.json").is_file():
        beside = {path.parent.name for name in ("result.json", "study.json") for path in run.parent.glob(f"*/{name}")}
        raise UserError(f"run={run} holds no run{near_names(run.name, beside)}")
    return found


def run_name(_root_: DictConfig) -> str:
    """Resolver behind ``hydra.sweep.subdir``: a job of Hydra's basic sweeper has the folder it would have alone."""
    plain = without_hydra(_root_)
    name = re.sub(r"[^\w.-]+", "_", str(plain["name"])).encode()[:LONGEST_NAME].decode(errors="ignore")
    return f"{name}-{fingerprint(plain)}"


def label(model_id: str) -> str:
    """Resolver behind ``model.name``: the last part of a hub id, a folder or a file, as folders are named by it."""
    path = Path(model_id.strip())
    last = path.name or Path(path.absolute()).name
    return last.removesuffix(".gguf") if model_id.strip() else "model"


def output_folder() -> Path:
    """Return the folder Hydra made for the current job."""
    return Path(HydraConfig.get().runtime.output_dir)


def given_overrides() -> list[str]:
    """Return the keys that the command line set for this job, such as ``head`` or ``train.learning_rate``."""
    return [override.split("=", 1)[0] for override in HydraConfig.get().overrides.task]


def _is_of_writing(error: OSError) -> bool:
    """Whether a folder or disk takes nothing; where folders cannot be made, as in /proc, it is said to be missing."""
    (frame, _), *_ = reversed(list(traceback.walk_tb(error.__traceback__)))
    return error.errno in UNWRITABLE or (error.errno == errno.ENOENT and frame.f_code.co_name == "mkdir")


def note_refusal(cfg: DictConfig, folder: Path, error: Exception) -> None:
    """Leave a record of a run that was refused before it started, unless the folder holds a run already."""
    from headtohead.results import RunRecord, write_record  # numpy with it: --help stays quick

    path = folder / "result.json"
    plain = without_hydra(cfg)
    if path.exists() or plain["task"]["name"] == "compare" or is_disk_full(error):  # a comparison is no run
        return
    message = f"{type(error).__name__}: {error}"
    refused = RunRecord(
        name=str(plain["name"]), fingerprint=fingerprint(plain), status="failed", config=plain, error=message
    )
    write_record(path, refused)


share_config_store()

OmegaConf.register_new_resolver("headtohead.run_folder", run_folder, replace=True)
OmegaConf.register_new_resolver("headtohead.run_name", run_name, replace=True)
OmegaConf.register_new_resolver("headtohead.loss_of_labels", loss_of_labels, replace=True)
OmegaConf.register_new_resolver("headtohead.label", label, replace=True)


@contextmanager
def errors_for_people() -> Iterator[None]:
    """Print a user's mistake as one message and exit with 1; ``HYDRA_FULL_ERROR=1`` shows the stack trace."""
    wants_trace = traces.wanted()
    try:
        with handed_over():
            yield
    except (UserError, Diverged) as error:
        if wants_trace:
            raise
        sys.exit(f"\n{type(error).__name__}: {error}")
    except Interrupted as stop:
        print(f"\nInterrupted: {stop}. The same command goes on from here", file=sys.stderr)
        sys.exit(TO_BE_CONTINUED)
    except (HydraException, OmegaConfBaseException) as error:
        if wants_trace:
            raise
        sys.exit(f"\n{explain_composition(error)}")
    except OSError as error:
        if wants_trace or not _is_of_writing(error):
            raise
        sys.exit(f"\n{error.filename} cannot be written ({error.strerror}): paths.outputs=<folder> puts it elsewhere")
    except RuntimeError as error:
        if wants_trace or not str(error).startswith("Unknown plugin class"):
            raise
        sys.exit(f"\n{explain_unknown_plugin(str(error))}")
    except KeyboardInterrupt:
        if wants_trace:
            raise
        print("\ninterrupted: what has finished is kept, and the same command goes on from there", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
