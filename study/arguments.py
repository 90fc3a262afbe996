"""Where a command is told to write, as types of argparse: what is in the way is told before any work is done."""

from pathlib import Path

from cxr.errors import UserError


def file_to_write(word: str) -> Path:
    """A file that is there or can be made. Raises UserError where a folder has its name, or a file one above it."""
    path = Path(word)
    if path.is_dir():
        raise UserError(f"{path} is a folder; name the file to write")
    folder_to_write(str(path.parent))
    return path


def folder_to_write(word: str) -> Path:
    """A folder that is there or can be made. Raises UserError where a file has its name, or that of one above it."""
    path = Path(word)
    for place in (path, *path.parents):
        if place.exists() and not place.is_dir():
            raise UserError(f"{place} is no folder; name another to write into")
    return path
