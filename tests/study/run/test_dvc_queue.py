"""DVC's queue as an engine: workers that cannot live are told, and who keeps its lock."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cxr.errors import UserError
from study.run import baseline, dvc_queue, grid
from study.run.engine import State
from tests.conftest import Project
from tests.processes import wait_until
from tests.study.run.conftest import holding_the_lock

pytestmark = pytest.mark.slow


@pytest.fixture
def project(make_dvc_project: Callable[[], Project], monkeypatch: pytest.MonkeyPatch) -> Project:
    """In which this process works."""
    made = make_dvc_project()
    monkeypatch.chdir(made.folder)
    for key, value in made.environment().items():
        monkeypatch.setenv(key, value)
    return made


def test_workers_that_die_at_their_start_are_not_started_for_ever(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "celery.py").write_text("raise ImportError('no such celery')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    base = baseline.read(is_uncommitted=False)
    queue = dvc_queue.DvcQueue(base)
    queue.start([grid.Run("one", {}, base.params)], 1)
    with pytest.raises(UserError, match=r"^DVC's queue worker ends as soon as it is started: .*no such celery"):
        wait_until(lambda: queue.states({"one"})["one"] is not State.QUEUED, seconds=120)
    assert queue.stop({"one"}) == {"one"}
    assert "one" not in project.ok("dvc", "exp", "list")


def test_who_keeps_the_lock_is_told_in_one_line(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dvc_queue, "LOCK_PATIENCE", 0.5)
    queue = dvc_queue.DvcQueue(baseline.read(is_uncommitted=False))
    with holding_the_lock(project, seconds=60) as holder:
        with pytest.raises(UserError, match=rf"^DVC's queue is kept busy: .* \(PID {holder.pid}\).*$"):
            queue.start([grid.Run("one", {}, queue.baseline.params)], 1)
        holder.kill()
    assert queue.stop({"one"}) == set()
