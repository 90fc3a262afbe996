"""Bundles that were made up, damaged or changed: used, or refused in one line."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr.errors import UserError
from cxr.inference import bundle, foreign
from cxr.networks.backend import keras

SIZE = 16
# With the keys of its version: one that is added later goes into `bundle.YOUNGER`, not here.
DESCRIPTION: dict[str, Any] = {
    "classes": ["NORMAL", "PNEUMONIA"],
    "images": {"size": SIZE, "is_square": False, "is_equalised": False, "shows": "all"},
    "evaluate": {
        "threshold": 0.5,
        "crop": 1.0,
        "flip": False,
        "temperature": "none",
        "bootstrap_samples": 100,
        "seed": 0,
    },
    "threshold": 0.5,
    "temperature": 1.0,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(0)
    image = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    x = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(image))
    path = tmp_path_factory.mktemp("model") / "model.keras"
    keras.Model(image, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x))).save(path)
    return path


def detector(k: int = 4 + 64, **changes: object) -> foreign.Detector:
    look = foreign.Cloud(np.zeros(k), np.eye(k), 1.0)
    exposure = foreign.Cloud(np.zeros(foreign.N_EXPOSURE), np.eye(foreign.N_EXPOSURE), 1.0)
    return foreign.Detector(replace(look, **changes), exposure)


def changed(path: Path, member: str, content: Callable[[bytes], bytes], compression: int = 0) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[member] = content(members[member])
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, kept in members.items():
            archive.writestr(name, kept)


def test_a_bundle_is_read_as_it_was_written(model: Path, tmp_path: Path) -> None:
    path, rng = tmp_path / "bundle.keras", np.random.default_rng(0)
    look, exposure = (foreign.Cloud(rng.normal(size=k), rng.normal(size=(k, k)), 0.1 + rng.random()) for k in (68, 4))
    written = foreign.Detector(look, exposure)
    bundle.write(path, model, {**DESCRIPTION, "temperature": 1.7, "threshold": 0.3, "name": "not needed"}, written)
    read = bundle.read(path)
    assert read.description.images.size == SIZE
    assert read.description.evaluate.bootstrap_samples == 100
    assert (read.description.temperature, read.description.threshold) == (1.7, 0.3)
    assert not read.description.is_of_phantoms
    features = rng.normal(size=(5, 72))
    for name in ("look", "exposure"):
        one, other = getattr(read.detector, name), getattr(written, name)
        assert (one.mean == other.mean).all()
        assert (one.whitening == other.whitening).all()
        assert one.limit == other.limit
    assert (read.detector.distances(features) == written.distances(features)).all()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("images", [], "images"),
        ("params", {"data": "phantom"}, "params.data"),
        ("images", {"size": SIZE}, "images.is_square"),
        ("images", {**DESCRIPTION["images"], "size": 17}, r"takes images of shape \(None, 16, 16, 1\)"),
        ("temperature", 0.0, "temperature"),
        ("temperature", float("nan"), "temperature"),
        ("threshold", "youden", "threshold"),
        ("classes", ["NORMAL"], "classes"),
        ("evaluate", {**DESCRIPTION["evaluate"], "crop": 0}, "evaluate.crop"),
        ("version", 1, "another version"),
    ],
)
def test_a_description_that_cannot_be_is_refused_by_its_key(
    key: str, value: Any, told: str, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.keras"
    bundle.write(path, model, {**DESCRIPTION, key: value}, detector())
    with pytest.raises(UserError, match=told) as caught:
        bundle.read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_bundle_older_than_a_key_is_read_with_the_value_it_was_made_with(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bundle.keras"
    evaluate = {key: value for key, value in DESCRIPTION["evaluate"].items() if key != "flip"}
    bundle.write(path, model, {**DESCRIPTION, "evaluate": evaluate}, detector())
    with pytest.raises(UserError, match=r"evaluate\.flip"):
        bundle.read(path)
    monkeypatch.setitem(bundle.YOUNGER, "evaluate", {"flip": True, "crop": 0.5})
    read = bundle.read(path).description.evaluate
    assert (read.flip, read.crop) == (True, 1.0)


@pytest.mark.parametrize("wrong", [detector(67), detector(whitening=np.zeros(68)), detector(limit=0.0)])
def test_a_detector_of_another_network_is_refused(wrong: foreign.Detector, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "bundle.keras"
    bundle.write(path, model, DESCRIPTION, wrong)
    with pytest.raises(UserError, match="detector"):
        bundle.read(path)


def without_limit(content: bytes) -> bytes:
    saved = io.BytesIO()
    with np.load(io.BytesIO(content)) as arrays:
        np.savez(saved, **{name: values for name, values in arrays.items() if name != "exposure_limit"})
    return saved.getvalue()


@pytest.mark.parametrize(
    ("member", "content"),
    [
        (bundle.DESCRIPTION, lambda _: b"[" * 100_000),
        (bundle.DESCRIPTION, lambda _: b"\xff"),
        (bundle.DESCRIPTION, lambda _: json.dumps([1]).encode()),
        (bundle.DETECTOR, lambda _: b"no archive"),
        (bundle.DETECTOR, without_limit),
    ],
)
def test_a_damaged_bundle_is_refused_in_one_line(
    member: str, content: Callable[[bytes], bytes], model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.keras"
    bundle.write(path, model, DESCRIPTION, detector())
    changed(path, member, content)
    with pytest.raises(UserError, match="bundle"):
        bundle.read(path)


def test_what_would_unpack_to_more_than_any_bundle_is_not_unpacked(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bundle.keras"
    bundle.write(path, model, DESCRIPTION, detector())
    monkeypatch.setattr(bundle, "MAX_BYTES", 10**6)
    changed(path, bundle.DESCRIPTION, lambda text: text + b" " * 10**6, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10**6
    with pytest.raises(UserError, match="bytes of memory"):
        bundle.read(path)


def test_a_bundle_changed_anywhere_is_read_or_refused_and_nothing_else(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "bundle.keras"
    bundle.write(path, model, DESCRIPTION, detector())
    whole = path.read_bytes()
    # Flags and sizes of the last members, which are the bundle's own, stand in the directory at the end.
    for place in range(len(whole) - 250, len(whole), 9):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            bundle.read(path)
        except UserError:
            continue
