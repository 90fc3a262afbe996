"""Write files whole or not at all, and lock them."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

# Ends the names of folders in which a file is made before it takes its place.
PARTIAL = ".partial"


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and goes when it does not.

    What a killed process left of the same path goes too. A folder takes the place of a folder; a file never does:
    IsADirectoryError. A link is replaced, not what it leads to, which may be in DVC's cache. Of a device or a pipe
    nothing takes the place: it is `path` itself that is written to.
    """
    path = Path(path)
    if _is_special(path):
        yield path
        return
    with folder_of_the_living(path.parent, prefix=f".{path.name}.", suffix=PARTIAL) as holder:
        yield holder / path.name
        _sync(holder / path.name)
        if path.is_dir() and (holder / path.name).is_dir():
            (Path.unlink if path.is_symlink() else shutil.rmtree)(path)
        os.replace(holder / path.name, path)


def meant(path: Path) -> Path:
    """The file that a user means by `path`: of a link what it leads to, so that `whole` replaces that."""
    return path if _is_special(path) else Path(os.path.realpath(path))


def _is_special(path: Path) -> bool:
    """Whether a device or a pipe is there, or a link to one, as /dev/stdout may be."""
    return path.exists() and not (path.is_file() or path.is_dir())


@contextmanager
def folder_of_the_living(above: Path, prefix: str, name: str = "", suffix: str = "") -> Iterator[Path]:
    """A new folder in `above` while the block runs, locked as long as this process or a worker of its lives.

    Its name is `prefix`, `name`, random letters, `suffix`. The lock tells the folders of the living from those of the
    killed; the latter, of this prefix and suffix and whatever name, are removed. It is taken while `above` is locked
    so that nobody finds a new folder before its lock. Without locks (some network disks) all stay.
    """
    above.mkdir(parents=True, exist_ok=True)
    locked = os.open(above, os.O_RDONLY)
    try:
        if lock(locked, is_patient=True):
            for left in above.glob(f"{prefix}*{suffix}"):
                _sweep(left)
        folder = Path(tempfile.mkdtemp(prefix=prefix + name, suffix=suffix, dir=above))
        held = os.open(folder, os.O_RDONLY)
        lock(held, is_patient=False)
    finally:
        os.close(locked)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _sweep(folder: Path) -> None:
    """Remove a folder whose process has gone."""
    try:
        held = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        if lock(held, is_patient=False):
            shutil.rmtree(folder, ignore_errors=True)
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


def below(folder: Path, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Path]:
    """All that is no folder below `folder`, sorted; links to folders are followed, but not back to one `above`."""
    status = folder.stat()
    here = status.st_dev, status.st_ino
    if here in above:
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from below(path, above | {here})
        else:
            yield path


def is_hidden(path: PurePath) -> bool:
    """Whether a file is hidden, or lies in a hidden folder: rubbish, old versions, and no images that are meant."""
    return any(part.startswith(".") for part in path.parts)


def write_json(path: str, values: Mapping[str, Any]) -> None:
    """Write a JSON file whole."""
    with whole(path) as partial:
        partial.write_text(json.dumps(values, indent=2) + "\n")


def write_csv(path: str, table: Any) -> None:
    """Write a data frame whole, without its index."""
    with whole(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")


def read_predictions(file: Any) -> Any:
    """A table of predictions as `write_csv` was given it, from a path or an open file."""
    # Only here: what reads no table starts without pandas.
    import pandas as pd

    # By itself pandas before 3.1 reads one number in three otherwise than it was written, by the last digit: enough to
    # be on the other side of a threshold, or apart from what it was tied with.
    return pd.read_csv(file, converters={"probability": float})
