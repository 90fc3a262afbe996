"""The Kaggle data set, by the real kagglehub client, watched from outside: it never hangs, and failures are named."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cxr.errors import UserError
from cxr.sources.retry import Patience, TransientError, persist

HANDLE = "paultimothymooney/chest-xray-pneumonia/versions/2"
POLL = 1.0


def download(patience: Patience) -> Path:
    """The folder in kagglehub's cache that holds the data set; downloads what is missing (2.5 GB).

    No account is needed; credentials are used if present. Raises UserError where Kaggle refuses or stays silent.
    """
    return persist(lambda: _attempt(patience.silence), "Kaggle", patience)


def _attempt(silence: float) -> Path:
    answer = _watched_client(silence)
    match answer.get("failure"):
        case None:
            return Path(str(answer["path"]))
        case "http":
            raise _http_error(int(answer["status"]))
        case "network":
            raise TransientError(answer["reason"])
        case "corrupt":
            raise TransientError(f"the archive arrived damaged ({answer['reason']})")
        case _:
            raise UserError(f"the Kaggle archive cannot be stored: {answer['reason']} ({_cache()}); make room there")


def _http_error(status: int) -> Exception:
    if status >= 500 or status in (408, 429):
        return TransientError("too many requests (429)" if status == 429 else f"the server answered {status}")
    advice = {
        401: "it does not accept the credentials found; correct or remove them, none are needed",
        403: "it refuses access; correct or remove the credentials found, none are needed",
        404: "it no longer has the data set; use data.source mendeley",
    }
    return UserError(f"Kaggle answered {status}: {advice.get(status, 'the request was refused')}")


def _watched_client(silence: float) -> dict[str, Any]:
    """Run the client; stop it when nothing reaches the disk for `silence` seconds. Raises TransientError then."""
    command = [sys.executable, "-m", "cxr.sources.kaggle_client", HANDLE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        n_bytes, since = -1, time.monotonic()
        try:
            while client.poll() is None:
                if (now := _n_bytes_on_disk()) != n_bytes:
                    n_bytes, since = now, time.monotonic()
                if time.monotonic() - since > silence:
                    raise TransientError(f"the server has been silent for {silence:g} s")
                time.sleep(POLL)
        finally:
            client.kill()
        assert client.stdout
        output = client.stdout.read()
    if client.returncode:
        raise UserError(f"the kagglehub client failed with exit code {client.returncode}; its message stands above")
    return dict(json.loads(output.splitlines()[-1]))


def _cache() -> Path:
    return Path(os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache" / "kagglehub")


def _n_bytes_on_disk() -> int:
    """Bytes in kagglehub's cache of this data set."""
    owner, name = HANDLE.split("/")[:2]
    total = 0
    for folder, _, names in os.walk(_cache() / "datasets" / owner / name):
        for each in names:
            try:
                total += os.stat(os.path.join(folder, each)).st_size
            except FileNotFoundError:
                continue
    return total
