from pathlib import Path

import pandas as pd
import pytest

from cxr.data.params import ImagesParams
from cxr.errors import UserError
from cxr.inference import external
from cxr.inference.bundle import Description
from cxr.statistics.params import EvaluateParams

CLASSES = ["NORMAL", "PNEUMONIA"]
TABLE = pd.DataFrame({"path": ["a.png", "b.png"], "calibrated": [0.2, 0.7]})
DESCRIPTION = Description(
    classes=CLASSES,
    images=ImagesParams(size=16, is_square=False, is_equalised=False, shows="all"),
    evaluate=EvaluateParams(threshold=0.5, crop=1.0, flip=False, temperature="none", bootstrap_samples=100, seed=0),
    threshold=0.3,
    temperature=1.0,
)


def read(folder: Path, text: str) -> pd.DataFrame:
    (folder / "labels.csv").write_text(text)
    return external.read(folder / "labels.csv", CLASSES)


def test_labels_are_numbers_or_names_and_other_columns_are_left_out(tmp_path: Path) -> None:
    labels = read(tmp_path, "path,label,calibrated\na.png,0,x\nb.png,PNEUMONIA,y\nc.png,1,z\n")
    joined = external.joined(TABLE, labels)
    assert joined["label"].tolist() == [0, 1]
    assert joined["calibrated"].tolist() == [0.2, 0.7]
    assert joined["patient_group"].tolist() == ["a.png", "b.png"]


def test_the_table_that_named_the_training_images_names_the_patients_of_others_too(tmp_path: Path) -> None:
    """`data.table` calls them `patient`: left out, every image would be a patient, and the intervals too narrow."""
    labels = read(tmp_path, "path,label,patient,part\na.png,0,A-1,test\nb.png,1,A-1,test\n")
    assert labels["patient_group"].tolist() == ["A-1", "A-1"]
    with pytest.raises(UserError, match="line 2: no patient;"):
        read(tmp_path, "path,label,patient\na.png,0,\n")


def test_a_class_called_0_is_itself_and_not_the_first(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\na.png,0\nb.png,1\n")
    assert external.read(tmp_path / "labels.csv", ["1", "0"])["label"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("path\na.png\n", "no column label among its titles path"),
        ("", "no column path, label among its titles nothing"),
        ("path,label,patient,label\na.png,0,1,1\n", "the column label stands there twice"),
        ("path,label\na.png,0,\nb.png,1,\n", "line 2: 3 values under 2 titles"),
        ('path,label\na.png,0\n"b.png,1\n', "line 3: no CSV"),
        ("path,label\na.png,0\n\n,\nb.png,x\n", "line 5: label 'x' is none of"),
        ("path,label,patient\na.png,0,P1\nb.png,1,p1\n", "line 3: patient 'p1' is also spelled 'P1'"),
        ("path,label,patient\na.png,0,P1\nb.png,1,P1 \n", "line 3: patient 'P1 ' is also spelled 'P1'"),
        ("path,label\na.png,\n", "line 2: label '' is none of"),
        ("path,label\na.png,0\nb.png,0\na.png,1\n", "line 4: a.png stands in it twice"),
        ("path,label,patient_group\na.png,0,one\nb.png,1,\n", "line 3: no patient_group"),
    ],
)
def test_a_file_of_labels_with_a_mistake_is_refused_by_its_line(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told):
        read(tmp_path, text)


@pytest.mark.parametrize("name", ["", "gone.csv", "latin-1.csv"])
def test_what_is_no_file_of_text_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "latin-1.csv").write_bytes(b"path,label\n\xe9.png,0\n")
    with pytest.raises(UserError, match=r"cannot be read: |line 2: not text in UTF-8"):
        external.read(tmp_path / name, CLASSES)


def test_files_that_differ_in_capital_letters_are_two_and_a_spreadsheets_marks_are_left_out(tmp_path: Path) -> None:
    labels = read(tmp_path, "\N{BYTE ORDER MARK}path,label,\r\na.png,0,\r\nA.png,1,\r\n,,\r\n")
    assert labels.to_dict("list") == {"path": ["a.png", "A.png"], "label": [0, 1], "patient_group": ["a.png", "A.png"]}


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


def test_a_folder_beside_those_of_the_classes_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    three = pd.DataFrame({"path": ["NORMAL/a.png", "PNEUMONIA/b.png", "mine/c.png"]})
    assert external.by_folder(three, CLASSES) is None
    told = "not measured: 1 of 3 images lie in a folder that is none of NORMAL, PNEUMONIA, the first is mine/c.png; "
    assert capsys.readouterr().err.startswith(told)


def test_figures_are_those_at_the_bundles_threshold_over_whole_patients() -> None:
    """Two patients, all of one called wrongly: of the other alone everything is right, or nothing."""
    table = pd.DataFrame({"patient_group": list("aaaabb"), "label": [0, 0, 1, 1, 0, 1]})
    table["calibrated"] = [0.1, 0.2, 0.3, 0.4, 0.45, 0.25]
    table["path"] = table.index.astype(str)
    found = external.measure(table, DESCRIPTION)
    assert list(found) == list(external.COMPARED)
    assert [found[name].value for name in external.COMPARED] == pytest.approx([4 / 6, 6 / 9, 2 / 3, 2 / 3])
    assert all((one.low, one.high) == (0, 1) for one in found.values())
    assert external.told(found, table).startswith("6 images of 2 patients: accuracy 0.667 (0.000-1.000), auroc 0.667")
    alone = table.assign(patient_group=table["path"])
    assert external.told(found, alone).startswith("6 images, each counted as a patient of its own: accuracy 0.667")


def test_no_error_on_few_patients_does_not_read_as_certain() -> None:
    labels = [0] * 2 + [1] * 18
    table = pd.DataFrame({"path": [f"{i}.png" for i in range(20)], "label": labels, "calibrated": labels})
    found = external.measure(table.assign(patient_group=table["path"]), DESCRIPTION)
    told = external.told(found, table.assign(patient_group=table["path"]))
    assert "accuracy 1.000 (0.832-1.000)" in told
    assert "specificity 1.000 (0.158-1.000)" in told
