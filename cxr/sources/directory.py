"""A folder of the user's, in Kaggle's layout: `data.directory` of params.yaml. It is copied and never altered."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cxr.data.names import FileNames, Origin
from cxr.errors import UserError
from cxr.sources import archive
from cxr.sources.source import KERMANY_NAMES, Brought, Request, Source
from cxr.vocabulary import CLASSES


def bring(raw: Path, request: Request) -> Brought:
    """Copy the folder's images."""
    data = request.params["data"]
    name = data["directory"]
    archive.copy(find(name, request.home), raw, _called(name))
    return Brought(_origin(data["patient"]))


def look(name: str | None, home: Path) -> None:
    """Find the folder, and count on stderr the files that bringing it would leave out. Raises UserError as `find`."""
    archive.tell_left_out(find(name, home), _called(name))


def reads(data: Mapping[str, Any], home: Path) -> Iterator[tuple[str, Path]]:
    """What bringing the folder reads: its name in words, and its place, whatever is there."""
    if name := data["directory"]:
        yield _called(name), home / os.path.expanduser(name)


def _called(name: str | None) -> str:
    return f"data.directory '{name}'"


def _origin(rule: str) -> Origin:
    """How the images are known under `data.patient`."""
    if rule == "none":
        return Origin(CLASSES, "unknown")
    names = FileNames(rule, rule, f"what data.patient '{rule}' fits")
    if rule == "auto":
        expected = f"{KERMANY_NAMES.expected}; of other names tell the patient with data.patient"
        names = replace(KERMANY_NAMES, expected=expected)
    return Origin(CLASSES, "file names", names)


def find(name: str | None, home: Path) -> Path:
    """The folder that `data.directory` names, relative to `home`. Raises UserError where there is none."""
    if not name:
        raise UserError("data.source is 'directory' but data.directory is null; name a folder")
    try:
        folder = home / Path(name).expanduser()
        if folder.is_dir():
            return folder
        reason = "is no folder (relative paths start at the project's folder)"
    except (RuntimeError, ValueError, OSError) as error:
        reason = f"is no folder ({getattr(error, 'strerror', None) or error})"
    raise UserError(f"{_called(name)} {reason}")


SOURCE = Source(
    address="data.directory of params.yaml",
    licence="the folder's own",
    knows_etiology=True,
    bring=bring,
)
