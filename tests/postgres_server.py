"""A PostgreSQL server of the tests' own: an unprivileged user, a folder, a free port and a password of its own.

Needs the server's programs (Debian: ``apt-get install postgresql``); nothing is installed from here. By hand, for a
sweep of your own: ``python tests/postgres_server.py`` prints its URL and runs until it is interrupted.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 60


@dataclass(frozen=True)
class Server:
    port: int
    password: str

    def url(self, password: str = "") -> str:
        """Return the URL of its database, with a password or what stands for it."""
        return f"postgresql://tester{password and f':{password}'}@127.0.0.1:{self.port}/postgres"


def program(name: str) -> Path | None:
    """Return one of the server's programs: on the path, or where Debian keeps them (the newest version)."""
    found = [path for path in Path("/usr/lib/postgresql").glob(f"*/bin/{name}") if path.is_file()]
    found.sort(key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0)
    on_path = shutil.which(name)
    return found[-1] if found else Path(on_path) if on_path else None


def why_not() -> str | None:
    """Return why no server can be started here, or None."""
    missing = [name for name in ("initdb", "postgres") if program(name) is None]
    return f"no {' and '.join(missing)} here: install the package postgresql" if missing else None


@contextmanager
def running() -> Iterator[Server]:
    """Start a server, and stop it and remove its folder at the end."""
    folder = Path(tempfile.mkdtemp(prefix="headtohead-postgres-"))
    user = _unprivileged(folder)
    server = Server(free_port(), secrets.token_hex(12))
    try:
        _initialise(folder, server, user)
        process = _start(folder, server, user)
        try:
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # "fast": ends sessions, keeps its files whole
            process.wait(SECONDS)
    finally:
        shutil.rmtree(folder)


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Return how to start a process as somebody else than root, whom the server refuses; hand the folder over."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _initialise(folder: Path, server: Server, user: dict[str, Any]) -> None:
    secret = folder / "password"
    secret.write_text(server.password)
    secret.chmod(0o600)
    if user:
        os.chown(secret, user["user"], user["group"])
    options = [
        "--username=tester",
        f"--pwfile={secret}",
        "--auth=scram-sha-256",
        "--no-sync",
        "--encoding=UTF8",
        "--locale=C",
    ]
    command = [str(program("initdb")), f"--pgdata={folder}/data", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **user)
    secret.unlink()
    assert done.returncode == 0, done.stdout + done.stderr


def _start(folder: Path, server: Server, user: dict[str, Any]) -> subprocess.Popen[bytes]:
    options = ["-D", f"{folder}/data", "-h", "127.0.0.1", "-p", str(server.port), "-k", str(folder), "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(program("postgres")), *options], cwd=folder, stdout=log, stderr=log, **user)
    deadline = time.monotonic() + SECONDS
    while not _accepts(server.port):
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.05)
    return process


def _accepts(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(
            f"host=127.0.0.1 port={port} user=tester password=none dbname=postgres", connect_timeout=2
        ).close()
    except psycopg.OperationalError as error:
        return "password authentication failed" in str(error)
    return True


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


if __name__ == "__main__":
    with running() as server:
        print(server.url(server.password), flush=True)
        signal.sigwait([signal.SIGINT, signal.SIGTERM])
