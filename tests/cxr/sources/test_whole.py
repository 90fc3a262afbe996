"""A data set that is not whole is fetched anew, once; the real kagglehub client against a server on the loopback."""

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from cxr.errors import UserError
from cxr.sources import kaggle
from cxr.sources.source import Request
from tests.cxr.sources.conftest import IMAGES, QUICK, found, use
from tests.server import serving, zipped

pytestmark = pytest.mark.slow


def jpegs(paths: list[str]) -> dict[str, bytes]:
    stored = io.BytesIO()
    Image.new("L", (8, 8), 99).save(stored, "JPEG")
    return dict.fromkeys(paths, stored.getvalue())


@pytest.fixture
def small_source(client: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Kaggle's data set is four images here, each twice as there; its archive."""
    n_one = {"NORMAL": 1, "PNEUMONIA": 1}
    counts = {"train": n_one, "val": {"NORMAL": 0, "PNEUMONIA": 0}, "test": n_one}
    monkeypatch.setattr(kaggle, "SOURCE", replace(kaggle.SOURCE, counts=counts))
    return zipped(jpegs([f"{outer}/{path}" for outer in ("chest_xray", "chest_xray/chest_xray") for path in IMAGES]))


def bring(raw: Path) -> None:
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir()
    kaggle.bring(raw, Request({}, raw.parent, raw.parent))


NORMAL = "train/NORMAL/IM-0001-0001.jpeg"


def lose_an_image(folder: Path) -> None:
    for path in folder.rglob(NORMAL):
        path.unlink()


def cut_an_image(folder: Path) -> None:
    for path in folder.rglob(NORMAL):
        path.write_bytes(path.read_bytes()[:-40])


def change_one_copy(folder: Path) -> None:
    (folder / "chest_xray" / NORMAL).write_bytes(b"another")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lose_an_image, "no images in train/NORMAL"),
        (cut_an_image, "1 of 4 images cannot be used: train/NORMAL/IM-0001-0001.jpeg (truncated"),
        (change_one_copy, "different images under one name: train/NORMAL/IM-0001-0001.jpeg"),
    ],
)
def test_a_bad_cache_is_fetched_anew_once(
    damage: Callable[[Path], None], told: str, small_source: bytes, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    raw = tmp_path / "raw"
    with serving(small_source) as server:
        use(server, monkeypatch)
        bring(raw)
        n_requests = len(server.requests)
        folder = kaggle.download(QUICK)
        damage(folder)
        bring(raw)
        assert len(server.requests) == 2 * n_requests
        assert sorted(found(raw)) == sorted(IMAGES)
        assert f"Kaggle's data set in {folder} is not whole: " in (err := capfd.readouterr().err)
        assert told in err
        bring(raw)
        assert len(server.requests) == 2 * n_requests


def test_what_is_bad_at_its_source_names_the_folder_to_remove(
    small_source: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kaggle, "SOURCE", replace(kaggle.SOURCE, counts={"train": {"NORMAL": 3, "PNEUMONIA": 1}}))
    with serving(small_source) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError) as error:
            bring(tmp_path / "raw")
        assert str(error.value) == (
            "Kaggle's data set is not whole, nor when fetched anew: 1 images instead of 3 in train/NORMAL; remove "
            f"{kaggle.download(QUICK)} and run it again later, or use another data.source"
        )
    assert [method for method, *_ in server.requests].count("POST") == 2
