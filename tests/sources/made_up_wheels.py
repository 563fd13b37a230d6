"""Small wheels, written on the spot."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from headtohead.config.source import SourceConfig

METADATA = "Metadata-Version: 2.1\nName: tiny-corpus\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
FILE_NAME = "tiny_corpus-1.0-py3-none-any.whl"


def write_wheel(folder: Path, files: dict[str, bytes]) -> SourceConfig:
    """Write a wheel with these members; return a source that names it by its true hash."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    info = {"tiny_corpus-1.0.dist-info/METADATA": METADATA, "tiny_corpus-1.0.dist-info/WHEEL": WHEEL}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**files, **{k: v.encode() for k, v in info.items()}}.items():
            archive.writestr(name, content)
        archive.writestr("tiny_corpus-1.0.dist-info/RECORD", "")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return SourceConfig(kind="wheel", name="tiny-corpus==1.0", sha256=sha256, inside="tiny/data")


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip file's bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
