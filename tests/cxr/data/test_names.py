import pytest

from cxr.data.images import UnusableFileError
from cxr.data.names import FileNames, Origin, identify
from cxr.sources.source import KERMANY
from cxr.vocabulary import CLASSES


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
    row = identify(path, KERMANY)
    assert (row["label"], row["etiology"], row["patient_group"]) == (label, etiology, group)
    assert row["official_split"] == path.split("/")[0]


def test_another_source_has_names_of_its_own() -> None:
    rule = r"(?P<patient_group>s\d+)_\d+"
    names = Origin(CLASSES, "file names", FileNames(rule, rule, "s<N>_<k>"))
    row = identify("train/PNEUMONIA/s0007_12.png", names)
    expected = {"official_split": "train", "label": 1, "etiology": "class PNEUMONIA", "patient_group": "patient s0007"}
    assert row == expected
    with pytest.raises(UnusableFileError, match="gives no patient: expected s<N>_<k>"):
        identify("train/PNEUMONIA/person1_virus_1.jpeg", names)


@pytest.mark.parametrize("rule", [r"(\d+)_\d+", r"(?P<patient_group>\d+)_\d+"])
def test_a_number_that_a_rule_finds_stays_a_word(rule: str) -> None:
    """In a CSV 007 would be read as the patient 7."""
    names = Origin(CLASSES, "file names", FileNames(rule, rule, "<N>_<k>"))
    assert identify("train/NORMAL/007_1.png", names)["patient_group"] == "patient 007"
    assert identify("test/PNEUMONIA/007_1.png", names)["patient_group"] == "patient 007"


def test_a_letter_in_two_codes_is_of_one_patient() -> None:
    names = Origin(CLASSES, "file names", FileNames(r"(.+)_\d+", r"(.+)_\d+", "<name>_<k>"))
    composed, decomposed = (identify(f"train/NORMAL/{name}_1.png", names) for name in ("Jos\u00e9", "Jose\u0301"))
    assert composed == decomposed


@pytest.mark.parametrize("rule", [r"(\d+)?.*", r"(\d*).*", r"(?P<patient_group>\d*).*"])
def test_a_rule_that_fits_and_finds_no_patient_makes_no_patient_of_all_such_images(rule: str) -> None:
    names = Origin(CLASSES, "file names", FileNames(rule, rule, f"what data.patient '{rule}' fits"))
    assert "7" in identify("train/NORMAL/7_1.png", names)["patient_group"]
    with pytest.raises(UnusableFileError, match="gives no patient: the group is empty in what"):
        identify("train/NORMAL/scan_1.png", names)


def test_an_image_is_a_patient_of_its_own_where_nobody_knows_patients() -> None:
    unknown = Origin(CLASSES, "unknown")
    assert identify("train/NORMAL/1.png", unknown)["patient_group"] == "train/NORMAL/1.png"
    assert identify("train/PNEUMONIA/1.png", unknown)["patient_group"] == "train/PNEUMONIA/1.png"
