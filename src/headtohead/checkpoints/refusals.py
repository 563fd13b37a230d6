"""What is no checkpoint, or one that could run something: refused by its files, before any library opens them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headtohead.config import ModelConfig, loading
from headtohead.errors import UserError
from headtohead.grammar import typed
from headtohead.sources import near_files

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".msgpack", ".h5")
INDEX = "model.safetensors.index.json"


def require_loadable(path: Path, config: ModelConfig) -> None:
    """Refuse what is no folder of configuration and safetensors, and no GGUF file.

    Raises:
        UserError: it is not, or it asks for code of its own that ``model.trust_remote_code`` does not allow.
    """
    if path.is_file():
        if path.suffix != ".gguf":
            raise UserError(f"{path} is no model: give the folder that holds config.json, or a file that ends in .gguf")
        return
    if (path / "result.json").is_file():
        raise UserError(_of_a_run(path))
    if (path / "adapter_config.json").is_file():
        raise UserError(_an_adapter(path))
    if not (path / "config.json").is_file():
        ggufs = sorted(path.glob("*.gguf"))
        hint = (
            f"; it has a GGUF file: {typed('model.id', str(ggufs[0]))}" if ggufs else near_files(path / "config.json")
        )
        raise UserError(f"{path} is no model: there is no config.json{hint}")
    _require_safetensors(path)
    _refuse_code(path, config)


def refuse_another_architecture(folder: Path, config: ModelConfig) -> None:
    """Refuse a folder whose architecture is another than its label names: ``model.name=roberta-base`` over a Llama.

    Args:
        folder: of the checkpoint, converted where it came as GGUF.

    Raises:
        UserError: it is.
    """
    if config.kind != "transformers" or config.source.kind != "path":
        return
    from transformers import CONFIG_MAPPING

    known = {_bare(name) for name in CONFIG_MAPPING}
    found = str(_read(folder / "config.json").get("model_type", ""))
    named = [word for word in config.strange_words(config.source) if word in known]
    if named and found and _bare(found) not in named:
        raise UserError(
            f"model.name={config.name} is a label and loads nothing: {config.source.name} holds a {found}. "
            f"{loading(config.name)} loads {config.name}; leave model.name out to call the folder by its own name"
        )


def _bare(architecture: str) -> str:
    return architecture.replace("-", "").replace("_", "").lower()


def _of_a_run(path: Path) -> str:
    whole = path / "model"
    load = f"{typed('model.id', str(whole))} loads what it exported" if (whole / "config.json").is_file() else ""
    start = f"{typed('model.adapter', str(path))} beside its own model starts from its trained weights"
    return f"{path} is a run, not a model: {'; '.join(part for part in (load, start) if part)}"


def _an_adapter(path: Path) -> str:
    base = _read(path / "adapter_config.json").get("base_model_name_or_path")
    return (
        f"{path} is an adapter over {base}, not a model: transformers would load that base in its place. Give the base as "
        "model.id, or the adapter merged into it (a run's: task=export run=<folder> export.form=merged)"
    )


def _require_safetensors(path: Path) -> None:
    index = path / INDEX
    shards = sorted(set(map(str, (_read(index).get("weight_map") or {}).values()))) if index.is_file() else []
    wrong = [name for name in shards if not name.endswith(".safetensors")]
    if wrong:
        raise UserError(
            f"{index} names {wrong[0]}, which is no safetensors file: a pickle can run anything, so none is read"
        )
    missing = [name for name in shards if not (path / name).is_file()]
    if missing and not (path / "model.safetensors").is_file():
        raise UserError(f"{path} is incomplete: {index.name} names {missing[0]}, which is not there")
    if shards or any(path.glob("*.safetensors")):
        return
    pickles = sorted(file for file in path.iterdir() if file.suffix in PICKLES)
    if not pickles:
        raise UserError(f"{path} holds no weights: there is no *.safetensors")
    raise UserError(
        f"{path} holds its weights as {pickles[0].name}, and a pickle can run anything when it is read: only safetensors are. "
        "Most repositories have a safetensors copy; otherwise transformers writes one with "
        "AutoModel.from_pretrained(...).save_pretrained(..., safe_serialization=True), where you trust the file"
    )


def _refuse_code(path: Path, config: ModelConfig) -> None:
    """Refuse a tokenizer or a model that only code of its own can build; one that transformers knows too is built by that."""
    if config.trust_remote_code:
        return
    from transformers import CONFIG_MAPPING

    about = _read(path / "config.json")
    if about.get("auto_map") and about.get("model_type") not in CONFIG_MAPPING:
        raise UserError(needs_code(path, "config.json"))


def needs_code(path: Path | str, file: str = "its configuration") -> str:
    """Return what to say of a checkpoint that asks for code of its own."""
    return (
        f"{path} needs code of its own (auto_map in {file}), which is neither asked about nor run. Read it first; "
        "model.trust_remote_code=true runs it"
    )


def _read(file: Path) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        UserError: the file holds none.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file} is not readable JSON: {error}") from None
    if not isinstance(found, dict):
        raise UserError(f"{file} holds no JSON object")
    return found
