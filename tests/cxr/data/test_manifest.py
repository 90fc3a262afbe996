import io
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cxr.data import manifest
from cxr.data.images import UnusableFileError
from cxr.data.names import identify
from cxr.sources import phantoms
from cxr.sources.params import PhantomParams
from cxr.sources.source import KERMANY
from cxr.vocabulary import CLASSES


def jpeg(quality: int = 75, mode: str = "L", size: tuple[int, int] = (40, 30), seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0]), dtype=np.uint8)
    stored = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stored, "JPEG", quality=quality)
    return stored.getvalue()


def row_of(path: str, content: bytes) -> dict:
    """A manifest row of Kermany's."""
    return identify(path, KERMANY) | manifest.inspect(path, content)


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("train/NORMAL/IM-0001-0001.jpeg", b"", "empty"),
        ("train/NORMAL/IM-0001-0001.jpeg", b"hello", "not an image"),
        ("train/NORMAL/IM-0001-0001.jpeg", jpeg()[:-200], "truncated"),
        ("train/NORMAL/IM-0001-0001.png", jpeg(), "named PNG but holds JPEG"),
        ("train/NORMAL/person1_virus_1.jpeg", jpeg(), "mislabelled"),
        ("train/PNEUMONIA/IM-0001-0001.jpeg", jpeg(), "mislabelled"),
        ("train/PNEUMONIA/patient7.jpeg", jpeg(), "gives no patient"),
    ],
)
def test_unusable_files_say_why(path: str, content: bytes, told: str) -> None:
    with pytest.raises(UnusableFileError, match=told):
        row_of(path, content)


@given(st.integers(1, 100))
def test_jpeg_quality_is_read_from_the_quantisation_table(quality: int) -> None:
    row = row_of("train/NORMAL/IM-0001-0001.jpeg", jpeg(quality))
    assert row["jpeg_quality"] == quality


def test_a_patient_that_is_spelled_in_two_ways_is_told_by_two_files() -> None:
    patients = ["Pat7", "Pat7", "PAT7", "pat8", "1 11", "11 1"]
    table = pd.DataFrame({"path": list("abcdef"), "patient_group": [f"patient {name}" for name in patients]})
    assert manifest.spelled_twice(table) == ["a and c"]


def test_rows_put_together_in_blocks_are_the_same_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    contents = [jpeg(seed=seed) for seed in (0, 1, 0, 2, 1)]
    rows = [row_of(f"train/NORMAL/IM-{9 - i:04d}-0001.jpeg", content) for i, content in enumerate(contents)]
    # As of a PNG file: a block of such alone has no number in this column.
    rows[4]["jpeg_quality"] = None
    whole = manifest.build(rows)
    monkeypatch.setattr(manifest, "N_AT_ONCE", 2)
    pd.testing.assert_frame_equal(manifest.build(iter(rows)), whole)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_row_describes_the_file(mode: str) -> None:
    content = jpeg(mode=mode)
    row = row_of("train/NORMAL/IM-0001-0001.jpeg", content)
    assert (row["width"], row["height"], row["mode"], row["bytes"]) == (40, 30, mode, len(content))
    assert re.fullmatch("[0-9a-f]{64}", row["sha256"])


def test_build_sorts_and_points_copies_to_the_first() -> None:
    files = {
        "train/NORMAL/IM-0002-0001.jpeg": jpeg(seed=1),
        "train/NORMAL/IM-0001-0001.jpeg": jpeg(seed=1),
        "test/PNEUMONIA/person1_virus_1.jpeg": jpeg(seed=2),
    }
    table = manifest.build([row_of(path, content) for path, content in files.items()])
    assert table["path"].tolist() == sorted(files)
    assert table["duplicate_of"].isna().tolist() == [True, True, False]
    assert table["duplicate_of"].iloc[2] == "train/NORMAL/IM-0001-0001.jpeg"
    figures = manifest.summarise(table, CLASSES)
    assert (figures["n_duplicate_sets"], figures["n_duplicate_files"]) == (1, 2)
    assert figures["n_duplicates_across_groups"] == 1
    assert figures["counts"]["train"] == {"NORMAL": 2, "PNEUMONIA": 0}


def test_a_data_set_is_summarised() -> None:
    """A patient of two images, one of which is a copy of another class's."""
    files = {
        "train/NORMAL/IM-0001-0001.jpeg": jpeg(seed=1, size=(20, 50)),
        "train/NORMAL/IM-0001-0002.jpeg": jpeg(seed=2),
        "train/NORMAL/IM-0001-0003.jpeg": jpeg(seed=2),
        "test/PNEUMONIA/person1_virus_1.jpeg": jpeg(seed=1, size=(20, 50)),
    }
    figures = manifest.summarise(manifest.build([row_of(path, content) for path, content in files.items()]), CLASSES)
    assert (figures["n_images"], figures["n_groups"], figures["prevalence"]) == (4, 2, 0.25)
    assert (figures["width"], figures["height"]) == ([20, 40], [30, 50])
    assert (figures["n_duplicate_sets"], figures["n_duplicate_files"]) == (2, 4)
    assert figures["n_duplicates_across_labels"] == figures["n_duplicates_across_groups"] == 1
    assert (figures["etiology"], figures["modes"]) == ({"normal": 3, "virus": 1}, {"L": 4})


def test_phantoms_carry_their_plan() -> None:
    params = PhantomParams(
        n_images=60, pixels=40, opacity=1.0, quality_trap=True, brightness_trap=True,
        duplicate_trap=False, prevalence_trap=True, seed=1,
    )  # fmt: skip
    plan = phantoms.plan(params)
    table = manifest.build([row_of(phantom.path, phantoms.encode(phantom, 1.0)) for phantom in plan])
    planned = pd.DataFrame([vars(phantom) for phantom in plan]).sort_values("path", ignore_index=True)
    for column, of_plan in (
        ("jpeg_quality", "quality"),
        ("width", "width"),
        ("mode", "mode"),
        ("etiology", "etiology"),
    ):
        assert table[column].tolist() == planned[of_plan].tolist()
    assert manifest.counts(table, CLASSES) == phantoms.expected_counts(plan)
