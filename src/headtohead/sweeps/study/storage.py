"""Where a study lives: a journal file by default, a database or a gRPC server by URL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from headtohead.errors import UserError, near_names

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

KEY = "hydra.sweeper.storage"
JOURNAL = "study.journal"
FILES = ("journal", "sqlite")
SERVERS = ("postgresql", "mysql", "mariadb", "grpc")
DRIVERS = {"postgresql": "pip install 'headtohead[postgres]'", "grpc": "pip install 'headtohead[grpc]'"}
"""What brings a kind of server's driver."""
BACKENDS = ("sqlalchemy", "psycopg", "grpc")
"""Packages whose errors are a storage's."""
GRPC_SECONDS = 10.0
PASSWORDS = (re.compile(r"^[^:/]+://[^:/@]*:(.+)@"), re.compile(r"[?&](?:password|passwd|sslpassword)=([^&]+)"))
"""Where a URL may hold one: before the host (libpq, SQLAlchemy), and among the options."""


def resolve_storage(configured: str, folder: Path) -> str:
    """Return the storage's URL with absolute paths, so that every process means the same.

    Args:
        configured: ``auto`` (a journal in the folder of the sweep), or a URL.

    Raises:
        UserError: neither.
    """
    if configured == "auto":
        return f"journal:///{(folder / JOURNAL).absolute()}"
    scheme, separator, rest = configured.partition("://")
    kind = scheme.partition("+")[0]
    if not separator or kind not in (*FILES, *SERVERS):
        known = ["auto", *(f"{name}://" for name in (*FILES, *SERVERS))]
        shown = f"{scheme}://..." if separator else without_password(configured, configured)
        raise UserError(f"{KEY}={shown} is neither auto nor the URL of a storage{near_names(f'{kind}://', known)}")
    if scheme == "postgresql":
        return f"postgresql+psycopg://{rest}"  # what SQLAlchemy takes by default depends on its version
    if kind not in FILES:
        return configured
    path = rest.removeprefix("/")
    if not path or path.startswith(":memory:"):
        raise UserError(f"{KEY}={configured} is a study in memory, which no job could reach; use auto, or give a file")
    if path.startswith("file:"):  # SQLite's own URI, taken as it is
        return configured
    return f"{scheme}:///{Path(path).expanduser().absolute()}"


def told_to_jobs(url: str) -> str | None:
    """Return what a job's overrides may say of the storage: where a file is, and nothing of a server.

    A job reads a server's URL where the sweep did, in ``hydra.sweeper.storage``, and resolves what it holds in its own
    environment. So no password comes into a command line or a file.
    """
    return url if url.partition(":")[0] in FILES else None


def refuse_written_password(written: str) -> None:
    """Refuse a URL that holds a password as it was written: command lines and records can be read by others.

    Args:
        written: before interpolations are resolved.

    Raises:
        UserError: it does.
    """
    for password in _passwords(written):
        if not re.fullmatch(r"\$\{.*\}", password):
            raise UserError(
                f"{KEY}={without_password(written, written)} holds a password, which everyone could read in the process "
                "list and in the runs' records: write ${oc.env:NAME} in its place and put it into that environment "
                "variable, or leave it out where ~/.pgpass or PGPASSWORD has it"
            )


def open_storage(url: str) -> BaseStorage:
    """Open a storage, whose errors ``storage_errors`` explains."""
    from optuna.storages import JournalStorage, RDBStorage

    kind = url.partition(":")[0]
    if kind == "journal":
        from headtohead.sweeps.study.journal import Journal

        return JournalStorage(Journal(Path("/" + url.removeprefix("journal:///").lstrip("/"))))
    return _grpc(url) if kind == "grpc" else RDBStorage(url)


def _grpc(url: str) -> BaseStorage:
    import warnings

    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import GrpcStorageProxy

    parts = urlsplit(url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # we pin Optuna, and it was asked for by URL
        proxy = GrpcStorageProxy(host=parts.hostname or "localhost", port=parts.port or 13000)
    proxy.wait_server_ready(timeout=GRPC_SECONDS)
    return proxy


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Say in one message why a storage cannot be used.

    Raises:
        UserError: instead of whatever the backend raised; it names the URL without its password, and the cause.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # each backend has its own kinds
        advice = "storage=auto keeps the study in a file of the sweep's folder"
        if any(isinstance(cause, ImportError) for cause in _causes(error)):
            advice = DRIVERS.get(re.split(r"[+:]", url)[0], "install its driver")
        shown = without_password(url, url)
        raise UserError(f"{KEY}={shown} cannot be used: {reason_of(error, url)}. {advice}") from error


def is_storage_failure(error: BaseException) -> bool:
    """Whether a storage, its server or its disk failed, rather than we."""
    from optuna.exceptions import StorageInternalError

    return any(
        isinstance(cause, OSError | StorageInternalError | ImportError)
        or type(cause).__module__.partition(".")[0] in BACKENDS
        for cause in _causes(error)
    )


def reason_of(error: BaseException, url: str) -> str:
    """Return the first words of what lies at the bottom of an error, without passwords."""
    said = (line for cause in reversed(_causes(error)) for line in str(cause).splitlines() if line.strip())
    return without_password(next(said, type(error).__name__).strip().rstrip("."), url)


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and what it came from, the bottom last."""
    found = [error]
    while (
        cause := found[-1].__cause__ or (None if found[-1].__suppress_context__ else found[-1].__context__)
    ) is not None:
        found.append(cause)
    return found


def without_password(text: str, url: str = "") -> str:
    """Return a text with the passwords of the URLs in it, and of another URL, left out."""
    for password in _passwords(url):
        for form in {password, unquote(password)}:
            text = text.replace(form, "***")
    return re.sub(r"(://[^\s:/@]*):[^\s/@]*@", r"\1:***@", text)


def _passwords(url: str) -> list[str]:
    return [found for pattern in PASSWORDS for found in pattern.findall(url)]
