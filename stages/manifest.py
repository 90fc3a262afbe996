"""data/raw, data/details/download.json -> data/manifest.csv, data/details/data.json"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cxr import files
from cxr.data import manifest, names
from cxr.data.images import UnusableFileError
from cxr.data.names import Origin
from cxr.errors import UserError, shortened
from cxr.vocabulary import SPLITS
from cxr.workers import blocks, in_order, workers
from stages import project

RAW = Path("data/raw")
N_PER_TASK = 16


def main() -> None:
    download = project.read_details("download")
    origin = names.origin(download)
    table = manifest.build(_rows(_paths(origin), origin))
    expected, counts = download["expected_counts"], manifest.counts(table, origin.classes)
    if expected and counts != expected:
        raise UserError(
            f"{download['source']} should give {expected} images but {RAW} holds {counts}; run `dvc repro -f download`"
        )
    if origin.patients == "file names" and (twice := manifest.spelled_twice(table)):
        raise UserError(
            f"{len(twice)} patients are spelled in more than one way: {shortened(twice)}; rename the files, so that "
            "one patient has one spelling"
        )
    files.write_csv("data/manifest.csv", table)
    known = {"images": download["images"], "patients": origin.patients}
    project.write_details("data", {**known, **manifest.summarise(table, origin.classes)})


def _paths(origin: Origin) -> list[str]:
    """The images in data/raw, sorted. Raises UserError where one of a table's is missing, or a file is of no image.

    What is hidden (`.DS_Store`) is left out, unless a table names it.
    """
    found = {path.relative_to(RAW) for path in RAW.rglob("*") if path.is_file()}
    named = {Path(path) for path in origin.rows or ()}
    found = {path for path in found if path in named or not files.is_hidden(path)}
    foreign = found - named if named else {path for path in found if not _is_in_class(path, origin)}
    if foreign:
        told = shortened(sorted(map(str, foreign)))
        raise UserError(f"{RAW} holds {len(foreign)} files that download did not bring: {told}; move them elsewhere")
    if missing := named - found:
        told = shortened(sorted(map(str, missing)))
        raise UserError(f"{RAW} lacks {len(missing)} of the table's images: {told}; run `dvc repro -f download`")
    return sorted(path.as_posix() for path in found)


def _is_in_class(path: Path, origin: Origin) -> bool:
    """Whether a path is `part/CLASS/name`."""
    return len(path.parts) == 3 and path.parts[0] in SPLITS and path.parts[1] in origin.classes


def _written(problems: list[str]) -> str:
    """All problems in a file that outlives the failed stage; its path."""
    path = project.scratch("problems") / "manifest.txt"
    with files.whole(path) as partial_path:
        partial_path.write_text("\n".join(problems) + "\n")
    return str(path)


def _rows(paths: list[str], origin: Origin) -> Iterator[dict[str, Any]]:
    """The manifest row of each file, in the order of `paths`. Raises UserError at the end where a file is unusable."""
    problems = []
    for path, (row, problem) in zip(paths, _inspect_all(paths, origin), strict=True):
        if problem:
            problems.append(f"{path} ({problem})")
        elif not problems:
            yield row
    if problems:
        raise UserError(
            f"{len(problems)} of {len(paths)} files in {RAW} cannot be used: "
            f"{shortened(problems, rest_in=_written(problems))}"
        )


def _inspect_all(paths: list[str], origin: Origin) -> Iterator[tuple[dict[str, Any], str]]:
    """The manifest row of each file, or what is wrong with it."""
    with workers() as pool, tqdm(total=len(paths), desc="manifest", unit="image") as bar:
        for task in in_order(pool, _stored, blocks(paths, N_PER_TASK)):
            for path, stored, problem in task:
                try:
                    yield names.identify(path, origin) | stored, problem
                except UnusableFileError as error:
                    yield {}, problem or str(error)
            bar.update(len(task))


def _stored(paths: list[str]) -> list[tuple[str, dict[str, Any], str]]:
    """A few paths, with how each file is stored, or what is wrong with it."""
    return [(path, *_inspect(path)) for path in paths]


def _inspect(path: str) -> tuple[dict[str, Any], str]:
    try:
        return manifest.inspect(path, (RAW / path).read_bytes()), ""
    except UnusableFileError as error:
        return {}, str(error)


if __name__ == "__main__":
    project.run(main)
