"""A study that is killed, or whose worker is, at whatever moment: nothing stays at work, and the next call goes on."""

import os
import re
import shutil
import signal
from collections.abc import Callable

import pytest

from tests.conftest import Project
from tests.processes import at_work, wait_until, words
from tests.study.run.conftest import WORK_TREE, begin, check_nothing_is_left, is_queued, is_trained, read_until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("moment", [is_queued, is_trained])
def test_after_a_kill_the_next_call_goes_on(three: Project, moment: Callable[[Project], bool]) -> None:
    shutil.rmtree(three.folder / ".dvc" / "tmp" / "cxr" / "checkpoints", ignore_errors=True)
    with begin(three) as study:
        wait_until(lambda: moment(three))
        study.kill()
    assert three.ok("git", "status", "--short") == WORK_TREE
    with begin(three) as again:
        told = read_until(again, ": begun\n")
        os.killpg(again.pid, signal.SIGTERM)
        told += again.communicate(timeout=120)[1]
    if moment is is_trained:
        # The worker goes on without its study: its first runs may have ended by now.
        assert re.search("^stopped what an earlier study had left at work: .*three", told, re.MULTILINE)
    assert told.strip().splitlines()[-1] == "error: interrupted; run it again to go on"
    # A worker that the killed study was just starting may come up after the stop; it finds nothing and goes.
    wait_until(lambda: not at_work(three.folder), seconds=60)
    check_nothing_is_left(three)


def test_a_dead_worker_is_told_and_its_run_goes_on_later(three: Project) -> None:
    shutil.rmtree(three.folder / ".dvc" / "tmp" / "cxr" / "checkpoints", ignore_errors=True)
    with begin(three) as study:
        wait_until(lambda: is_trained(three))
        (worker,) = [process for process in at_work(three.folder) if "queue-worker" in words(process)]
        worker.kill()
        told = study.communicate(timeout=120)[1].strip().splitlines()[-1]
    assert told == "error: DVC's queue worker died at one; run it again to go on"
    check_nothing_is_left(three)
