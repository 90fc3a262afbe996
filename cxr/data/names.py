"""What is known of an image besides its pixels: part, class, patient, told by its file name or by a row of a table."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from cxr.data.images import UnusableFileError
from cxr.vocabulary import CLASSES

# Control characters, one of which ends a row of a CSV, and bytes of a file's name that are no text.
UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class FileNames:
    """How a source names its files: a regular expression per class, for the whole name without its suffix.

    The group `patient_group`, or the one group of a rule that names none, is the patient, and `etiology`, where there
    is such a group, the etiology, else "normal". `expected` describes both in words. `prefix` stands before a patient:
    a number alone would be read back from a CSV without its zeros, and 007 be the patient 7.
    """

    normal: str
    pneumonia: str
    expected: str
    prefix: str = "patient "


@dataclass(frozen=True)
class Origin:
    """How the images of a source, the files of data/raw, are known; `classes`: the names of the labels 0 and 1.

    Without `rows` a path is `part/CLASS/name`, and the name tells the patient as `file_names` says; with neither nobody
    knows the patients, and each image counts as a patient of its own. `rows`: by path a manifest's official_split,
    label, patient_group and perhaps acquisition.
    """

    classes: list[str]
    patients: Literal["file names", "table", "unknown"]
    file_names: FileNames | None = None
    rows: Mapping[str, Mapping[str, Any]] | None = None


def origin(values: Mapping[str, Any]) -> Origin:
    """The Origin that was written to data/details/download.json, whose other keys are left."""
    names = values["file_names"] and FileNames(**values["file_names"])
    return Origin(values["classes"], values["patients"], names, values["rows"])


def identify(path: str, origin: Origin) -> dict[str, Any]:
    """Official split, label, etiology and patient group of the image at `path`; of a table its acquisition too.

    An etiology that nobody knows is the class, "class NAME". Raises UnusableFileError where a name does not fit its
    folder: no patient, or another class's name.
    """
    if origin.rows is not None:
        row = origin.rows[path]
        return {**row, "etiology": _class(origin, row["label"])}
    part, class_name, _ = PurePosixPath(path).parts[-3:]
    label = origin.classes.index(class_name)
    told = {"etiology": _class(origin, label), "patient_group": path}
    if origin.file_names:
        told |= _by_name(path, label, class_name, origin.file_names)
    return {"official_split": part, "label": label, **told}


def spelled(text: str) -> str:
    """What two spellings of one word have in common, or two ways to code one letter (`\u00e9` or `e\u0301`)."""
    # A gap between digits stays: 1 11 is another than 11 1.
    return re.sub(r"(?<!\d)\s+|\s+(?!\d)", "", unicodedata.normalize("NFKC", text.casefold()))


def in_prose(class_name: str) -> str:
    """A class as a sentence has it: Kaggle's names in small letters, all others as they are."""
    return class_name.lower() if class_name in CLASSES else class_name


def images_of(class_name: str) -> str:
    """The images of a class as a sentence has them: pneumonias, normal images, images of any other."""
    return "pneumonias" if class_name == CLASSES[1] else f"{in_prose(class_name)} images"


def _class(origin: Origin, label: int) -> str:
    # A name alone may be what a CSV takes for a number or for nothing: 0, NA.
    return f"class {origin.classes[label]}"


def _by_name(path: str, label: int, class_name: str, names: FileNames) -> dict[str, Any]:
    """The patient and, where the rule has one, the etiology."""
    matches = [re.fullmatch(pattern, PurePosixPath(path).stem) for pattern in (names.normal, names.pneumonia)]
    if not any(matches):
        raise UnusableFileError(f"its name gives no patient: expected {names.expected}")
    if not (match := matches[label]):
        raise UnusableFileError(f"mislabelled: its name is not that of a {class_name} image")
    groups = match.groupdict()
    # A rule may fit and find nothing: all such images would be one patient's.
    if not (patient := groups.get("patient_group", match[1])):
        raise UnusableFileError(f"its name gives no patient: the group is empty in {names.expected}")
    # A Mac codes a letter with an accent otherwise than other machines do: the patient is the same.
    told = {"patient_group": names.prefix + unicodedata.normalize("NFC", patient)}
    if "etiology" in re.compile(names.pneumonia).groupindex:
        told["etiology"] = groups.get("etiology", "normal")
    return told
