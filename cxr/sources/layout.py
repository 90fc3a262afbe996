"""Find the images of a data set in Kaggle's layout, whatever lies around and between them."""

from collections.abc import Iterable, Iterator
from pathlib import PurePath, PurePosixPath
from typing import TypeVar

from cxr.errors import UserError
from cxr.vocabulary import CLASSES, SPLITS, SUFFIXES

Entry = TypeVar("Entry")

# Images per split and class; the official figures of each source.
EXPECTED_COUNTS = {
    "kaggle": {
        "train": {"NORMAL": 1341, "PNEUMONIA": 3875},
        "val": {"NORMAL": 8, "PNEUMONIA": 8},
        "test": {"NORMAL": 234, "PNEUMONIA": 390},
    },
    "mendeley": {
        "train": {"NORMAL": 1349, "PNEUMONIA": 3883},
        "val": {"NORMAL": 0, "PNEUMONIA": 0},
        "test": {"NORMAL": 234, "PNEUMONIA": 390},
    },
}


def is_image_path(path: PurePath) -> bool:
    """Whether a path ends in split/CLASS/name.jpeg and is no leftover of macOS (`__MACOSX`, `._name`)."""
    *outer, split, class_name, name = ("", "", *path.parts)
    return (
        split in SPLITS
        and class_name in CLASSES
        and "__MACOSX" not in outer
        and not name.startswith(".")
        and PurePath(name).suffix.lower() in SUFFIXES
    )


def select(entries: Iterable[tuple[PurePath, Entry]]) -> Iterator[tuple[PurePosixPath, list[Entry]]]:
    """Group what holds an image by its last three path parts, `split/CLASS/name`, sorted; copies stand together."""
    found: dict[PurePosixPath, list[Entry]] = {}
    for path, entry in entries:
        if is_image_path(path):
            found.setdefault(PurePosixPath(*path.parts[-3:]), []).append(entry)
    yield from sorted(found.items())


def check_classes(paths: Iterable[PurePosixPath], where: str) -> None:
    """Raises UserError where there is no image, or a split that has images has none of a class."""
    present = {path.parts[:2] for path in paths}
    splits = [split for split in SPLITS if any(split == found for found, _ in present)] or ["train", "test"]
    missing = [f"{split}/{name}" for split in splits for name in CLASSES if (split, name) not in present]
    if missing:
        raise UserError(
            f"{where} has no images in {', '.join(missing)}; expected Kaggle's layout "
            "{train,val,test}/{NORMAL,PNEUMONIA}/*.jpeg"
        )
