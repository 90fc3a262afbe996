import io
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid
from scipy.special import expit

from cxr.data.params import ImagesParams
from cxr.errors import UserError
from cxr.inference.bundle import Bundle, Description
from cxr.inference.foreign import Cloud, Detector
from cxr.inference.predict import logits
from cxr.inference.predictor import Predictor, image_files
from cxr.networks.backend import keras
from cxr.predict import as_csv
from cxr.statistics.params import EvaluateParams

SIZE = 16


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    keras.utils.set_random_seed(0)
    image = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    x = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(image))
    network = keras.Model(image, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x)))
    description = Description(
        classes=["NORMAL", "PNEUMONIA"],
        images=ImagesParams(size=SIZE, is_square=False, is_equalised=False, shows="all"),
        evaluate=EvaluateParams(threshold=0.5, crop=1.0, flip=False, temperature="none", bootstrap_samples=100, seed=0),
        threshold=0.5,
        temperature=1.0,
    )
    detector = Detector(Cloud(np.zeros(68), np.eye(68), 1.0), Cloud(np.zeros(4), np.eye(4), 1.0))
    return Predictor(Bundle(network, detector, description))


def test_files_of_a_folder_are_taken_and_folders_named_like_one_are_not(tmp_path: Path) -> None:
    (tmp_path / "study.dcm").mkdir()
    (tmp_path / "study.dcm" / "one.dcm").write_bytes(b"")
    assert image_files([tmp_path, tmp_path / "study.dcm" / "one.dcm"]) == [tmp_path / "study.dcm" / "one.dcm"]
    (tmp_path / "empty.png").mkdir()
    with pytest.raises(UserError, match="holds no image"):
        image_files([tmp_path / "empty.png"])


def test_a_file_that_is_named_in_two_ways_is_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice predicted it would count twice in the metrics, as two patients."""
    monkeypatch.chdir(tmp_path)
    Path("set").mkdir()
    for name in ("a.png", "b.png"):
        Path("set", name).touch()
    Path("linked").symlink_to("set")
    named = [Path("set/b.png"), tmp_path / "set", Path("set/../set/a.png"), Path("set"), Path("linked")]
    assert image_files(named) == [Path("set/b.png"), tmp_path / "set" / "a.png"]


def test_links_are_followed_and_one_to_nothing_is_told(predictor: Predictor, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    for path in (folder, elsewhere):
        path.mkdir()
        Image.new("L", (20, 20), 100).save(path / "1.png")
    (folder / "batch").symlink_to(elsewhere)
    (elsewhere / "up").symlink_to(folder)
    (folder / "lost.png").symlink_to(tmp_path / "gone.png")
    files = image_files([folder])
    assert files == [folder / "1.png", folder / "batch" / "1.png", folder / "lost.png"]
    assert predictor.read(files)[1] == [f"{folder / 'lost.png'}: No such file or directory"]


def test_what_a_folder_holds_and_is_not_read_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one.png", "IM000001", "scan.tif", ".DS_Store", "._one.png"):
        (tmp_path / name).touch()
    assert image_files([tmp_path]) == [tmp_path / "one.png"]
    told = capsys.readouterr().err
    assert "2 files that do not end in" in told
    assert f"the first is {tmp_path / 'IM000001'}" in told
    assert image_files([tmp_path / "IM000001"]) == [tmp_path / "IM000001"]
    assert capsys.readouterr().err == ""


def test_what_lies_in_a_hidden_folder_is_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = tmp_path / ".mine" / ".stversions" / "one.png"
    hidden.parent.mkdir(parents=True)
    for path in (hidden, hidden.with_name("notes.txt"), tmp_path / ".mine" / "one.png"):
        path.touch()
    folder = tmp_path / ".mine"
    assert image_files([folder]) == [folder / "one.png"]
    told = f"{folder}: 1 images in hidden folders are left out, the first is {hidden}\n"
    assert capsys.readouterr().err == told


def write_dicom(path: Path) -> None:
    """A computed radiograph large enough for threads to meet while they decode it."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid(entropy_srcs=["test"])
    dataset.Rows = dataset.Columns = 600
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelData = np.random.default_rng(0).bytes(2 * 600 * 600)
    dataset.save_as(path, enforce_file_format=True)


