"""What a file name tells of an image: its patient group and its etiology."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from cxr.data.images import UnusableFileError
from cxr.vocabulary import CLASSES


@dataclass(frozen=True)
class FileNames:
    """How a source names its files: a regular expression per class, for the whole name without its suffix.

    The group `patient_group` is the patient; `etiology`, where there is such a group, the etiology, else "normal".
    `expected` describes both in words.
    """

    normal: str
    pneumonia: str
    expected: str


def identify(path: str, names: FileNames) -> dict[str, Any]:
    """Split, label, etiology and patient group from a path `split/CLASS/name`.

    Raises UnusableFileError where the name does not fit its folder: no patient group, or another class's name.
    """
    split, class_name, name = PurePosixPath(path).parts[-3:]
    matches = [re.fullmatch(pattern, PurePosixPath(name).stem) for pattern in (names.normal, names.pneumonia)]
    if not any(matches):
        raise UnusableFileError(f"its name gives no patient: expected {names.expected}")
    label = CLASSES.index(class_name)
    if not (match := matches[label]):
        raise UnusableFileError(f"mislabelled: its name is not that of a {class_name} image")
    return {
        "official_split": split,
        "label": label,
        "etiology": match.groupdict().get("etiology", "normal"),
        "patient_group": match["patient_group"],
    }
