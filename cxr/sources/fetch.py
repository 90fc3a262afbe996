"""Download one file over HTTP: resumed where it broke off, checked by its SHA-256."""

import hashlib
from pathlib import Path

import requests
from tqdm import tqdm

from cxr.errors import UserError
from cxr.sources.retry import Patience, TransientError, persist

CHUNK = 1 << 20
PASSING_STATUS = {408, 425, 429}
# Of a busy server, whatever it is asked for.
BUSY_STATUS = {502, 503, 504}


def fetch(url: str, path: Path, sha256: str, what: str, patience: Patience) -> None:
    """Bring `url` to `path`, which is there whole or not at all; a part of it waits beside it as `<name>.part`.

    Raises UserError where the server refuses or patience runs out.
    """

    def attempt() -> None:
        partial = path.with_name(path.name + ".part")
        _append(url, partial, what, patience.silence)
        with partial.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                partial.unlink()
                raise TransientError("what arrived is damaged (its SHA-256 is wrong)")
        partial.rename(path)

    if not path.exists():
        persist(attempt, what, patience)


def _append(url: str, partial: Path, what: str, silence: float, is_anew: bool = False) -> None:
    """Ask for what is missing of the file and append it; for all of it where the server gives no parts."""
    n_present = partial.stat().st_size if partial.exists() and not is_anew else 0
    headers = {"Range": f"bytes={n_present}-"} if n_present else {}
    try:
        with requests.get(url, headers=headers, stream=True, timeout=silence) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                return
            if not (n_present and _may_be_of_range(response.status_code)):
                _take(response, partial, what, n_present)
                return
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise TransientError(describe(error)) from None
    # Were it asked for the same part again, a server that fails at parts would never give the file.
    _append(url, partial, what, silence, is_anew=True)


def _may_be_of_range(status: int) -> bool:
    """Whether a server may fail so at a part of a file whose whole it gives."""
    return status >= 400 and status not in PASSING_STATUS | BUSY_STATUS


def _take(response: requests.Response, partial: Path, what: str, n_present: int) -> None:
    _check_status(response.status_code, what)
    is_continued = response.status_code == requests.codes.partial_content
    n_missing = int(response.headers.get("Content-Length", 0))
    _write(response, partial, "ab" if is_continued else "wb", n_present * is_continued, n_missing)


def _write(response: requests.Response, partial: Path, mode: str, n_present: int, n_missing: int) -> None:
    total = n_present + n_missing if n_missing else None
    bar = tqdm(desc=partial.stem, total=total, initial=n_present, unit="B", unit_scale=True)
    n_written = 0
    with partial.open(mode) as file, bar:
        for chunk in response.iter_content(CHUNK):
            n_written += file.write(chunk)
            bar.update(len(chunk))
    if n_written < n_missing:
        raise TransientError(f"the connection broke after {n_written} of {n_missing} bytes")


def _check_status(status: int, what: str) -> None:
    if status >= 500 or status in PASSING_STATUS:
        raise TransientError(f"the server answered {status}")
    if status >= 400:
        raise UserError(f"{what}: the server answered {status}; the address may have changed, try another data.source")


def describe(error: Exception) -> str:
    """A network error in a few words, without addresses or headers."""
    if isinstance(error, requests.Timeout):
        return "the server does not answer"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    return "no connection"
