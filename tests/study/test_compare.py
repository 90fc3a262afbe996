"""The comparison in words, of results that are made up."""

import subprocess
from pathlib import Path

import pytest

from study import compare, results
from tests.conftest import ROOT
from tests.study.results_made import result


def test_the_margin_that_counted_is_told_and_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has a study file of his own and does not name it gets the verdicts of study.yaml's margin."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(results, "from_experiments", lambda names: [result("a"), result("b", "P-F")])
    mine = tmp_path / "mine.yaml"
    mine.write_text("margin: 0.07\nruns: {}\n")
    for words, told in (
        ([], "0.02, the margin of study.yaml."),
        (["--study", str(mine)], f"0.07, the margin of {mine}."),
    ):
        monkeypatch.setattr("sys.argv", ["study.compare", *words])
        compare.main()
        assert f"Practically equal: closer than {told}" in capsys.readouterr().out


def test_make_hands_the_study_on() -> None:
    words = ["RUNS=a b", "STUDY=mine.yaml", "-o", "mended", "-n", "compare"]
    shown = subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "study.compare a b --study mine.yaml" in shown
