"""Downloads under fault: the real kagglehub client, and the plain download that Mendeley's archive comes by.

A server on the loopback answers the first requests with faults, then well. Whatever it did, the call ends in
bounded time with the whole file or with one line, and the next call, of a server that answers well, has the whole file.
"""

import base64
import hashlib
import os
import socket
import struct
import tempfile
import threading
import time
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np

from cxr.sources import archive, kaggle
from cxr.sources.fetch import fetch
from cxr.sources.retry import Patience
from tests.server import FileServer, Handler, kaggle_environment, running, zipped
from tests.torture.attacks import good_entries
from tests.torture.case import Ending, Fault, LossError, ending, said_by

Generator = np.random.Generator

PASSING = (408, 425, 429, 500, 502, 503, 504)
REFUSING = (400, 401, 403, 404, 410)


class FaultyServer(FileServer):
    """Each of the first requests meets one of `faults`, each a word and a number in [0, 1) that chooses its details."""

    def __init__(self, content: bytes, faults: list[tuple[str, float]], silence: float) -> None:
        super().__init__(content)
        self.RequestHandlerClass = FaultyHandler
        self.faults, self.silence = faults, silence
        self.lock = threading.Lock()

    def next_fault(self) -> tuple[str, float]:
        with self.lock:
            return self.faults.pop(0) if self.faults else ("well", 0.0)


class FaultyHandler(Handler):
    server: FaultyServer

    def do_GET(self) -> None:  # noqa: N802
        self.note()
        fault, chance = self.server.next_fault()
        content, length = self.server.content, len(self.server.content)
        wanted = self.headers.get("Range", "")
        if wanted and self.server.range_status:
            return self.say(self.server.range_status, b"<html>no parts</html>")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= length:
            return self.say(416, b"", {"Content-Range": f"bytes */{length}"})
        match fault:
            case "status":
                return self.say(PASSING[int(chance * len(PASSING))], b"{}", {"Retry-After": "1"})
            case "refuse":
                return self.say(REFUSING[int(chance * len(REFUSING))], b"<html>no</html>")
            case "html":
                return self.say(200, b"<html>log in first</html>" * 50)
            case "hang":
                time.sleep(2 * self.server.silence)
                self.close_connection = True
                return None
            case "reset":
                return self.reset()
            case "no-range":
                start = 0
            case "range-refused" if start:
                return self.say(416, b"")
            case "other-range" if start:
                start = int(chance * start)
            case "flipped":
                at = int(chance * (length - 1))
                content = content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
        self.begin(206 if start else 200, None if fault == "no-length" else length - start, start)
        self.body(fault, chance, content[start:])
        return None

    def do_POST(self) -> None:  # noqa: N802
        """The Kaggle API: an address of the storage server."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.note()
        with self.server.lock:
            is_here = bool(self.server.faults) and self.server.faults[0][0].startswith("api-")
            fault, chance = self.server.faults.pop(0) if is_here else ("well", 0.0)
        match fault.removeprefix("api-"):
            case "status":
                return self.say(PASSING[int(chance * len(PASSING))], b"{}", {"Retry-After": "1"})
            case "refuse":
                return self.say(REFUSING[int(chance * len(REFUSING))], b"{}")
            case "html":
                return self.say(200, b"<html>log in first</html>" * 50)
            case "reset":
                return self.reset()
        return self.say(302, b"", {"Location": "http://localhost/storage/archive.zip"})

    def say(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def begin(self, status: int, length: int | None, start: int) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if status == 206:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(self.server.content) - 1}/{len(self.server.content)}"
            )
        self.send_header("Content-Type", "application/zip")
        self.send_header("Accept-Ranges", "bytes")
        digest = base64.b64encode(hashlib.md5(self.server.content).digest()).decode()
        self.send_header("x-goog-hash", f"md5={digest}")
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()

    def body(self, fault: str, chance: float, content: bytes) -> None:
        at = int(chance * len(content))
        match fault:
            case "cut":
                self.wfile.write(content[:at])
                self.close_connection = True
            case "reset-inside":
                self.wfile.write(content[:at])
                self.reset()
            case "stall":
                self.wfile.write(content[:at])
                self.wfile.flush()
                time.sleep(2 * self.server.silence)
                self.close_connection = True
            case "more":
                self.wfile.write(content + b"more than was said")
                self.close_connection = True
            case "drip":
                for begin in range(0, len(content), 1 + len(content) // 20):
                    self.wfile.write(content[begin : begin + 1 + len(content) // 20])
                    time.sleep(self.server.silence / 40)
            case _:
                self.wfile.write(content)

    def reset(self) -> None:
        """Close the connection so that the other side is told of an error (RST)."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        with suppress(OSError):  # reset above
            super().finish()


