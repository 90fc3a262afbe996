"""CSV tables that people write: read strictly, so that each mistake is told by its line."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cxr.errors import UserError

OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def text(file: Path, name: str) -> str:
    """The content of a file, in UTF-8. `name`: what it is called in the UserError that is raised where it is not."""
    content = file.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{name}, line {line}: not text in UTF-8; save it as CSV in UTF-8") from None


def rows(content: str, name: str, check: Callable[[list[str]], None]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV, each as its line and its values by title; blank lines are left out, also of commas.

    `check` is given the titles before any row, to refuse them. Raises UserError where it is no CSV, or a row has
    other than a value for each title.
    """
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    line = 1
    try:
        titles = next(reader, [])
        check(titles)
        line = reader.line_num + 1
        for values in reader:
            if any(map(str.strip, values)):
                if len(values) != len(titles):
                    raise UserError(f"{name}, line {line}: {len(values)} values under {len(titles)} titles")
                yield line, dict(zip(titles, values, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{name}, line {line}: no CSV ({error})") from None


def check_titles(titles: list[str], name: str, needed: Iterable[str], read: Iterable[str], advice: str = "") -> None:
    """Raises UserError where one of `needed` is not among the titles, or one of `read` is twice."""
    if missing := [title for title in needed if title not in titles]:
        found = ", ".join(titles) or "nothing"
        for delimiter, words in OTHER_DELIMITERS.items():
            if len(titles) == 1 and delimiter in found:
                advice = f"; {words} stand between its columns, commas should"
        raise UserError(f"{name}, line 1: no column {', '.join(missing)} among its titles {found}{advice}")
    if repeated := [title for title in read if titles.count(title) > 1]:
        raise UserError(f"{name}, line 1: the column {repeated[0]} stands there twice")
