"""What commands are told, for argparse: where to write, with what is in the way told before any work is done."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cxr.errors import UserError
from cxr.files import meant


def file_to_write(word: str) -> Path:
    """A file that is there or can be made; of a link the one that it leads to.

    Raises UserError where a folder has its name, or a file one above it, or no file can have it.
    """
    path = Path(word)
    with _one_line(path):
        if path.is_dir():
            raise UserError(f"{path} is a folder; name the file to write")
        path = meant(path)
    folder_to_write(str(path.parent))
    return path


def folder_to_write(word: str) -> Path:
    """A folder that is there or can be made. Raises UserError as `file_to_write`, where a file has its name too."""
    path = Path(word)
    with _one_line(path):
        for place in (path, *path.parents):
            if place.exists() and not place.is_dir():
                raise UserError(f"{place} is no folder; name another to write into")
    return path


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """What the disk says of a name that it cannot have, or that this user may not see."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be written to: {error.strerror}") from None


class Once(argparse.Action):
    """Stores the value of an option. Raises UserError where it is given twice: argparse drops the first unsaid."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        if getattr(namespace, self.dest) is not self.default:
            raise UserError(f"{option} is given twice; one of the two would be dropped")
        setattr(namespace, self.dest, values)
