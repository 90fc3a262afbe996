"""The Kaggle data set, by the real kagglehub client, watched from outside: it never hangs, and failures are named."""

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cxr.errors import UserError
from cxr.sources import archive
from cxr.sources.retry import Patience, TransientError, persist
from cxr.sources.source import KERMANY, Brought, Request, Source
from cxr.sources.whole import place_whole

POLL = 1.0

# What to do about a disk that does not take the archive.
DISK_ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room there"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "allow writing there"),
}


def bring(raw: Path, request: Request) -> Brought:
    """Download the data set to kagglehub's cache, where it is not there yet, and copy it from there."""
    place_whole(
        "Kaggle's data set",
        lambda is_anew: download(Patience(), is_anew),
        lambda folder, raw: archive.copy(folder, raw, "it"),
        raw,
        SOURCE.counts,
    )
    return Brought(KERMANY, SOURCE.counts)


def download(patience: Patience, is_anew: bool = False) -> Path:
    """The folder in kagglehub's cache that holds the data set; downloads what is missing (2.5 GB), or all of it anew.

    No account is needed; credentials are used if present. Raises UserError where Kaggle refuses or stays silent.
    """
    return persist(lambda: _attempt(patience.silence, is_anew), "Kaggle", patience)


def _attempt(silence: float, is_anew: bool) -> Path:
    answer = _watched_client(silence, is_anew)
    match answer.get("failure"):
        case None:
            return Path(str(answer["path"]))
        case "http":
            raise _http_error(int(answer["status"]))
        case "network":
            raise TransientError(answer["reason"])
        case "corrupt":
            raise TransientError(f"the archive arrived damaged ({answer['reason']})")
        case "credentials":
            raise UserError(
                f"the Kaggle credentials found cannot be used ({answer['reason']}); correct or remove them, "
                "none are needed"
            )
        case "disk":
            advice = DISK_ADVICE.get(answer["errno"], "set KAGGLEHUB_CACHE to a folder that can be written")
            raise UserError(f"the Kaggle archive cannot be stored in {_cache()}: {answer['reason']}; {advice}")
        case _:
            raise UserError(
                f"the kagglehub client failed ({answer['reason']}); run it again or use another data.source"
            )


def _http_error(status: int) -> Exception:
    if status >= 500 or status in (408, 429):
        return TransientError("too many requests (429)" if status == 429 else f"the server answered {status}")
    advice = {
        401: "it does not accept the credentials found; correct or remove them, none are needed",
        403: "it refuses access; correct or remove the credentials found, none are needed",
        404: "it no longer has the data set; use data.source mendeley",
    }
    return UserError(f"Kaggle answered {status}: {advice.get(status, 'the request was refused')}")


def _watched_client(silence: float, is_anew: bool) -> dict[str, Any]:
    """Run the client; stop it when nothing reaches the disk for `silence` seconds. Raises TransientError then.

    The client ends by itself when its standard input does, as it does when this process is killed. A session of its
    own keeps a Ctrl-C from it, which is for this process to answer.
    """
    command = [sys.executable, "-m", "cxr.sources.kaggle_client", SOURCE.address, *(["--anew"] if is_anew else [])]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as client:
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
    owner, name = SOURCE.address.split("/")[:2]
    total = 0
    for folder, _, files in os.walk(_cache() / "datasets" / owner / name):
        for file in files:
            try:
                total += os.stat(os.path.join(folder, file)).st_size
            except FileNotFoundError:
                continue
    return total


SOURCE = Source(
    address="paultimothymooney/chest-xray-pneumonia/versions/2",
    licence="CC BY 4.0",
    counts={
        "train": {"NORMAL": 1341, "PNEUMONIA": 3875},
        "val": {"NORMAL": 8, "PNEUMONIA": 8},
        "test": {"NORMAL": 234, "PNEUMONIA": 390},
    },
    knows_etiology=True,
    bring=bring,
)
