"""The comparison in words, of results that are made up."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from study import compare, results
from study.families import families
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


def test_what_holds_of_single_trainings_is_said_where_a_verdict_does(capsys: pytest.CaptureFixture[str]) -> None:
    def shown(one: float, two: float) -> str:
        runs = [result("a", "F", accuracy=one), result("b", "P-F", accuracy=two)]
        compare.show(families(runs), Path("study.yaml"))
        return capsys.readouterr().out

    legend = "These trainings differ: one run or both have a single seed, and other seeds may turn it round."
    assert legend in shown(0.95, 0.7)
    assert legend not in shown(0.8, 0.8)


def test_every_run_and_pair_has_its_row_in_100_columns(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["layers-1", "layers-1-seed1", "layers-2", "layers-2-seed1", "rate-1"]
    [family] = families(results.from_folder(ROOT / "docs" / "results" / "112px" / "runs", names), 0.02)
    compare.show([family], Path("study.yaml"))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    said = " ".join(lines)
    for one in family.configurations:
        assert len(re.findall(rf" {one.name} +{one.estimates['accuracy'].value:.3f} ", said)) == 2, (
            "measured, and placed"
        )
    for pair in family.pairs:
        for known in (pair.comparison.accuracy, pair.comparison.auroc):
            low, high = (f"{end:+.3f}" for end in (known.estimate.low, known.estimate.high))
            [row] = [line for line in lines if f" {known.estimate.value:+.3f} ({low} to {high}) " in line]
            assert row.startswith(pair.two.name)
            assert known.verdict.split()[0] in row


def test_long_names_go_on_in_the_next_line(capsys: pytest.CaptureFixture[str]) -> None:
    results = [replace(result("a", "F"), name=60 * "a"), replace(result("b", "P-F"), name="[red]" + 60 * "b")]
    compare.show(families(results), Path("study.yaml"))
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 100
    assert (shown.count("a") - shown.count("accuracy")) > 4 * 60
    assert "[red]" in shown


def test_make_hands_the_study_on() -> None:
    words = ["RUNS=a b", "STUDY=mine.yaml", "-o", "mended", "-n", "compare"]
    shown = subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "study.compare a b --study mine.yaml" in shown
