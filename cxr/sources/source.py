"""What a data source is: a record of its facts and the function that brings it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cxr.data.names import FileNames, Origin
from cxr.errors import UserError
from cxr.vocabulary import CLASSES

# Images per split and class.
Counts = dict[str, dict[str, int]]

# Kermany's names, which Kaggle's copy and the phantoms keep. Bacterial and viral patients are numbered independently,
# and so are those of the two normal series: the etiology or the prefix belongs to the patient.
KERMANY_NAMES = FileNames(
    normal=r"(?P<patient_group>(?:NORMAL2-)?IM-\d+)-\d+(?:-\d+)?",
    pneumonia=r"(?P<patient_group>person\d+_(?P<etiology>bacteria|virus))_\d+(?:_\d+)?",
    expected="person<N>_<bacteria|virus>_<k> or [NORMAL2-]IM-<N>-<k>",
    # Their patients are words already.
    prefix="",
)
KERMANY = Origin(CLASSES, "file names", KERMANY_NAMES)


@dataclass(frozen=True)
class Request:
    """What a source may need: the sections of params.yaml, where relative folders start, where downloads are kept."""

    params: Mapping[str, Any]
    home: Path
    downloads: Path


@dataclass(frozen=True)
class Brought:
    """What a source has brought: how its images are known, and how many they must be, None where nobody can say."""

    origin: Origin
    counts: Counts | None = None


@dataclass(frozen=True)
class Source:
    """A data set. `bring(raw, request)` writes its images, each once, to the empty folder `raw`: see Origin for paths.

    It raises UserError where it cannot. `address` is what it is fetched by; `sha256` that of what stands there;
    `images` whether they are radiographs; `knows_etiology` whether file names, as KERMANY_NAMES has them, tell bacteria
    from virus, and the two series of normal files.
    """

    address: str
    licence: str
    bring: Callable[[Path, Request], Brought]
    images: Literal["real", "synthetic"] = "real"
    sha256: str | None = None
    counts: Counts | None = None
    knows_etiology: bool = False


class DamagedError(UserError):
    """What a source gave is not the whole data set; fetched anew, it may be."""
