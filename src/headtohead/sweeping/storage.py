"""Where a study lives: a journal file by default, a database or a gRPC server by URL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from headtohead.errors import UserError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

JOURNAL = "study.journal"


def resolve_storage(configured: str, folder: Path) -> str:
    """Return the storage's URL with absolute paths, so that every process means the same.

    Args:
        configured: ``auto`` (a journal in the folder of the sweep), or a URL.
    """
    if configured == "auto":
        return f"journal:///{(folder / JOURNAL).absolute()}"
    scheme, _, rest = configured.partition(":///")
    if scheme in ("sqlite", "journal") and rest and not rest.startswith(":memory:"):
        return f"{scheme}:///{Path(rest).expanduser().absolute()}"
    return configured


def open_storage(url: str) -> BaseStorage:
    """Open a storage.

    Raises:
        UserError: it cannot be opened; the message names the URL without its password, and the cause.
    """
    from optuna.storages import JournalStorage, RDBStorage

    try:
        if url.startswith("journal:///"):
            from optuna.storages.journal import JournalFileBackend

            path = Path("/" + url.removeprefix("journal:///").lstrip("/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            return JournalStorage(JournalFileBackend(str(path)))
        if url.startswith("grpc://"):
            return _grpc(url)
        return RDBStorage(url)
    except Exception as error:  # each backend has its own kinds
        cause = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise UserError(
            f"hydra.sweeper.storage={without_password(url)} cannot be opened: {without_password(cause)}. "
            "storage=auto keeps the study in a file of the sweep's folder"
        ) from error


def _grpc(url: str) -> BaseStorage:
    from optuna.storages import GrpcStorageProxy

    parts = urlsplit(url)
    proxy = GrpcStorageProxy(host=parts.hostname or "localhost", port=parts.port or 13000)
    proxy.wait_server_ready(timeout=10)
    return proxy


def without_password(text: str) -> str:
    """Return a text with the password of any URL in it left out."""
    return re.sub(r"(://[^\s:/@]*):[^\s/@]*@", r"\1:***@", text)
