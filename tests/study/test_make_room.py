"""What `dvc gc` takes of a study, called as docs/studies.md says and otherwise."""

import pytest

from tests.conftest import ROOT, Project, Study

pytestmark = pytest.mark.slow


@pytest.fixture
def project(study: Study) -> Project:
    return study.project


def test_table_and_report_stay_where_experiments_are_kept(project: Project) -> None:
    assert "dvc gc -w --all-experiments" in (ROOT / "docs" / "studies.md").read_text()
    # Experiments of an earlier commit count too.
    project.set(train__epochs=7)
    project.commit("other epochs")
    before = project.here("study.table")
    assert "layers-1" in before.stdout
    project.ok("dvc", "gc", "-w", "--all-experiments", "-f")
    after = project.here("study.table")
    assert (after.returncode, after.stdout) == (0, before.stdout)
    assert "report: " in project.here("study.report").stdout


def test_what_was_taken_without_is_told_with_the_way_back(project: Project) -> None:
    project.ok("dvc", "gc", "-w", "-f")
    done = project.run("python", "-m", "study.table")
    assert done.returncode == 1
    told = done.stderr.strip().splitlines()[-1]
    assert told.startswith("error: layers-1 has no complete result here")
    assert "dvc exp remove layers-1, then run it again" in told
