"""the data source -> data/raw, data/details/download.json"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cxr.errors import UserError
from cxr.sources import archive, kaggle
from cxr.sources import phantoms as phantom
from cxr.sources.fetch import fetch
from cxr.sources.layout import EXPECTED_COUNTS
from cxr.sources.params import DataParams, PhantomParams
from cxr.sources.records import MENDELEY_SHA256, MENDELEY_URL
from cxr.sources.retry import Patience
from stages import project

RAW = Path("data/raw")


def main() -> None:
    params = project.read_params(DataParams, "data")
    expected: dict[str, Any] | None = EXPECTED_COUNTS.get(params.source)
    with project.whole(RAW) as raw:
        raw.mkdir()
        match params.source:
            case "kaggle":
                archive.copy(kaggle.download(Patience()), raw, "the Kaggle data set")
            case "mendeley":
                stored = project.scratch("downloads") / "ChestXRay2017.zip"
                fetch(MENDELEY_URL, stored, MENDELEY_SHA256, "Mendeley Data", Patience())
                archive.unpack(stored, raw)
            case "directory":
                _copy_directory(params.directory, raw)
            case "phantom":
                expected = _draw_phantoms(raw)
    project.write_details(
        "download",
        {
            "source": params.source,
            "is_synthetic": params.source == "phantom",
            "expected_counts": expected,
        },
    )


def _copy_directory(name: str | None, raw: Path) -> None:
    if not name:
        raise UserError("data.source is 'directory' but data.directory is null; name a folder")
    folder = project.home() / Path(name).expanduser()
    if not folder.is_dir():
        raise UserError(f"data.directory '{name}' is no folder (relative paths start at the project's folder)")
    archive.copy(folder, raw, f"data.directory '{name}'")


def _draw_phantoms(raw: Path) -> dict[str, dict[str, int]]:
    """Draw the phantoms on all cores; their planned counts."""
    params = project.read_params(PhantomParams, "phantom")
    phantoms = phantom.plan(params)
    with ProcessPoolExecutor() as pool:
        files = pool.map(partial(phantom.encode, opacity=params.opacity), phantoms, chunksize=8)
        for each, content in tqdm(zip(phantoms, files, strict=True), total=len(phantoms), desc="phantoms"):
            archive.write(raw / each.path, content)
    return phantom.expected_counts(phantoms)


if __name__ == "__main__":
    project.run(main)
