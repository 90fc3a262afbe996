"""The audit finds each shortcut that was planted, and is at chance where none was."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr.data import manifest, split
from cxr.data.images import decode
from cxr.data.names import identify
from cxr.data.params import SplitParams
from cxr.sources import phantoms
from cxr.sources.source import KERMANY
from cxr.statistics import audit
from cxr.statistics.params import AuditParams
from tests.conftest import phantom_params

BARE = dict.fromkeys(("quality_trap", "brightness_trap", "duplicate_trap", "prevalence_trap"), False)


def audited(protocol: str = "pooled", **changes: Any) -> dict[str, dict[str, float]]:
    params = phantom_params(n_images=600, pixels=96, **changes)
    rows, images = [], {}
    for phantom in phantoms.plan(params):
        content = phantoms.encode(phantom, params.opacity)
        rows.append(identify(phantom.path, KERMANY) | manifest.inspect(phantom.path, content))
        images[phantom.path] = decode(content, 32)
    table = manifest.build(rows)
    cut = SplitParams(protocol=protocol, val_fraction=0.1, test_fraction=0.4, seed=0)
    parts = split.cut(table, cut)
    stacked = np.stack([images[path] for path in table["path"]])
    return audit.audit(table, stacked, parts["train"], parts["test"], AuditParams(bootstrap_samples=200, seed=0))


@pytest.fixture(scope="module")
def bare() -> dict[str, dict[str, float]]:
    return audited(opacity=0.0, **BARE)


@pytest.mark.parametrize(
    "name", ["jpeg_quality", "bytes_per_pixel", "size", "mode", "metadata", "brightness", "border", "thumbnail"]
)
def test_nothing_planted_nothing_found(name: str, bare: dict[str, dict[str, float]]) -> None:
    assert abs(bare[name]["auroc"] - 0.5) < 0.13


def test_the_planted_quality_is_found_on_a_random_split_and_fails_on_the_official_one() -> None:
    pooled = audited("pooled", opacity=0.0, **{**BARE, "quality_trap": True})
    for name in ("jpeg_quality", "bytes_per_pixel", "metadata"):
        assert pooled[name]["accuracy"] > 0.8
        assert pooled[name]["accuracy_low"] > pooled["majority"]["accuracy_high"]
    official = audited("official", opacity=0.0, **{**BARE, "quality_trap": True})
    assert official["jpeg_quality"]["accuracy"] == pytest.approx(0.5, abs=0.02)


def test_opacities_show_in_the_thumbnail_but_not_in_the_metadata() -> None:
    found = audited(opacity=2.0, **BARE)
    assert found["thumbnail"]["auroc"] > 0.7
    for name in ("jpeg_quality", "size", "mode"):
        assert abs(found[name]["auroc"] - 0.5) < 0.13


def test_the_majority_is_the_prevalence_and_knows_no_ranking(bare: dict[str, dict[str, float]]) -> None:
    majority = audited("official")["majority"]
    assert majority["accuracy"] == pytest.approx(0.625, abs=0.005)
    assert majority["auroc"] == majority["auroc_low"] == majority["auroc_high"] == 0.5


def test_the_majority_is_that_of_the_training_part_and_its_interval_is_of_patients() -> None:
    """One of two patients has all pneumonias of the test part, which in training are the majority."""
    train = pd.DataFrame({"row": range(5), "label": [1, 1, 1, 1, 0], "patient_group": "a"})
    labels = np.repeat([1, 0], [10, 30])
    test = pd.DataFrame({"row": range(40), "label": labels, "patient_group": labels})
    figures = audit.measure(None, train, test, AuditParams(bootstrap_samples=100, seed=0))
    assert figures["accuracy"] == 0.25
    assert (figures["accuracy_low"], figures["accuracy_high"]) == (0, 1)


def test_every_figure_lies_in_its_interval(bare: dict[str, dict[str, float]]) -> None:
    for figures in bare.values():
        for name in ("accuracy", "auroc"):
            assert figures[f"{name}_low"] <= figures[name] <= figures[f"{name}_high"]


def test_a_size_and_a_mode_that_follow_the_label_are_found() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    rows = []
    for i, label in enumerate(labels):
        stored = io.BytesIO()
        side = 40 + 10 * int(label)
        Image.fromarray(rng.integers(0, 255, (40, side), dtype=np.uint8)).convert("RGB" if label else "L").save(
            stored, "JPEG", quality=75
        )
        name = f"train/PNEUMONIA/person{i}_virus_1.jpeg" if label else f"train/NORMAL/IM-{i:04d}-0001.jpeg"
        rows.append(identify(name, KERMANY) | manifest.inspect(name, stored.getvalue()))
    table = manifest.build(rows).assign(row=np.arange(len(labels)))
    train, test = table.iloc[::2], table.iloc[1::2]
    for name, features in audit.metadata_features(table).items():
        figures = audit.measure(features, train, test, AuditParams(bootstrap_samples=100, seed=0))
        if name != "bytes_per_pixel":
            assert (figures["accuracy"] > 0.99) == (name != "jpeg_quality"), name


def test_pngs_without_a_quality_are_audited_too() -> None:
    table = pd.DataFrame({"width": [4, 5], "height": [4, 4], "mode": ["L", "L"], "bytes": [9, 9]})
    table["jpeg_quality"] = pd.array([None, 75], dtype="Int64")
    features = audit.metadata_features(table)
    assert np.isnan(features["jpeg_quality"][0, 0])
    np.testing.assert_allclose(features["bytes_per_pixel"], [[9 / 16], [9 / 20]])
    assert features["metadata"].shape == (2, 6)


def test_what_no_training_image_has_tells_nothing() -> None:
    """As JPEG quality, where all are PNG; a test image that has one is like the others."""
    features = np.array([[np.nan, 0.0]] * 40 + [[np.nan, 1.0]] * 40 + [[75.0, 0.0], [np.nan, 1.0]])
    rows = pd.DataFrame({"row": range(82), "label": [0] * 40 + [1] * 40 + [0, 1], "patient_group": range(82)})
    params = AuditParams(bootstrap_samples=100, seed=0)
    assert audit.measure(features, rows[:80], rows[80:], params)["auroc"] == 1
    assert audit.measure(features[:, :1], rows[:80], rows[80:], params)["auroc"] == 0.5


@pytest.mark.parametrize(("n_positive", "n"), [(2, 60), (15, 150), (20, 150), (12, 24)])
def test_what_tells_a_rare_class_is_found(n_positive: int, n: int) -> None:
    """A JPEG quality that four in five of its images have, and none of the others."""
    labels = np.tile(np.arange(n) < n_positive, 2).astype(int)
    quality = np.full(2 * n, 90.0)
    for start in (0, n):
        quality[start : start + round(0.8 * n_positive)] = 40
    rows = pd.DataFrame({"row": range(2 * n), "label": labels, "patient_group": range(2 * n)})
    figures = audit.measure(quality[:, None], rows[:n], rows[n:], AuditParams(bootstrap_samples=100, seed=0))
    assert figures["accuracy"] == 1 - (n_positive - round(0.8 * n_positive)) / n
    assert figures["auroc"] > 0.85


def test_leaves_are_scikit_learns_unless_a_class_is_rare() -> None:
    found = [audit.leaf(pd.Series([0] * 200 + [1] * n)) for n in (0, 1, 2, 15, 29, 30, 37, 200)]
    assert found == [1, 1, 1, 10, 19, 20, 20, 20]


@pytest.mark.parametrize("size", [8, 16, 30, 224])
def test_pixel_features_of_a_flat_image_are_its_grey(size: int) -> None:
    features = audit.pixel_features(np.full((3, size, size), 77, np.uint8))
    assert {name: values.shape for name, values in features.items()} == {
        "brightness": (3, 2),
        "border": (3, 60),
        "thumbnail": (3, 64),
    }
    np.testing.assert_allclose(features["thumbnail"], 77)
    np.testing.assert_allclose(features["border"], 77)
    np.testing.assert_allclose(features["brightness"], [[77, 0]] * 3)


def test_pixel_features_are_means_of_the_images_own_places() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 40, 40)).astype(np.uint8)
    features = audit.pixel_features(image)
    # Eight blocks of 5 pixels; 16 of 2 and 3, the first and the last from 0 to 2 and from 37 to 40.
    np.testing.assert_allclose(features["thumbnail"][0], image.reshape(8, 5, 8, 5).mean(axis=(1, 3)).ravel())
    first, last = (image[0, place, place].mean() for place in (slice(2), slice(37, 40)))
    np.testing.assert_allclose(features["border"][0, [0, -1]], [first, last])
    np.testing.assert_allclose(features["brightness"], [[image.mean(), image.std()]])


@pytest.mark.parametrize("size", [1, 7, 8, 9, 40])
def test_block_means_of_one_grey_are_that_grey_at_every_size(size: int) -> None:
    assert (audit.block_means(np.full((size, size), 93, np.uint8), 8) == 93).all()
