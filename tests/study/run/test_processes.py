"""Which processes are workers of DVC's queue."""

import subprocess
import sys
from pathlib import Path

import pytest

from study.run import processes

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.mark.parametrize(
    ("words", "is_worker"),
    [
        (["exp", "queue-worker", "cxr-study-1@localhost", "--clean"], True),
        (["exp", "queue-worker", "dvc-exp-5f-1@localhost"], True),
        (["queue-worker"], False),
        (["queue-worker", "docs"], False),
        (["exp", "queue-worker"], False),
    ],
)
def test_a_command_that_names_the_workers_is_none(
    words: list[str], is_worker: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`grep -r queue-worker` in the project's folder ended a study in a traceback; `grep queue-worker docs` hid that
    its worker had died."""
    monkeypatch.chdir(tmp_path)
    with subprocess.Popen([*SLEEPS, *words]) as process:
        try:
            found = [worker.pid for worker in processes.workers()]
            ours = [worker.pid for worker in processes.workers(processes.WORKER)]
        finally:
            process.kill()
    assert found == [process.pid] * is_worker
    assert ours == [process.pid] * (is_worker and words[2].startswith("cxr-study"))
