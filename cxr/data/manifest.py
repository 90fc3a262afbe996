"""Describe every image of a data set in Kaggle's layout: what it is, whose it is, how it is stored."""

import hashlib
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray

from cxr.data.images import UnusableFileError, read
from cxr.data.names import spelled
from cxr.vocabulary import SPLITS, SUFFIXES
from cxr.workers import blocks

# Rows that are put into a table at once.
N_AT_ONCE = 10_000

SCHEMA = pa.DataFrameSchema(
    {
        "path": pa.Column(str, unique=True),
        "official_split": pa.Column(str, pa.Check.isin(SPLITS)),
        "label": pa.Column(int, pa.Check.isin([0, 1])),
        "etiology": pa.Column(str),
        "patient_group": pa.Column(str),
        # How the image was taken, where a table says it.
        "acquisition": pa.Column(str, required=False),
        "width": pa.Column(int, pa.Check.gt(0)),
        "height": pa.Column(int, pa.Check.gt(0)),
        "mode": pa.Column(str),
        "bytes": pa.Column(int, pa.Check.gt(0)),
        "jpeg_quality": pa.Column("Int64", pa.Check.in_range(1, 100), nullable=True),
        "sha256": pa.Column(str, pa.Check.str_matches(r"^[0-9a-f]{64}$")),
        "duplicate_of": pa.Column(str, nullable=True),
    },
    strict=True,
    ordered=True,
)

# Table K.1 of ITU-T T.81 (1992), row by row: the luminance quantisation at quality 50.
LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
).ravel()


def _quality_tables() -> NDArray[np.int64]:
    """The luminance tables of the IJG library for qualities 1 to 100, `(100, 64)`."""
    quality = np.arange(1, 101)[:, None]
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return np.clip((LUMINANCE * scale + 50) // 100, 1, 255)


QUALITY_TABLES = _quality_tables()


def jpeg_quality(table: Iterable[int]) -> int:
    """The IJG quality, 1 to 100, whose luminance quantisation table is nearest to `table` (64 values)."""
    distance = np.abs(QUALITY_TABLES - np.fromiter(table, dtype=np.int64)).sum(axis=1)
    return int(distance.argmin()) + 1


def inspect(path: str, content: bytes) -> dict[str, Any]:
    """What a manifest row says of an image file as it is stored; decodes it whole. `identify` gives the rest of a row.

    Width and height are those of the upright picture. Raises UnusableFileError where `cxr.data.images.read` does, or
    where the file is of another format than its name says.
    """
    picture = read(content)
    expected = SUFFIXES[PurePosixPath(path).suffix.lower()]
    if picture.format != expected:
        raise UnusableFileError(f"named {expected} but holds {picture.format}")
    return {
        "path": path,
        "width": picture.grey.width,
        "height": picture.grey.height,
        "mode": picture.mode,
        "bytes": len(content),
        "jpeg_quality": jpeg_quality(picture.luminance_table) if picture.luminance_table else None,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def build(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """The manifest: rows sorted by path, each exact copy pointing to the first of its kind; schema-checked."""
    # A block at a time: as dicts all rows would take several times the memory of the table.
    tables = [pd.DataFrame(block).astype({"jpeg_quality": "Int64"}) for block in blocks(rows, N_AT_ONCE)]
    table = pd.concat(tables).sort_values("path", ignore_index=True)
    first = table.groupby("sha256")["path"].transform("first")
    table["duplicate_of"] = first.where(first != table["path"]).astype(object)
    return SCHEMA.validate(table[[name for name in SCHEMA.columns if name in table]])


def spelled_twice(table: pd.DataFrame) -> list[str]:
    """Of each patient that is spelled in several ways (`Pat7`, `PAT7`) a file of each: they could be in two parts."""
    files = table.drop_duplicates("patient_group")
    by_patient = files.groupby(files["patient_group"].map(spelled))["path"]
    return [" and ".join(paths) for _, paths in by_patient if len(paths) > 1]


def counts(table: pd.DataFrame, classes: list[str]) -> dict[str, dict[str, int]]:
    """Number of images per official split and class."""
    return {
        split: {
            name: int(((table["official_split"] == split) & (table["label"] == label)).sum())
            for label, name in enumerate(classes)
        }
        for split in SPLITS
    }


def summarise(table: pd.DataFrame, classes: list[str]) -> dict[str, Any]:
    """The figures of data/details/data.json: counts by class, groups, sizes, modes, each set of exact copies."""
    copies = table[table["sha256"].duplicated(keep=False)]
    sets = [sorted(same["path"]) for _, same in copies.groupby("sha256")]
    return {
        "n_images": len(table),
        "n_groups": int(table["patient_group"].nunique()),
        "prevalence": float(table["label"].mean()),
        "classes": classes,
        "counts": counts(table, classes),
        "etiology": _tally(table["etiology"]),
        **({"acquisition": _tally(table["acquisition"])} if "acquisition" in table else {}),
        "modes": _tally(table["mode"]),
        "width": [int(table["width"].min()), int(table["width"].max())],
        "height": [int(table["height"].min()), int(table["height"].max())],
        "n_duplicate_sets": len(sets),
        "n_duplicate_files": len(copies),
        "n_duplicates_across_labels": int((copies.groupby("sha256")["label"].nunique() > 1).sum()),
        "n_duplicates_across_groups": int((copies.groupby("sha256")["patient_group"].nunique() > 1).sum()),
        "duplicates": sorted(sets),
    }


def _tally(column: "pd.Series[Any]") -> dict[str, int]:
    return {str(value): int(n) for value, n in column.value_counts().sort_index().items()}
