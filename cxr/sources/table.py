"""A table of the user's, `data.table` of params.yaml: a CSV that says of each image its path, label and patient.

Columns: path, label, patient; part (train, val or test) and acquisition (how it was taken: a device, a view, a site)
where they are known. Others are left. Paths start at `data.directory`, or at the table's own folder where that is null.
The images are copied and never altered.
"""

import os
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from tqdm import tqdm

from cxr.data import sheets
from cxr.data.names import UNWRITABLE, Origin, spelled
from cxr.errors import UserError, shortened
from cxr.sources import archive, directory
from cxr.sources.source import Brought, Request, Source
from cxr.vocabulary import SPLITS, SUFFIXES

COLUMNS = ["path", "label", "patient", "part", "acquisition"]
OPTIONAL = {"part", "acquisition"}
# Labels and parts are few and known; these are as the table has them, each spelled one way.
OPEN = ("patient", "acquisition")


@dataclass(frozen=True)
class Row:
    """A row of the table: its line, and its values by column."""

    line: int
    values: dict[str, str]

    @property
    def path(self) -> str:
        """Where the image will lie in data/raw: the table's path without what means nothing in it (`./a//b`)."""
        return PurePosixPath(self.values["path"]).as_posix()


def bring(raw: Path, request: Request) -> Brought:
    """Copy the table's images."""
    folder, origin = read(request.params["data"], request.home)
    assert origin.rows is not None
    for path in tqdm(origin.rows, desc="copy", unit="image"):
        archive.write(raw / path, (folder / path).read_bytes())
    return Brought(origin)


def read(data: dict[str, Any], home: Path) -> tuple[Path, Origin]:
    """The folder in which the table's paths start, and what its rows say; `data`: the section of params.yaml.

    Raises UserError that names the lines which cannot be used.
    """
    name = data["table"]
    file, folder = _find(name, data["directory"], home)
    has_patients = data["patient"] != "none"
    columns = [column for column in COLUMNS if has_patients or column != "patient"]
    called = _called(name)
    found = sheets.rows(sheets.text(file, called), called, partial(_check_titles, name=called, columns=columns))
    rows = [Row(line, {title: values[title] for title in columns if title in values}) for line, values in found]
    if not rows:
        raise UserError(f"{called} has no row")
    classes = _classes(rows, data["positive"], name)
    if wrong := list(_complaints(rows, classes, folder)):
        raise UserError(f"{called}: {len(wrong)} things cannot be used: {shortened(wrong)}{_advice(rows, classes)}")
    told = {row.path: _told(row, classes) for row in rows}
    return folder, Origin(classes, "table" if has_patients else "unknown", rows=told)


def reads(data: Mapping[str, Any], home: Path) -> Iterator[tuple[str, Path]]:
    """What bringing the table reads, in words, and its place: the table, where its paths start, its images' folders."""
    yield from directory.reads(data, home)
    name = data["table"]
    called = _called(name)
    yield called, home / os.path.expanduser(name)
    # What is missing or wrong is for `read` to tell.
    with suppress(UserError):
        file, folder = _find(name, data["directory"], home)
        rows = sheets.rows(sheets.text(file, called), called, lambda titles: None)
        for images in dict.fromkeys(PurePosixPath(row.get("path", "")).parent for _, row in rows):
            yield f"{called} names images in {images}, which", folder / images


def _called(name: str) -> str:
    return f"data.table '{name}'"


def _find(name: str, directory_name: str | None, home: Path) -> tuple[Path, Path]:
    """The table and the folder in which its paths start."""
    try:
        file = home / Path(name).expanduser()
        is_file = file.is_file()
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(f"{_called(name)} is no file ({getattr(error, 'strerror', None) or error})") from None
    if not is_file:
        raise UserError(f"{_called(name)} is no file (relative paths start at the project's folder)")
    return file, directory.find(directory_name, home) if directory_name else file.parent


def _check_titles(titles: list[str], name: str, columns: list[str]) -> None:
    needed = [title for title in columns if title not in OPTIONAL]
    lacks_patients = set(needed) - set(titles) == {"patient"}
    advice = "; where patients are not known say so with data.patient none" if lacks_patients else ""
    sheets.check_titles(titles, name, needed, columns, advice)
    if others := [title or "without a title" for title in titles if title not in columns]:
        print(f"{name}: its columns {', '.join(others)} are not used", file=sys.stderr)


