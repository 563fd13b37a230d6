"""A hub of our own on this machine: enough of its protocol for huggingface_hub to download a snapshot."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "owner/rows"


class Hub(ThreadingHTTPServer):
    """Serves the files of one data set, or of one model; forgets those in ``lost``."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes], kind: str = "datasets") -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files, self.kind = files, kind
        self.lost: set[str] = set()
        self.named: dict[str, str] = {}
        """Files whose hash the hub states, whatever it then sends."""
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        path = self.path.split("?")[0]
        api, pages = f"/api/{self.server.kind}/{REPO}", "/datasets" if self.server.kind == "datasets" else ""
        if path in (api, f"{api}/revision/{COMMIT}", f"{api}/revision/main"):
            siblings = [{"rfilename": name} for name in self.server.files]
            self._send(200, json.dumps({"id": REPO, "sha": COMMIT, "siblings": siblings}).encode())
        elif path.startswith(f"{api}/tree/{COMMIT}"):
            tree = [{"type": "file", "path": n, "size": len(c), "oid": "0" * 40} for n, c in self.server.files.items()]
            self._send(200, json.dumps(tree).encode())
        elif path.startswith(f"{pages}/{REPO}/resolve/{COMMIT}/"):
            name = path.split(f"/{COMMIT}/", 1)[1]
            named = {"ETag": f'"{self.server.named[name]}"'} if name in self.server.named else {}
            lost = name in self.server.lost
            self._send(403, b"") if lost else self._send(200, self.server.files[name], named)
        else:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound" if "/revision/" not in path else "RevisionNotFound"})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        etag = hashlib.sha256(body).hexdigest()
        for key, value in {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"', **(headers or {})}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@contextmanager
def serving(files: dict[str, bytes], kind: str = "datasets") -> Iterator[Hub]:
    """Run a hub for a while."""
    hub = Hub(files, kind)
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
