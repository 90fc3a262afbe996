"""The table in a terminal."""

import subprocess
import sys
from dataclasses import replace

import pytest

from study import results, table
from tests.conftest import ROOT

KEPT = ROOT / "docs" / "results" / "112px" / "runs"


def test_every_kept_run_has_its_row_in_100_columns(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["layers-1", "layers-2-grouped", "layers-2-pooled", "rate-3-seed1"]
    table.show(results.from_folder(KEPT, names))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert [line for line in lines if line.startswith("Tested on")] == [
        "Tested on grouped, 1,172 real images at 112 px",
        "Tested on official, 624 real images at 112 px",
        "Tested on pooled, 1,172 real images at 112 px",
    ]
    row = next(line for line in lines if line.startswith("layers-2-grouped"))
    assert row.split() == [
        *("layers-2-grouped", "C-P-C-P-C-P-C-P-F-D-D", "1e-4", "0.940", "(0.925-0.954)"),
        *("0.927", "0.979", "0.977", "0.842"),
    ]


def test_a_long_name_goes_on_in_the_next_line_and_figures_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = results.from_folder(KEPT, ["layers-2"])
    table.show([replace(run, name="a-run-with-a-name-of-several-words")])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 100
    assert "0.817 (0.781-0.849)" in shown
    assert "".join(line.split("  ")[0].strip() for line in shown.splitlines()[-3:]).endswith("of-several-words")


def test_the_table_and_the_comparison_wait_for_no_library_that_learns() -> None:
    heavy = "import sys, study.table, study.compare; print({'keras', 'sklearn', 'altair'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", heavy], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
