"""A table of the user's: what its rows say is taken, and a wrong row is named by its line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cxr.data import names
from cxr.errors import UserError
from cxr.sources import table
from cxr.sources.source import Request

HEADER = "path,label,patient,part,acquisition"
ROWS = [
    "scans/a 1.png,covid,007,train,portable",
    "scans/a.2.jpg,covid,7,test,fixed",
    'b/1.PNG,"no, nothing",NA,train,fixed',
    "b/2.png,'covid,p4,val,portable".replace("'", ""),
    'c.png,"no, nothing",12,test,fixed',
]
Write = Callable[..., dict[str, Any]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes images and a table of these lines; gives section `data`."""
    for name in ("scans/a 1.png", "scans/a.2.jpg", "b/1.PNG", "b/2.png", "c.png", "note.txt"):
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("no image")
        else:
            Image.new("L", (8, 8), 99).save(path)

    def written(lines: list[str] | bytes, **changes: Any) -> dict[str, Any]:
        content = lines if isinstance(lines, bytes) else "".join(f"{line}\n" for line in lines).encode()
        (tmp_path / "mine" / "images.csv").write_bytes(content)
        data = {"source": "table", "directory": None, "table": "mine/images.csv", "positive": "covid"}
        return {**data, "patient": "auto", "revision": 0, **changes}

    return written


def refused(data: dict[str, Any], home: Path) -> str:
    with pytest.raises(UserError) as error:
        table.read(data, home)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_images_come_under_the_tables_own_paths_with_what_its_rows_say(write: Write, tmp_path: Path) -> None:
    data = write([HEADER, *ROWS])
    raw = tmp_path / "raw"
    raw.mkdir()
    brought = table.bring(raw, Request({"data": data}, tmp_path, tmp_path))
    paths = sorted(path.relative_to(raw).as_posix() for path in raw.rglob("*") if path.is_file())
    assert paths == ["b/1.PNG", "b/2.png", "c.png", "scans/a 1.png", "scans/a.2.jpg"]
    assert brought.origin.classes == ["no, nothing", "covid"]
    rows = {path: names.identify(path, brought.origin) for path in paths}
    assert rows["scans/a 1.png"] == {
        "official_split": "train",
        "label": 1,
        "patient_group": "patient 007",
        "acquisition": "acquisition portable",
        "etiology": "class covid",
    }
    assert rows["scans/a.2.jpg"]["patient_group"] == "patient 7"
    assert [row["label"] for row in rows.values()] == [0, 1, 0, 1, 1]