def _classes(rows: list[Row], positive: str, name: str) -> list[str]:
    """The names of the labels 0 and 1: the most frequent label beside `positive`, and that."""
    labels = Counter(row.values["label"] for row in rows)
    if positive not in labels:
        found = ", ".join(f"'{label}'" for label, _ in labels.most_common(5))
        raise UserError(f"{_called(name)} has no label '{positive}', which data.positive names, but {found}")
    others = [label for label, _ in labels.most_common() if spelled(label) not in ("", spelled(positive))]
    if not others:
        raise UserError(f"{_called(name)} has images of '{positive}' alone; two classes are compared")
    return [others[0], positive]


def _advice(rows: list[Row], classes: list[str]) -> str:
    """What to do about labels of a third class, where there are any."""
    labels = {spelled(row.values["label"]) for row in rows} - {"", *map(spelled, classes)}
    return "; two classes are compared: leave the rows of others out, or give them one of two labels" if labels else ""


def _complaints(rows: list[Row], classes: list[str], folder: Path) -> Iterator[str]:
    """What is wrong, line by line."""
    line_of_path: dict[str, int] = {}
    known: dict[str, list[str]] = {"label": classes, "part": SPLITS, **{name: [] for name in OPEN}}
    spellings = {name: {spelled(word): (word, "") for word in words} for name, words in known.items()}
    for row in rows:
        wrong = [*_values_wrong(row, spellings), _path_wrong(row, folder)]
        if row.path in line_of_path:
            wrong.append(f"{row.path} stands in line {line_of_path[row.path]} already")
        line_of_path.setdefault(row.path, row.line)
        yield from (f"line {row.line}: {reason}" for reason in wrong if reason)


def _values_wrong(row: Row, spellings: dict[str, dict[str, tuple[str, str]]]) -> Iterator[str]:
    """What is wrong with a row's values.

    `spellings`: by column and what spellings share, how a word is written, and where if that is in the table.
    """
    for name, value in row.values.items():
        if not value.strip():
            yield f"no {name}" + ("; fill it in everywhere or leave the column out" if name in OPTIONAL else "")
        elif value != value.strip():
            yield f"{name} '{value}' begins or ends with a space"
        elif UNWRITABLE.search(value):
            yield f"{name} '{value}' holds a control character"
        elif name in spellings:
            known, common = spellings[name], spelled(value)
            if name in OPEN:
                known.setdefault(common, (value, f" in line {row.line}"))
            if common not in known:
                yield f"{name} '{value}' is neither {' nor '.join(word for word, _ in known.values())}"
            elif known[common][0] != value:
                yield f"{name} {_both(value, known[common][0])}{known[common][1]}"


def _both(value: str, usual: str) -> str:
    """Two spellings; in ASCII where they look the same."""
    if unicodedata.normalize("NFC", value) == unicodedata.normalize("NFC", usual):
        return f"{value!a} is also spelled {usual!a}"
    return f"'{value}' is also spelled '{usual}'"


def _path_wrong(row: Row, folder: Path) -> str:
    """Why a row's image cannot be taken; empty where it can."""
    path = PurePosixPath(row.path)
    if path.is_absolute() or ".." in path.parts:
        return f"path {row.values['path']} leaves the folder in which the table's paths start"
    if path.suffix.lower() not in SUFFIXES:
        return f"{path} is named as no image; {', '.join(SUFFIXES)} are read"
    # A name that no disk can have is no file's.
    with suppress(ValueError, OSError):
        if (folder / path).is_file():
            return ""
    return f"{path} is no file"


def _told(row: Row, classes: list[str]) -> dict[str, Any]:
    """What a manifest takes from a row. Words before numbers keep them words: 007 is another patient than 7."""
    values = row.values
    told: dict[str, Any] = {
        "official_split": values.get("part", "train"),
        "label": classes.index(values["label"]),
        "patient_group": f"patient {values['patient']}" if "patient" in values else row.path,
    }
    return told | ({"acquisition": f"acquisition {values['acquisition']}"} if "acquisition" in values else {})


SOURCE = Source(
    address="data.table of params.yaml",
    licence="the table's own",
    bring=bring,
)