@cache
def content() -> bytes:
    """An archive of a few images and of something large enough to be cut anywhere."""
    ballast = ("ballast", np.random.default_rng(0).bytes(600_000))
    return zipped([*good_entries(), ballast], zipfile.ZIP_DEFLATED)


def script(generator: Generator, words: list[str]) -> list[tuple[str, float]]:
    n_faults = int(generator.integers(1, 5))
    return [(str(generator.choice(words)), float(generator.random())) for _ in range(n_faults)]


def range_status(generator: Generator) -> int:
    """Mostly 0; else with what the server answers each request for a part, also in the next call."""
    return int(generator.choice([400, 403, 500, 501])) if generator.random() < 0.2 else 0


WORDS = ["status", "refuse", "html", "hang", "reset", "no-range", "range-refused", "other-range", "flipped"]
WORDS += ["no-length", "cut", "reset-inside", "stall", "more", "drip"]


def plain(generator: Generator) -> Ending:
    """Any faults, in any order, with or without what a killed call left."""
    silence = 0.5
    patience = Patience(n_attempts=4, pause=0.01, silence=silence)
    sha256 = hashlib.sha256(content()).hexdigest()
    with tempfile.TemporaryDirectory() as name, mock.patch.dict(os.environ, {"NO_PROXY": "127.0.0.1"}):
        path = Path(name) / "file"
        if generator.random() < 0.4:
            left = content()[: generator.integers(len(content()))]
            if generator.random() < 0.3:
                left = generator.bytes(int(generator.integers(1, 2 * len(content()))))
            path.with_name("file.part").write_bytes(left)
        with running(FaultyServer(content(), script(generator, WORDS), silence)) as server:
            server.range_status = range_status(generator)

            def get() -> None:
                fetch(f"http://127.0.0.1:{server.port}/file", path, sha256, "the server", patience)

            told = said_by(get, 20)
            if told and path.exists():
                raise LossError("a line was said and the file is there")
            server.faults.clear()
            if again := said_by(get, 20):
                raise LossError(f"after {told!r} the next call said {again!r}")
        if path.read_bytes() != content() or [entry.name for entry in Path(name).iterdir()] != ["file"]:
            raise LossError(f"not the file alone, whole: {sorted(Path(name).iterdir())}")
    return ending(told)


def by_kagglehub(generator: Generator) -> Ending:
    """The real client, in its own process, through a proxy that knows no other server."""
    # The client takes seconds to start where the machine is at other work, and writes nothing meanwhile.
    silence = 8.0
    patience = Patience(n_attempts=3, pause=0.01, silence=silence)
    words = [*WORDS, "api-status", "api-refuse", "api-html", "api-reset"]
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        with running(FaultyServer(content(), script(generator, words), silence)) as server:
            server.range_status = range_status(generator)
            quick = mock.patch.object(kaggle, "POLL", 0.1)
            with mock.patch.dict(os.environ, kaggle_environment(home, server.port)), quick:
                told = said_by(lambda: kaggle.download(patience), 120)
                server.faults.clear()
                if again := said_by(lambda: kaggle.download(patience), 120):
                    raise LossError(f"after {told!r} the next call said {again!r}")
                raw = Path(name) / "raw"
                archive.copy(kaggle.download(patience), raw, "it")
        if len([path for path in raw.rglob("*") if path.is_file()]) != len(good_entries()):
            raise LossError("not all images came")
    return ending(told)


FAULTS = {
    "download-plain": Fault(
        "Mendeley's way to download: up to four faults of fifteen kinds, killed halves", 200, plain
    ),
    "download-kaggle": Fault("the real kagglehub client: up to four faults of nineteen kinds", 60, by_kagglehub),
}