def test_the_order_of_rows_and_what_a_spreadsheet_adds_change_nothing(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = table.read(write([HEADER, *ROWS]), tmp_path)[1]
    lines = "\r\n".join([HEADER, "", *reversed(ROWS)])
    assert table.read(write(f"\N{BYTE ORDER MARK}{lines}".encode()), tmp_path)[1] == plain
    with_an_empty_column = [f"{line}," for line in (HEADER, *ROWS, ",,, ,", ",")]
    assert table.read(write(with_an_empty_column), tmp_path)[1] == plain
    assert capsys.readouterr().err == "data.table 'mine/images.csv': its columns without a title are not used\n"


def test_columns_that_may_be_left_out_and_others_that_are_not_used(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(["age,path,label", "7,c.png,covid", "8,b/1.PNG,none"], patient="none", positive="none")
    _, origin = table.read(data, tmp_path)
    assert (origin.classes, origin.patients) == (["covid", "none"], "unknown")
    assert names.identify("c.png", origin) == {
        "official_split": "train",
        "label": 0,
        "patient_group": "c.png",
        "etiology": "class covid",
    }
    assert capsys.readouterr().err == "data.table 'mine/images.csv': its columns age are not used\n"


@pytest.mark.parametrize("patient", ["anonymous", ""])
def test_patients_that_are_not_known_are_not_taken_from_the_table(
    patient: str, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["path,label,patient", f"c.png,covid,{patient}", f"b/1.PNG,well,{patient}"]
    _, origin = table.read(write(lines, patient="none"), tmp_path)
    assert origin.rows is not None
    assert {path: row["patient_group"] for path, row in origin.rows.items()} == {"c.png": "c.png", "b/1.PNG": "b/1.PNG"}
    assert capsys.readouterr().err == "data.table 'mine/images.csv': its columns patient are not used\n"


def test_paths_may_start_in_another_folder(write: Write, tmp_path: Path) -> None:
    lines = ["path,label,patient", "1.PNG,covid,1", "2.png,well,2"]
    assert table.read(write(lines, directory="mine/b"), tmp_path)[0] == tmp_path / "mine" / "b"
    assert "1.PNG is no file" in refused(write(lines), tmp_path)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("gone.png,covid,1,train,fixed", "line 7: gone.png is no file"),
        ("b,covid,1,train,fixed", "line 7: b is named as no image; .jpeg, .jpg, .png are read"),
        ("note.txt,covid,1,train,fixed", "line 7: note.txt is named as no image"),
        ("./b//2.png,covid,1,train,fixed", "line 7: b/2.png stands in line 5 already"),
        ("../c.png,covid,1,train,fixed", "line 7: path ../c.png leaves the folder"),
        ("/etc/c.png,covid,1,train,fixed", "line 7: path /etc/c.png leaves the folder"),
        ("c\0.png,covid,1,train,fixed", ".png is no file"),
        (f"{'c' * 300}.png,covid,1,train,fixed", "is no file"),
        (",covid,1,train,fixed", "line 7: no path"),
        ("c.png,,1,train,fixed", "line 7: no label"),
        ("c.png,covid, ,train,fixed", "line 7: no patient"),
        ("c.png,covid,1,,fixed", "line 7: no part; fill it in everywhere or leave the column out"),
        ("c.png,Covid,1,train,fixed", "line 7: label 'Covid' is also spelled 'covid'"),
        ("c.png,covid ,1,train,fixed", "line 7: label 'covid ' begins or ends with a space"),
        ("c.png,covid,1\t2,train,fixed", r"line 7: patient '1\t2' holds a control character"),
        ("c.png,flu,1,train,fixed", "line 7: label 'flu' is neither no, nothing nor covid"),
        ("c.png,covid,1,dev,fixed", "line 7: part 'dev' is neither train nor val nor test"),
        ("c.png,covid,1,train,Fixed", "line 7: acquisition 'Fixed' is also spelled 'fixed' in line 3"),
        ("c.png,covid,na,train,fixed", "line 7: patient 'na' is also spelled 'NA' in line 4"),
        ("c.png,covid,p 4,train,fixed", "line 7: patient 'p 4' is also spelled 'p4' in line 5"),
        ("c.png,covid,1", "line 7: 3 values under 5 titles"),
        ('c.png,"covid,1,train,fixed', "line 7: no CSV (unexpected end of data)"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(row: str, told: str, write: Write, tmp_path: Path) -> None:
    assert told in refused(write([HEADER, *ROWS, row]), tmp_path)


def test_a_patient_in_letters_of_two_codes_is_one_and_told(write: Write, tmp_path: Path) -> None:
    """A Mac writes names in another normal form than a spreadsheet: they look the same."""
    rows = ["c.png,covid,Jos\u00e9", "b/1.PNG,well,Jose\u0301"]
    told = refused(write(["path,label,patient", *rows]), tmp_path)
    assert r"line 3: patient 'Jose\u0301' is also spelled 'Jos\xe9' in line 2" in told


def test_a_gap_between_digits_makes_another_patient(write: Write, tmp_path: Path) -> None:
    rows = ["c.png,covid,1 11", "b/1.PNG,well,11 1", "b/2.png,covid,111"]
    _, origin = table.read(write(["path,label,patient", *rows]), tmp_path)
    assert origin.rows is not None
    assert len({row["patient_group"] for row in origin.rows.values()}) == 3


def test_what_to_do_about_a_third_class_is_said_once(write: Write, tmp_path: Path) -> None:
    advice = "two classes are compared: leave the rows of others out"
    third = ["scans/a 1.png,flu,1,train,fixed", "c.png,flu,1,train,fixed"]
    assert refused(write([HEADER, *ROWS, *third]), tmp_path).count(advice) == 1
    assert advice not in refused(write([HEADER, *ROWS, "gone.png,covid,1,train,fixed"]), tmp_path)


def test_a_line_is_that_of_the_file_where_a_value_goes_over_two(write: Write, tmp_path: Path) -> None:
    data = write([HEADER, *ROWS[:4], 'c.png,covid,"1\n2",train,fixed', "gone.png,covid,1,train,fixed"])
    assert "line 8: gone.png is no file" in refused(data, tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1: no column path, label, patient among its titles nothing"),
        (b"path;label;patient\n", "path;label;patient; semicolons stand between its columns, commas should"),
        (b"path\tlabel\tpatient\n", "tabs stand between its columns"),
        (b"path,label\n", "no column patient among its titles path, label; where patients are not known say so"),
        (b"path,label,patient,label\n", "line 1: the column label stands there twice"),
        (b"path,label,patient\n", "has no row"),
        (b"path,label,patient\nc.png,\xe9,1\n", "line 2: not text in UTF-8"),
        ("path,label,patient\nc.png,flu,1\n".encode("utf-16"), "line 1: not text in UTF-8"),
        (b"path,label,patient\nc.png,flu,1\n", "has no label 'covid', which data.positive names, but 'flu'"),
        (b"path,label,patient\nc.png,covid,1\n", "has images of 'covid' alone"),
    ],
)
def test_what_is_no_table_says_why(content: bytes, told: str, write: Write, tmp_path: Path) -> None:
    assert told in refused(write(content), tmp_path)


@pytest.mark.parametrize("name", ["gone.csv", "mine", "~nosuchuser/x.csv", "x" * 300])
def test_a_table_that_is_no_file(name: str, write: Write, tmp_path: Path) -> None:
    assert refused(write([HEADER, *ROWS], table=name), tmp_path).startswith(f"data.table '{name}' is no file (")


def test_of_many_wrong_rows_ten_are_shown(write: Write, tmp_path: Path) -> None:
    told = refused(write([HEADER, *ROWS, *(f"gone{i}.png,covid,1,train,fixed" for i in range(30))]), tmp_path)
    assert told.startswith("data.table 'mine/images.csv': 30 things cannot be used: line 7: gone0.png is no file; ")
    assert told.endswith("; and 20 more")
