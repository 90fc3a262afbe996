"""data/raw, data/details/download.json -> data/manifest.csv, data/details/data.json"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cxr import files
from cxr.data import manifest
from cxr.data.images import UnusableFileError
from cxr.data.names import FileNames
from cxr.errors import UserError, shortened
from cxr.workers import workers
from stages import project

RAW = Path("data/raw")


def main() -> None:
    origin = project.read_details("download")
    paths = sorted(path.relative_to(RAW).as_posix() for path in RAW.rglob("*") if path.is_file())
    rows, problems = [], []
    for path, (row, problem) in zip(paths, _inspect_all(paths, FileNames(**origin["file_names"])), strict=True):
        rows.append(row)
        if problem:
            problems.append(f"{path} ({problem})")
    if problems:
        raise UserError(
            f"{len(problems)} of {len(paths)} files in {RAW} cannot be used: "
            f"{shortened(problems, rest_in=_written(problems))}"
        )
    table = manifest.build(rows)
    expected = origin["expected_counts"]
    if expected and manifest.counts(table) != expected:
        raise UserError(
            f"{origin['source']} should give {expected} images but {RAW} holds {manifest.counts(table)}; "
            "run `dvc repro -f download`"
        )
    files.write_csv("data/manifest.csv", table)
    project.write_details("data", {"images": origin["images"], **manifest.summarise(table)})


def _written(problems: list[str]) -> str:
    """All problems in a file that outlives the failed stage; its path."""
    path = project.scratch("problems") / "manifest.txt"
    with files.whole(path) as partial_path:
        partial_path.write_text("\n".join(problems) + "\n")
    return str(path)


def _inspect_all(paths: list[str], names: FileNames) -> Iterator[tuple[dict[str, Any], str]]:
    with workers() as pool:
        found = pool.map(partial(_inspect, names=names), paths, chunksize=16)
        yield from tqdm(found, total=len(paths), desc="manifest", unit="image")


def _inspect(path: str, names: FileNames) -> tuple[dict[str, Any], str]:
    """The manifest row of one file, or what is wrong with it."""
    try:
        return manifest.inspect(path, (RAW / path).read_bytes(), names), ""
    except UnusableFileError as error:
        return {}, str(error)


if __name__ == "__main__":
    project.run(main)
