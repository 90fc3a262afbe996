from pathlib import Path

import pandas as pd
import pytest

from cxr.errors import UserError
from cxr.inference import external

CLASSES = ["NORMAL", "PNEUMONIA"]
TABLE = pd.DataFrame({"path": ["a.png", "b.png"], "calibrated": [0.2, 0.7]})


def read(folder: Path, text: str) -> pd.DataFrame:
    (folder / "labels.csv").write_text(text)
    return external.read(folder / "labels.csv", CLASSES)


def test_labels_are_numbers_or_names_and_other_columns_are_left_out(tmp_path: Path) -> None:
    labels = read(tmp_path, "path,label,calibrated\na.png,0,x\nb.png,PNEUMONIA,y\nc.png,1,z\n")
    joined = external.joined(TABLE, labels)
    assert joined["label"].tolist() == [0, 1]
    assert joined["calibrated"].tolist() == [0.2, 0.7]
    assert joined["patient_group"].tolist() == ["a.png", "b.png"]


def test_a_class_called_0_is_itself_and_not_the_first(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\na.png,0\nb.png,1\n")
    assert external.read(tmp_path / "labels.csv", ["1", "0"])["label"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("path\na.png\n", "lacks the column label"),
        ("", "cannot be read"),
        ("path,label\na.png,\n", "line 2: label '' is none of"),
        ("path,label\na.png,0\nb.png,0\na.png,1\n", "line 4: a.png stands in it twice"),
        ("path,label,patient_group\na.png,0,one\nb.png,1,\n", "line 3: no patient_group"),
    ],
)
def test_a_file_of_labels_with_a_mistake_is_refused_by_its_line(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told):
        read(tmp_path, text)


def test_an_image_without_a_label_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no label for 1 images, among them b\.png"):
        external.joined(TABLE, read(tmp_path, "path,label\na.png,0\n"))


def test_folders_label_their_images_where_both_classes_are_there() -> None:
    both = pd.DataFrame({"path": ["test/NORMAL/a.png", "test/PNEUMONIA/b.png"]})
    found = external.by_folder(both, CLASSES)
    assert found is not None
    assert found["label"].tolist() == [0, 1]
    # Of one class alone nothing can be measured, and nobody has asked for it.
    for some in (both[:1], both[:0], pd.DataFrame({"path": ["test/NORMAL/a.png", "mine/b.png"]})):
        assert external.by_folder(some, CLASSES) is None
