import pytest

from cxr.data.images import UnusableFileError
from cxr.data.names import FileNames, identify
from cxr.sources.source import KERMANY_NAMES


@pytest.mark.parametrize(
    ("path", "label", "etiology", "group"),
    [
        ("train/NORMAL/IM-0115-0001.jpeg", 0, "normal", "IM-0115"),
        ("test/NORMAL/IM-0011-0001-0002.jpeg", 0, "normal", "IM-0011"),
        ("test/NORMAL/NORMAL2-IM-0115-0001.jpeg", 0, "normal", "NORMAL2-IM-0115"),
        ("train/PNEUMONIA/person12_bacteria_46.jpeg", 1, "bacteria", "person12_bacteria"),
        ("train/PNEUMONIA/person12_virus_46.jpeg", 1, "virus", "person12_virus"),
        ("train/PNEUMONIA/person447_virus_921_1.jpeg", 1, "virus", "person447_virus"),
    ],
)
def test_a_name_gives_label_etiology_and_group(path: str, label: int, etiology: str, group: str) -> None:
    row = identify(path, KERMANY_NAMES)
    assert (row["label"], row["etiology"], row["patient_group"]) == (label, etiology, group)
    assert row["official_split"] == path.split("/")[0]


def test_another_source_has_names_of_its_own() -> None:
    names = FileNames(normal=r"(?P<patient_group>\d+)_\d+", pneumonia=r"(?P<patient_group>\d+)_\d+", expected="<N>_<k>")
    row = identify("train/PNEUMONIA/0007_12.png", names)
    assert row == {"official_split": "train", "label": 1, "etiology": "normal", "patient_group": "0007"}
    with pytest.raises(UnusableFileError, match="gives no patient: expected <N>_<k>"):
        identify("train/PNEUMONIA/person1_virus_1.jpeg", names)