def test_what_is_warned_of_is_as_before_when_many_files_have_been_read(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    path = tmp_path / "one.dcm"
    write_dicom(path)
    before = list(warnings.filters)
    read, problems = predictor.read([path] * 60)
    assert warnings.filters == before
    assert len(read) == 60
    assert not problems


def test_a_dicom_file_without_its_preamble_is_not_said_to_be_of_a_format_that_is_not_read(
    predictor: Predictor, tmp_path: Path
) -> None:
    path = tmp_path / "one.dcm"
    write_dicom(path)
    path.write_bytes(path.read_bytes()[132:])
    (problem,) = predictor.read([path])[1]
    assert problem.startswith(f"{path}: not an image; JPEG, PNG and DICOM are read, DICOM with its preamble")


def test_a_coloured_picture_is_warned_of_and_predicted_all_the_same(predictor: Predictor, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), (200, 40, 40)).save(tmp_path / "red.jpg")
    Image.new("RGB", (40, 40), (90, 90, 90)).save(tmp_path / "grey.jpg")
    table, problems = predictor.predict([tmp_path / "red.jpg", tmp_path / "grey.jpg"])
    assert not problems
    assert ["not grey" in warning for warning in table["warnings"]] == [True, False]


def test_names_as_long_as_they_may_be_with_what_is_a_formula_elsewhere(predictor: Predictor, tmp_path: Path) -> None:
    path = tmp_path / ("$a^^$" + "b" * 246 + ".png")
    Image.new("L", (20, 20), 100).save(path)
    table, problems = predictor.predict([path])
    assert not problems
    predictor.draw(table, tmp_path / "maps")
    assert len(list((tmp_path / "maps").iterdir())) == 1


def test_a_name_of_any_bytes_is_predicted_and_drawn(predictor: Predictor, tmp_path: Path) -> None:
    paths = [tmp_path / os.fsdecode(name) for name in (b"caf\xe9.png", b"a\rb\nc.png")]
    for path in paths:
        Image.new("L", (20, 20), 100).save(path)
    table, problems = predictor.predict(image_files([tmp_path]))
    assert not problems
    assert {Path(path) for path in table["path"]} == set(paths)
    again = pd.read_csv(io.BytesIO(as_csv(table)), encoding_errors="surrogateescape")
    assert list(again["path"]) == list(table["path"])
    predictor.draw(table, tmp_path / "maps")
    assert len(list((tmp_path / "maps").iterdir())) == 2


def test_a_row_follows_from_the_logits_as_the_description_says(predictor: Predictor, tmp_path: Path) -> None:
    """By a temperature, a threshold, a crop and a mirror image that are not those of every other test."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE)).astype(np.uint8)
    # Black is near the detector's mean of zeros, and what is bright is not.
    pixels[0] = 0
    files = [tmp_path / f"{i}.png" for i in range(len(pixels))]
    for path, image in zip(files, pixels, strict=True):
        Image.fromarray(image).save(path)
    seen = logits(predictor.bundle.network, pixels, np.arange(4), crop=0.7, flip=True)
    low, high = sorted(expit(seen / 3))[1:3]
    before = predictor.bundle.description
    evaluate = replace(before.evaluate, crop=0.7, flip=True)
    description = replace(before, evaluate=evaluate, temperature=3.0, threshold=float(low + high) / 2)
    table, _ = Predictor(replace(predictor.bundle, description=description)).predict(files)
    np.testing.assert_allclose(table["probability"], expit(seen), rtol=1e-12)
    np.testing.assert_allclose(table["calibrated"], expit(seen / 3), rtol=1e-12)
    assert (table["decision"] == np.where(expit(seen / 3) > low, "PNEUMONIA", "NORMAL")).all()
    distances = predictor.bundle.detector.distances(predictor.features(pixels))
    assert list(table["warnings"]) == [
        "",
        *(f"unlike the training images: {d:.1f} times the limit" for d in distances[1:]),
    ]
