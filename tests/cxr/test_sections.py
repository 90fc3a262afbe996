"""What the sections of params.yaml must satisfy together, and section data."""

import copy
from pathlib import Path
from typing import Any

import pytest

from cxr import sections
from cxr.errors import UserError
from cxr.sources.records import SOURCES, check_apart
from cxr.sources.source import KERMANY, Brought, Source
from stages.project import read_yaml

PARAMS = read_yaml(Path(__file__).parents[2] / "params.yaml")
TABLE = {"data.source": "table", "data.table": "images.csv", "data.positive": "covid"}
FOLDER = {"data.source": "directory", "data.directory": "mine"}


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    params = copy.deepcopy(PARAMS)
    for key, value in changes.items():
        section, name = key.split(".")
        params[section][name] = value
    return params


@pytest.mark.parametrize(
    "changes",
    [
        {},
        *({**TABLE, "split.protocol": protocol} for protocol in ("official", "grouped", "pooled", "series")),
        {**TABLE, "data.patient": "none", "split.protocol": "pooled"},
        {**FOLDER, "data.patient": r"(\d+)_.*"},
        {**FOLDER, "data.patient": "none"},
        {**FOLDER, "split.protocol": "series", "train.target": "etiology"},
        {"train.devices": 2, "model.architecture": "residual"},
        {"train.devices": 2, "model.architecture": "VGG16"},
    ],
)
def test_good_sections_pass(changes: dict[str, Any]) -> None:
    sections.check(changed(changes))


@pytest.mark.parametrize("asked", [{"train.target": "etiology"}, {"split.protocol": "series"}])
def test_a_new_source_is_not_asked_what_its_record_does_not_promise(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SOURCES, "hospital", Source("nowhere", "none", lambda raw, request: Brought(KERMANY)))
    sections.check(changed({"data.source": "hospital"}))
    with pytest.raises(UserError, match=r"needs .*, which data\.source hospital does"):
        sections.check(changed({"data.source": "hospital", **asked}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data.source": "table"}, "data.source is 'table' but data.table is null; name a CSV"),
        ({**TABLE, "data.positive": None}, "data.positive is null; name the label of data.table"),
        ({**TABLE, "data.positive": 1}, "data.positive should be a .* string, got 1; write it in quotes, such as '1'"),
        ({**TABLE, "data.positive": True}, "data.positive should .*; write it in quotes, such as 'true'"),
        ({**TABLE, "data.patient": "(.*)"}, r"data.patient '\(.\*\)' is not for data.source table"),
        ({"data.patient": "none"}, "data.patient 'none' is not for data.source kaggle"),
        ({**FOLDER, "data.patient": r"\d+"}, "data.patient should be .* of one group, the patient; it has 0"),
        ({**FOLDER, "data.patient": "("}, r"data.patient should be .*, which it is not \("),
        ({**TABLE, "train.target": "etiology"}, "train.target etiology needs .*, which data.source table does not"),
        ({**FOLDER, "data.patient": "none", "train.target": "etiology"}, "which data.patient 'none' does not"),
        ({**FOLDER, "data.patient": "(.*)", "split.protocol": "series"}, "series needs .*, which data.patient"),
        ({**FOLDER, "data.patient": "none", "split.protocol": "grouped"}, "grouped cuts by patient, and .* none"),
        ({"train.devices": 2, "model.architecture": "DenseNet121"}, "devices 2: DenseNet121 normalises by batch"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told) as error:
        sections.check(changed(changes))
    assert "\n" not in str(error.value)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project with images in data/raw, and links to what it holds; tables beside, that name an image by its path."""
    (tmp_path / "data" / "raw" / "mine").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to("data/raw/mine")
    (tmp_path / "data" / "raw" / "out").symlink_to("../../other")
    for name, path in {"own": "other/a.png", "theirs": "data/raw/mine/a.png", "odd": "a\0b/a.png"}.items():
        (tmp_path / f"{name}.csv").write_text(f"label,path\ncovid,{path}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("data", "told"),
    [
        *(({"directory": name}, "lies in") for name in ("data/raw", "data/raw/mine", "link", "data/raw/out")),
        ({"directory": "data/raw/misspelt"}, "lies in"),
        *(({"directory": name}, "contains") for name in (".", "data", "data/../data")),
        ({"table": "data/raw/gone.csv"}, "lies in"),
        ({"table": "own.csv", "directory": "data/raw"}, "data.directory 'data/raw' lies in"),
        ({"table": "theirs.csv"}, "names images in data/raw/mine, which lies in"),
    ],
)
def test_what_download_would_remove_or_take_twice_is_refused(data: dict[str, Any], told: str, home: Path) -> None:
    source = {"source": "table" if "table" in data else "directory", "directory": None}
    with pytest.raises(UserError, match=f"{told} the project's data/raw, ") as error:
        check_apart({**source, **data}, home)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "data",
    [
        *({"source": "directory", "directory": name} for name in ("other", "gone", "~nosuchuser/x", "a\0b", None)),
        *({"source": "table", "directory": None, "table": f"{name}.csv"} for name in ("own", "odd", "gone")),
        {"source": "table", "directory": ".", "table": "own.csv"},
        {"source": "phantom", "directory": "data/raw"},
    ],
)
def test_what_lies_apart_passes(data: dict[str, Any], home: Path) -> None:
    check_apart(data, home)
