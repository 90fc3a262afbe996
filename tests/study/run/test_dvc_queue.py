"""DVC's queue as an engine: workers that cannot live are told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cxr.errors import UserError
from study.run import baseline, dvc_queue, grid
from study.run.engine import State
from tests.conftest import Project
from tests.processes import wait_until

pytestmark = pytest.mark.slow


def test_workers_that_die_at_their_start_are_not_started_for_ever(
    make_dvc_project: Callable[[], Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_dvc_project()
    monkeypatch.chdir(project.folder)
    for key, value in project.environment().items():
        monkeypatch.setenv(key, value)
    (tmp_path / "celery.py").write_text("raise ImportError('no such celery')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    base = baseline.read(is_uncommitted=False)
    queue = dvc_queue.DvcQueue(base)
    queue.start([grid.Run("one", {}, base.params)], 1)
    with pytest.raises(UserError, match=r"^DVC's queue worker ends as soon as it is started: .*no such celery"):
        wait_until(lambda: queue.states({"one"})["one"] is not State.QUEUED, seconds=120)
    assert queue.stop({"one"}) == {"one"}
    assert "one" not in project.ok("dvc", "exp", "list")
