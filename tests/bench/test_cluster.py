"""The eight runs on a cluster and in the queue, measured."""

from pathlib import Path

import pytest

from bench import cluster
from cxr.errors import UserError

# In the place of the study and of its report: which way ran is not among the results, how long it took is left out.
STUDY = """import os, sys
assert {"--set", "images.size=32", "data.source=directory"} <= set(sys.argv), sys.argv
assert "AWS_SECRET_ACCESS_KEY" in os.environ
open("ways.txt", "a").write(" ".join(sys.argv[2:4]) + "\\n")
sys.exit(f"error: {sys.argv[2]} fails" if open("fails.txt").read() == sys.argv[2] + " " + sys.argv[3] else 0)
"""
REPORT = """import os
os.makedirs("report", exist_ok=True)
n = len(open("ways.txt").readlines())
lines = ["name,accuracy,train_parameters,train_seconds", f"one,{0.5 + (n == 3)},7,{n}", f"none,0.5,,{n}"]
open("report/results.csv", "w").write("\\n".join(lines))
"""


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose study is told in fails.txt which way is to fail, and whose third report has other results."""
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "run.py").write_text(STUDY)
    (tmp_path / "study" / "report.py").write_text(REPORT)
    (tmp_path / "fails.txt").touch()
    monkeypatch.setattr(cluster, "_clone", lambda *_: tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_each_way_has_a_row_that_says_whether_its_results_are_those_of_the_first(clone: Path) -> None:
    table = cluster.measure(clone)
    assert table["way"].tolist() == list(cluster.WAYS)
    assert (clone / "ways.txt").read_text() == "--jobs 2\n--workers 1\n--workers 2\n"
    assert table["n_runs"].tolist() == [1, 1, 1]
    assert table["same_results"].tolist() == [True, True, False]
    assert (table["seconds"] > 0).all()


def test_a_study_that_fails_ends_it_in_one_line(clone: Path) -> None:
    (clone / "fails.txt").write_text("--workers 1")
    with pytest.raises(UserError, match=r"^Dask, 1 worker: the study failed, as the line above says$"):
        cluster.measure(clone)
