"""All data sources by name; section `data` of params.yaml, which chooses one."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from cxr.errors import UserError
from cxr.params import STRICT
from cxr.sources import directory, kaggle, mendeley, phantoms, table
from cxr.sources.source import Source

SOURCES: dict[str, Source] = {
    "kaggle": kaggle.SOURCE,
    "mendeley": mendeley.SOURCE,
    "directory": directory.SOURCE,
    "table": table.SOURCE,
    "phantom": phantoms.SOURCE,
}


def _known(name: str) -> str:
    if name not in SOURCES:
        *names, last = (f"'{known}'" for known in SOURCES)
        raise ValueError(f"should be {', '.join(names)} or {last}")
    return name


def _patient_rule(value: str) -> str:
    if value in ("auto", "none"):
        return value
    try:
        n_groups = re.compile(value).groups
    except re.error as error:
        raise ValueError(f"should be auto, none or a regular expression, which it is not ({error})") from None
    if n_groups != 1:
        raise ValueError(f"should be auto, none or a regular expression of one group, the patient; it has {n_groups}")
    return value


@dataclass(frozen=True, config=STRICT)
class DataParams:
    """Section `data` of params.yaml; `revision` tells DVC that the content of `directory` or `table` has changed.

    patient: how patients are known. auto: a table's column, else Kermany's file names. none: they are not, and each
    image counts as a patient of its own. Else, for `directory`, a regular expression for the whole of a file's name
    without its suffix, whose one group is the patient. positive: of a table, the label whose probability is given.
    """

    source: Annotated[str, AfterValidator(_known)]
    directory: str | None
    table: str | None
    positive: str | None
    patient: Annotated[str, AfterValidator(_patient_rule)]
    revision: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _check(self) -> "DataParams":
        if self.source == "table" and not self.table:
            raise ValueError("data.source is 'table' but data.table is null; name a CSV")
        if self.source == "table" and not self.positive:
            raise ValueError("data.positive is null; name the label of data.table whose probability is wanted")
        is_fit = {"directory": True, "table": self.patient in ("auto", "none")}.get(self.source, self.patient == "auto")
        if not is_fit:
            raise ValueError(f"data.patient '{self.patient}' is not for data.source {self.source}")
        return self

    @property
    def knows_etiology(self) -> bool:
        """Whether bacteria and virus are told apart, and the two series of normal files."""
        return SOURCES[self.source].knows_etiology and self.patient == "auto"


def check_apart(data: Mapping[str, Any], home: Path) -> None:
    """Raises UserError where the user's folder, table or images lie in data/raw, or the folder contains it.

    What lies there goes before a source fills it. `data` is the section, checked. Whether there is such a folder or
    table is not asked: its images may have been brought long ago.
    """
    raw = home / "data" / "raw"
    reads = {"directory": directory.reads, "table": table.reads}.get(data["source"])
    for what, place in reads(data, home) if reads else ():
        if _is_in(place, raw):
            raise UserError(
                f"{what} lies in the project's data/raw, which download empties before it fills it: "
                "move your files to another folder and name them there"
            )
        if data["source"] == "directory" and _is_in(raw, place):
            raise UserError(
                f"{what} contains the project's data/raw, whose images would be taken for yours: "
                "name a folder without it"
            )


def _is_in(path: Path, folder: Path) -> bool:
    """Whether `path` is `folder` or lies below it, by its name or where links lead."""
    # A name that no disk can have lies nowhere.
    with suppress(ValueError):
        return any(Path(form(path)).is_relative_to(form(folder)) for form in (os.path.abspath, os.path.realpath))
    return False


def check_found(params: Mapping[str, Any], home: Path) -> None:
    """Look at the user's folder or table, before long work begins on it: what bringing it would leave out is told.

    Raises UserError as `check_apart`, and where there is no such folder, or a table that cannot be used.
    """
    check_apart(params, home)
    match params["source"]:
        case "directory":
            directory.look(params["directory"], home)
        case "table":
            table.read(dict(params), home)
