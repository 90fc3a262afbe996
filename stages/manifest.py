"""data/raw -> data/manifest.csv, data/details/data.json"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cxr.data import manifest
from cxr.data.images import UnusableFileError
from cxr.errors import UserError
from stages import project

RAW = Path("data/raw")


def main() -> None:
    origin = project.read_details("download")
    paths = sorted(path.relative_to(RAW).as_posix() for path in RAW.rglob("*") if path.is_file())
    rows, problems = [], []
    for path, (row, problem) in zip(paths, _inspect_all(paths), strict=True):
        rows.append(row)
        if problem:
            problems.append(f"{path} ({problem})")
    if problems:
        raise UserError(f"{len(problems)} of {len(paths)} files in {RAW} cannot be used: {'; '.join(problems)}")
    table = manifest.build(rows)
    expected = origin["expected_counts"]
    if expected and manifest.counts(table) != expected:
        raise UserError(
            f"{origin['source']} should give {expected} images but gave {manifest.counts(table)}; "
            "run `dvc repro -f download`"
        )
    project.write_csv("data/manifest.csv", table)
    kind = {"images": "synthetic" if origin["is_synthetic"] else "real"}
    project.write_details("data", kind | manifest.summarise(table))


def _inspect_all(paths: list[str]) -> Iterator[tuple[dict[str, Any], str]]:
    with ProcessPoolExecutor() as pool:
        yield from tqdm(pool.map(_inspect, paths, chunksize=16), total=len(paths), desc="manifest", unit="image")


def _inspect(path: str) -> tuple[dict[str, Any], str]:
    """The manifest row of one file, or what is wrong with it."""
    try:
        return manifest.inspect(path, (RAW / path).read_bytes()), ""
    except UnusableFileError as error:
        return {}, str(error)


if __name__ == "__main__":
    project.run(main)
