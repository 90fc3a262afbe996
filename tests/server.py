"""A real HTTP server on the loopback that gives one file and misbehaves on request."""

import base64
import hashlib
import io
import threading
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

Server = TypeVar("Server", bound=ThreadingHTTPServer)


class FileServer(ThreadingHTTPServer):
    """Serves `content`. `script`: what to do with the next requests for it, one word each, then all is well:
    `hang`, `cut` (half of it, then close), a status such as `503`."""

    daemon_threads = True

    def __init__(self, content: bytes, script: list[str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.script = content, list(script or [])
        self.requests: list[tuple[str, str, str]] = []
        self.is_md5_right, self.has_ranges = True, True
        # With what each request for a part is answered; 0: with the part.
        self.range_status = 0
        self.newest_client = ""

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: FileServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """The Kaggle API's answer to a download: go to the storage server."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.note()
        if self.misbehave("api-"):
            return
        self.send_response(302)
        self.send_header("Location", "http://localhost/storage/archive.zip")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.note()
        if self.misbehave(""):
            return
        content, start = self.server.content, 0
        wanted = self.headers.get("Range", "")
        if wanted and self.server.range_status:
            self.send_error(self.server.range_status)
            return
        if wanted and self.server.has_ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        is_cut = self.server.script[:1] == ["cut"]
        if is_cut:
            self.server.script.pop(0)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Type", "application/zip")
        if self.server.has_ranges:
            self.send_header("Accept-Ranges", "bytes")
        if self.server.newest_client:
            self.send_header("X-Kaggle-HubVersion", self.server.newest_client)
        digest = hashlib.md5(content if self.server.is_md5_right else b"other").digest()
        self.send_header("x-goog-hash", f"md5={base64.b64encode(digest).decode()}")
        self.end_headers()
        self.wfile.write(content[start : (start + len(content)) // 2] if is_cut else content[start:])
        self.close_connection = is_cut

    def note(self) -> None:
        self.server.requests.append((self.command, self.path, self.headers.get("Range", "")))

    def misbehave(self, prefix: str) -> bool:
        word = self.server.script[0] if self.server.script else ""
        if not word.startswith(prefix) or word == "cut":
            return False
        word = word.removeprefix(prefix)
        if word == "hang":
            self.server.script.pop(0)
            time.sleep(30)
            return True
        if word.isdigit():
            self.server.script.pop(0)
            self.send_response(int(word))
            self.send_header("Content-Length", "2")
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b"{}")
            return True
        return False


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """A server that answers while the block runs."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def serving(content: bytes, script: list[str] | None = None) -> AbstractContextManager[FileServer]:
    return running(FileServer(content, script))


def kaggle_environment(home: Path, port: int) -> dict[str, str]:
    """Variables with which the real kagglehub client knows no server but the one at `port`, and no credentials."""
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy"), f"http://127.0.0.1:{port}")
    nothing = dict.fromkeys(("NO_PROXY", "no_proxy", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN"), "")
    folders = {
        "HOME": str(home),
        "KAGGLEHUB_CACHE": str(home / "cache"),
        "KAGGLE_CONFIG_DIR": str(home / ".kaggle"),
    }
    return {"KAGGLE_API_ENVIRONMENT": "LOCALHOST", **proxies, **nothing, **folders}


def zipped(
    files: Mapping[str, bytes] | Iterable[tuple[str | zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_STORED
) -> bytes:
    """A zip archive of these files, stored as they are unless `method` says how; in pairs, a name may stand twice."""
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", method) as opened:
        for path, content in files.items() if isinstance(files, Mapping) else files:
            opened.writestr(path, content)
    return stored.getvalue()
