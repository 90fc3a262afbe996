"""A folder of the user's, in Kaggle's layout: `data.directory` of params.yaml. It is copied and never altered."""

from pathlib import Path

from cxr.errors import UserError
from cxr.sources import archive
from cxr.sources.source import KERMANY_NAMES, Request, Source


def bring(raw: Path, request: Request) -> None:
    """Copy the folder's images."""
    name = request.params["data"]["directory"]
    archive.copy(find(name, request.home), raw, f"data.directory '{name}'")


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
    raise UserError(f"data.directory '{name}' {reason}")


SOURCE = Source(
    address="data.directory of params.yaml",
    licence="the folder's own",
    file_names=KERMANY_NAMES,
    bring=bring,
)
