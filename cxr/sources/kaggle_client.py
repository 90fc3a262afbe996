"""Run the real kagglehub client in a process of its own: `python -m cxr.sources.kaggle_client HANDLE [--anew]`.

Prints, as its last line, JSON: the path of the files, or the kind of failure. Never prints a credential or an address.
Ends when its standard input does: it does not outlive the process that started it.
"""

import errno
import json
import os
import sys
import threading
from pathlib import Path

import kagglehub
import requests
from kagglehub.cache import get_cached_archive_path
from kagglehub.config import get_kaggle_credentials
from kagglehub.exceptions import DataCorruptionError
from kagglehub.handle import parse_dataset_handle

from cxr.sources.archive import is_damage
from cxr.sources.fetch import describe

BROKEN_CONNECTION = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    ConnectionError,
    TimeoutError,
)
# What a disk says that does not take more; any other OSError once the archive is there comes of what stands in it.
FULL_OR_CLOSED = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}


def main(handle: str, is_anew: bool) -> dict[str, object]:
    """The answer for `cxr.sources.kaggle`: `path`, or `failure` (credentials, http, ...) with its details."""
    if reason := _wrong_with_credentials():
        return {"failure": "credentials", "reason": reason}
    archive = Path(get_cached_archive_path(parse_dataset_handle(handle)))
    try:
        return {"path": kagglehub.dataset_download(handle, force_download=is_anew)}
    except requests.HTTPError as error:
        return {"failure": "http", "status": error.response.status_code if error.response is not None else 0}
    except BROKEN_CONNECTION as error:
        return {"failure": "network", "reason": describe(error)}
    except requests.RequestException as error:
        # Its text may hold a header, and so a credential.
        return {"failure": "client", "reason": _kind(error)}
    except OSError as error:
        if error.errno in FULL_OR_CLOSED or not archive.exists():
            return {"failure": "disk", "reason": error.strerror or str(error), "errno": error.errno}
        return _without(archive, "corrupt", error)
    except Exception as error:
        # "Unsupported archive type." is a ValueError.
        is_corrupt = is_damage(error) or isinstance(error, DataCorruptionError) or "archive" in str(error)
        return _without(archive, "corrupt" if is_corrupt else "client", error)


def _wrong_with_credentials() -> str:
    """What kagglehub would fail on; empty where the credentials, if any, can be sent."""
    try:
        found = get_kaggle_credentials()
    except Exception as error:
        return str(error) if type(error) is ValueError else _kind(error)
    values = (found.username, found.key, found.api_key) if found else ()
    is_sendable = all(
        value is None or (isinstance(value, str) and value.isascii() and value.isprintable()) for value in values
    )
    return "" if is_sendable else "they hold what no HTTP header may"


def _kind(error: Exception) -> str:
    return type(error).__name__


def _without(archive: Path, failure: str, error: Exception) -> dict[str, object]:
    """kagglehub keeps an archive that it fails on, and so fails for ever; without it the next call starts afresh."""
    archive.unlink(missing_ok=True)
    return {"failure": failure, "reason": _kind(error)}


def _end_with_stdin() -> None:
    """Nothing is ever written to it. Read without Python's buffer, whose lock would be held at a normal end."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    answer = main(sys.argv[1], "--anew" in sys.argv)
    # kagglehub writes to stdout too, and not always whole lines.
    print("\n" + json.dumps(answer))
