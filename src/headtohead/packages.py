"""Packages that some configurations need and others do not: a missing one is named before anything is read or trained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec

from headtohead.config import Config
from headtohead.errors import UserError


def require_packages(config: Config) -> None:
    """Refuse a run that would end at an import.

    Raises:
        UserError: a package is not installed; it names the setting that asks for it, and the line that installs it.
    """
    for setting, package in _needed(config):
        require(package, setting)


def require(package: str, setting: str) -> None:
    """Refuse a setting whose package is not installed.

    Raises:
        UserError: it is not.
    """
    if find_spec(package) is None:
        raise UserError(
            f"{setting} needs the package {package}, which is not installed: pip install '{_requirement(package)}'"
        )


def _needed(config: Config) -> Iterator[tuple[str, str]]:
    """Yield settings with the package that each asks for, beside those that every run takes."""
    if config.track.wandb != "disabled":
        yield f"track.wandb={config.track.wandb}", "wandb"
    if config.model.kind == "tfidf":
        return
    if config.lora.quantisation != "none":
        yield f"lora.quantisation={config.lora.quantisation}", "bitsandbytes"
    if config.train.optimizer == "adamw_8bit":
        yield f"train.optimizer={config.train.optimizer}", "bitsandbytes"
    if config.export.form != "none":
        yield f"export.form={config.export.form}", "peft"
    if config.model.attention == "flash_attention_2" and find_spec("kernels") is None:  # transformers takes either
        yield f"model.attention={config.model.attention}", "flash_attn"
    if config.model.kind == "transformers":
        source = config.model.source
        if f"{source.name}/{source.inside}".rstrip("/").lower().endswith(".gguf"):
            yield f"the GGUF file of model={config.model.name}", "gguf"


def _requirement(package: str) -> str:
    """Return a package as pip takes it, in the versions that this project asks for where it names any."""
    named = package.replace("_", "-")
    with suppress(metadata.PackageNotFoundError):  # run from a clone that is on the path and not installed
        for line in metadata.requires("headtohead") or []:
            requirement = line.partition(";")[0].strip()
            if re.split(r"[^\w-]", requirement)[0] == named:
                limits = requirement.removeprefix(named).split(",")
                return named + ",".join(sorted(limits, reverse=True))  # the least version first, as people write it
    return named
