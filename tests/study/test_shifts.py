import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr.data.images import decode
from cxr.data.params import ImagesParams
from cxr.inference.corruptions import CORRUPTIONS
from study import shifts

PARAMS = ImagesParams(size=24, is_square=False, is_equalised=False, shows="all")


@pytest.fixture
def files(tmp_path: Path) -> list[bytes]:
    """Dark and bright images in turn, JPEGs that are decoded at a smaller scale for a small network."""
    contents = []
    for i in range(8):
        grey = np.random.default_rng(i).integers(0, 60, (480, 520)) + (60 if i % 2 else 20)
        Image.fromarray(grey.astype(np.uint8)).save(tmp_path / "image.jpg")
        contents.append((tmp_path / "image.jpg").read_bytes())
    return contents


def test_files_as_they_are_come_first_and_a_judge_of_brightness_fails_where_light_changes(files: list[bytes]) -> None:
    seen = []

    def judge(images: np.ndarray, crop: float | None) -> np.ndarray:
        seen.append((images, crop))
        return (images.mean(axis=(1, 2)) - 70) / 5

    labels = np.arange(8) % 2
    table = pd.DataFrame(shifts.measure(files, labels, PARAMS, judge, [1, 5])).set_index(["shift", "strength"])
    assert len(table) == 1 + len(shifts.PERCENTAGES) + 2 * len(CORRUPTIONS)
    as_they_are = np.stack([decode(content, 24) for content in files])
    for (images, crop), expected in zip(seen, [None, 1.0, 0.94, 0.88], strict=False):
        np.testing.assert_array_equal(images, as_they_are)
        assert crop == expected
    assert all(crop is None for _, crop in seen[4:])
    assert table.loc[("none", 0), "accuracy"] == 1
    assert table.loc[("brightness_down", 5), "accuracy"] == 0.5
    assert table.loc[("brightness_down", 5), "auroc"] == 1
    assert table.loc[("brightness_down", 5), "loss"] > table.loc[("brightness_down", 1), "loss"]


def test_equal_images_get_noise_of_their_own(files: list[bytes]) -> None:
    seen = []

    def judge(images: np.ndarray, crop: float | None) -> np.ndarray:
        seen.append(images)
        return images.mean(axis=(1, 2)) - 50

    list(shifts.measure([files[0]] * 2, np.arange(2), PARAMS, judge, [1]))
    one, other = seen[1 + len(shifts.PERCENTAGES) + list(CORRUPTIONS).index("gaussian_noise")]
    assert (one != other).any()
    assert (seen[0][0] == seen[0][1]).all()


@pytest.mark.parametrize("shape", [(300, 600), (600, 300)])
def test_a_corrupted_image_loses_the_sides_that_its_run_cuts(shape: tuple[int, int], tmp_path: Path) -> None:
    """All that is bright lies outside the middle square."""
    grey = np.full(shape, 255, np.uint8)
    height, width = shape
    grey[(height - 300) // 2 :, (width - 300) // 2 :][:300, :300] = 8
    Image.fromarray(grey).save(tmp_path / "image.png")
    content = (tmp_path / "image.png").read_bytes()
    square = replace(PARAMS, is_square=True)
    for name, strength in [(shifts.AS_IT_IS, 0), ("brightness_up", 1)]:
        assert shifts._shifted(content, 0, name, strength, square).max() < 20
        assert shifts._shifted(content, 0, name, strength, PARAMS).mean() > 100


def test_it_is_a_command_that_wants_names() -> None:
    done = subprocess.run([sys.executable, "-m", "study.shifts"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "NAME" in done.stderr
