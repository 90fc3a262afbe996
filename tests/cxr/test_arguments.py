"""What a command is told is looked at before it reads or computes anything."""

import importlib
import sys
from pathlib import Path

import pytest

from cxr.errors import UserError


@pytest.mark.parametrize(
    "name", [pytest.param("bundle", marks=pytest.mark.slow), "card", "ensemble", "ranking", "shifts"]
)
def test_no_file_is_written_over_a_folder_or_below_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shifts of many networks ended so in a traceback, hours later."""
    command = importlib.import_module(f"study.{name}")
    (tmp_path / "file").touch()
    for place, told in {"": "is a folder; name the file", "file/below.csv": "file is no folder; name another"}.items():
        monkeypatch.setattr(sys, "argv", [name, "mine", "--out", str(tmp_path / place)])
        with pytest.raises(UserError, match=told):
            command.main()


@pytest.mark.parametrize(
    "words",
    [
        ("report.__main__", "--out"),
        ("keep",),
        ("run.__main__", "s.yaml", "--plots"),
        ("run.__main__", "s.yaml", "--report"),
        ("bench.__main__", "--out"),
    ],
)
def test_no_folder_is_written_over_a_file(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, *before = words
    command = importlib.import_module(name if name.startswith("bench") else f"study.{name}")
    (tmp_path / "file").touch()
    for place in ("file", "file/below"):
        monkeypatch.setattr(sys, "argv", [name, *before, str(tmp_path / place)])
        with pytest.raises(UserError, match="file is no folder; name another to write into"):
            command.main()


def test_a_name_that_no_disk_takes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was a traceback."""
    for name in ("card", "report.__main__"):
        monkeypatch.setattr(sys, "argv", [name, "--out", 300 * "a"])
        with pytest.raises(UserError, match=r"a{100} cannot be written to: File name too long"):
            importlib.import_module(f"study.{name}").main()


@pytest.mark.parametrize("name", ["report.__main__", "card", "ensemble"])
def test_a_second_folder_of_kept_runs_is_no_first_one_dropped(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--kept", "one", "--kept", "two"])
    with pytest.raises(UserError, match="--kept is given twice; one of the two would be dropped"):
        importlib.import_module(f"study.{name}").main()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--csv", ""], "is a folder; name the file"),
        (["--json", "file/below.json"], "file is no folder; name another"),
        (["--saliency", "file"], "file is no folder; name another"),
    ],
)
def test_a_prediction_that_cannot_be_written_is_not_made(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    option, place = words
    monkeypatch.setattr(sys, "argv", ["cxr.predict", "mine.keras", "image.jpeg", option, str(tmp_path / place)])
    with pytest.raises(UserError, match=told):
        importlib.import_module("cxr.predict").main()


@pytest.mark.slow
def test_a_bundle_has_the_name_that_keras_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under another it was written, with exit code 0, and `cxr.predict` asked to make it anew."""
    monkeypatch.setattr(sys, "argv", ["bundle", "mine", "--out", str(tmp_path / "mine.h5")])
    with pytest.raises(UserError, match=r"mine\.h5 does not end in \.keras"):
        importlib.import_module("study.bundle").main()
