"""The original archive: Kermany, Zhang, Goldbaum, DOI 10.17632/rscbjbr9sj.2; 1,235,512,464 bytes."""

from pathlib import Path

from cxr.sources import archive
from cxr.sources.fetch import fetch
from cxr.sources.retry import Patience
from cxr.sources.source import KERMANY, Brought, Request, Source
from cxr.sources.whole import place_whole

NAME = "ChestXRay2017.zip"


def bring(raw: Path, request: Request) -> Brought:
    """Download the archive, resumed where it broke off, check it by its SHA-256 and unpack it."""
    stored = request.downloads / NAME

    def get(is_anew: bool) -> Path:
        if is_anew:
            stored.unlink(missing_ok=True)
        assert SOURCE.sha256
        fetch(SOURCE.address, stored, SOURCE.sha256, "Mendeley Data", Patience())
        return stored

    place_whole("Mendeley's data set", get, archive.unpack, raw, SOURCE.counts)
    return Brought(KERMANY, SOURCE.counts)


SOURCE = Source(
    address="https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files/"
    "f12eaf6d-6023-432f-acc9-80c9d7393433/file_downloaded",
    sha256="13efc055629733dbab07877f8b3c9f81097840dbcdaa326a8542322c2281ce36",
    licence="CC BY 4.0",
    # Kaggle's 16 validation images stand in train here.
    counts={
        "train": {"NORMAL": 1349, "PNEUMONIA": 3883},
        "val": {"NORMAL": 0, "PNEUMONIA": 0},
        "test": {"NORMAL": 234, "PNEUMONIA": 390},
    },
    knows_etiology=True,
    bring=bring,
)
