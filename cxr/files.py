"""Write files whole or not at all, and lock them."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Ends the names of folders in which a file is made before it takes its place.
PARTIAL = ".partial"


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and goes when it does not.

    What a killed process left of the same path goes too. A folder takes the place of a folder; a file never does:
    IsADirectoryError.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _holder(path) as holder:
        yield holder / path.name
        _sync(holder / path.name)
        if path.is_dir() and (holder / path.name).is_dir():
            shutil.rmtree(path)
        os.replace(holder / path.name, path)


@contextmanager
def _holder(path: Path) -> Iterator[Path]:
    """A folder beside `path` while the block runs, locked as long as this process or a worker of its lives.

    The lock tells the folders of the living from those of the killed, which are removed. It is taken while `path`'s
    folder is locked, so that nobody finds a new folder before its lock. Without locks (some network disks) all stay.
    """
    beside = os.open(path.parent, os.O_RDONLY)
    try:
        if lock(beside, is_patient=True):
            for left in path.parent.glob(f".{path.name}.*{PARTIAL}"):
                _sweep(left)
        holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=PARTIAL, dir=path.parent))
        held = os.open(holder, os.O_RDONLY)
        lock(held, is_patient=False)
    finally:
        os.close(beside)
    try:
        yield holder
    finally:
        shutil.rmtree(holder, ignore_errors=True)
        os.close(held)


def _sweep(holder: Path) -> None:
    """Remove a folder whose process has gone."""
    try:
        held = os.open(holder, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        if lock(held, is_patient=False):
            shutil.rmtree(holder, ignore_errors=True)
    finally:
        os.close(held)


def lock(descriptor: int, is_patient: bool) -> bool | None:
    """Lock an open file or folder; whether that was possible, None where its file system knows no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if is_patient else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _sync(path: Path) -> None:
    """Wait until a file's content is on the disk: else its name could be there after a power cut, and nothing in it.

    Of a folder nothing: thousands of files would take long, and what reads them checks each.
    """
    if path.is_file():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def write_json(path: str, values: Mapping[str, Any]) -> None:
    """Write a JSON file whole."""
    with whole(path) as partial:
        partial.write_text(json.dumps(values, indent=2) + "\n")


def write_csv(path: str, table: Any) -> None:
    """Write a data frame whole, without its index."""
    with whole(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")
