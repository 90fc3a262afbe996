"""the data source -> data/raw, metrics/download.json"""

import shutil
from pathlib import Path

from tqdm import tqdm

from cxr import layout
from cxr.errors import UserError
from cxr.sources import DataParams
from stages import project

RAW = Path("data/raw")


def main() -> None:
    params = project.read_params(DataParams, "data")
    with project.whole(RAW) as raw:
        raw.mkdir()
        _from_directory(params.directory, raw)
    project.write_json("metrics/download.json", {"source": params.source, "images": "real", "expected_counts": None})


def _from_directory(name: str | None, raw: Path) -> None:
    """Copy the images of the user's folder, which stays as it is."""
    if not name:
        raise UserError("data.source is 'directory' but data.directory is null; name a folder")
    folder = project.home() / Path(name).expanduser()
    if not folder.is_dir():
        raise UserError(f"data.directory '{name}' is no folder (relative paths start at the project's folder)")
    found = list(layout.select((path.relative_to(folder), path) for path in folder.rglob("*")))
    layout.check_classes((path for path, _ in found), f"data.directory '{name}'")
    for path, copies in tqdm(found, desc="copy", unit="image"):
        target = raw / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copies[0], target)


if __name__ == "__main__":
    project.run(main)
