"""A data set is taken only whole: all its images, and each can be decoded."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from cxr.data.images import UnusableFileError, decode
from cxr.errors import UserError, shortened
from cxr.sources import layout
from cxr.sources.source import Counts, DamagedError
from cxr.workers import workers

# Any size shows whether a file can be decoded; a small one lets the JPEG decoder do less.
PIXELS = 64


def place_whole(
    what: str, get: Callable[[bool], Path], place: Callable[[Path, Path], None], raw: Path, counts: Counts | None
) -> None:
    """Write to `raw` what `place` makes of the file or folder that `get` gives, once it has been checked.

    What `get(False)` gives may have been stored long ago: where it is not whole, `get(True)` fetches it anew, once.
    Raises UserError, which names what to remove, where that is not whole either.
    """
    stored = get(False)
    try:
        _place(stored, place, raw, counts)
    except DamagedError as error:
        print(f"{what} in {stored} is not whole: {error}; fetching it anew", file=sys.stderr)
    else:
        return
    shutil.rmtree(raw)
    raw.mkdir()
    stored = get(True)
    try:
        _place(stored, place, raw, counts)
    except DamagedError as error:
        raise UserError(
            f"{what} is not whole, nor when fetched anew: {error}; remove {stored} and run it again later, "
            "or use another data.source"
        ) from None


def _place(stored: Path, place: Callable[[Path, Path], None], raw: Path, counts: Counts | None) -> None:
    place(stored, raw)
    paths = sorted(path for path in raw.rglob("*") if path.is_file())
    if counts:
        layout.check_counts((path.relative_to(raw) for path in paths), counts)
    with workers() as pool:
        reasons = list(tqdm(pool.map(_problem, paths, chunksize=16), total=len(paths), desc="check", unit="image"))
    bad = [f"{path.relative_to(raw)} ({reason})" for path, reason in zip(paths, reasons, strict=True) if reason]
    if bad:
        raise DamagedError(f"{len(bad)} of {len(paths)} images cannot be used: {shortened(bad)}")


def _problem(path: Path) -> str:
    """Why an image file cannot be decoded; empty where it can."""
    try:
        decode(path.read_bytes(), PIXELS)
    except UnusableFileError as error:
        return str(error)
    return ""
