"""Find the images of a data set in Kaggle's layout, whatever lies around and between them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePath, PurePosixPath
from typing import TypeVar

from cxr.data.names import UNWRITABLE
from cxr.errors import shortened
from cxr.files import is_hidden
from cxr.sources.source import Counts, DamagedError
from cxr.vocabulary import CLASSES, SPLITS, SUFFIXES

Entry = TypeVar("Entry")

EXPECTED = f"{{{','.join(SPLITS)}}}/{{{','.join(CLASSES)}}}/*{{{','.join(SUFFIXES)}}}"


def is_image_path(path: PurePath) -> bool:
    """Whether a path ends in split/CLASS/name.jpeg and is neither hidden nor a leftover of macOS."""
    return _is_named_as_image(path) and _is_meant(path)


def is_left_out(path: PurePath) -> bool:
    """Whether a file that will be skipped looks like one that its owner expects to be used."""
    return _is_meant(path) and not _is_named_as_image(path)


def is_hidden_image(path: PurePath) -> bool:
    """Whether a file is an image but for the hidden folder in which it lies."""
    return _is_named_as_image(path) and is_hidden(path.parent)


def _is_named_as_image(path: PurePath) -> bool:
    split, class_name, name = ("", "", *path.parts)[-3:]
    is_image = not name.startswith(".") and PurePath(name).suffix.lower() in SUFFIXES
    return is_image and split in SPLITS and class_name in CLASSES


def _is_meant(path: PurePath) -> bool:
    return "__MACOSX" not in path.parts and not is_hidden(path)


def select(entries: Iterable[tuple[PurePath, Entry]]) -> Iterator[tuple[PurePosixPath, list[Entry]]]:
    """Group what holds an image by its last three path parts, `split/CLASS/name`, sorted; copies stand together."""
    found: dict[PurePosixPath, list[Entry]] = {}
    for path, entry in entries:
        if is_image_path(path):
            found.setdefault(PurePosixPath(*path.parts[-3:]), []).append(entry)
    yield from sorted(found.items())


def check_classes(paths: Iterable[PurePosixPath], where: str) -> None:
    """Raises DamagedError where there is no image, or a split that has images has none of a class."""
    present = {path.parts[:2] for path in paths}
    splits = [split for split in SPLITS if any(split == found for found, _ in present)] or ["train", "test"]
    missing = [f"{split}/{name}" for split in splits for name in CLASSES if (split, name) not in present]
    if missing:
        raise DamagedError(f"{where} has no images in {', '.join(missing)}; expected Kaggle's layout {EXPECTED}")


def check_names(paths: Iterable[PurePosixPath], where: str) -> None:
    """Raises DamagedError where an image has a name that no table can hold."""
    if wrong := [str(path) for path in paths if UNWRITABLE.search(path.name)]:
        raise DamagedError(
            f"{where} has {len(wrong)} images with a control character in their name, or bytes that are not UTF-8; "
            f"rename {shortened(wrong)}"
        )


def check_counts(paths: Iterable[PurePath], counts: Counts) -> None:
    """Raises DamagedError where `paths`, each split/CLASS/name, are more or fewer per split and class than `counts`."""
    found = Counter(path.parts[:2] for path in paths)
    wrong = [
        f"{found[split, name]} images instead of {n} in {split}/{name}"
        for split, classes in counts.items()
        for name, n in classes.items()
        if found[split, name] != n
    ]
    if wrong:
        raise DamagedError(", ".join(wrong))
