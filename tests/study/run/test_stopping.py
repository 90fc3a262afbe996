"""A study that is stopped, at whatever moment: nothing stays at work, and the next call goes on."""

import os
import re
import shutil
import signal
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.conftest import Project
from tests.processes import at_work, wait_until
from tests.study.run.conftest import (
    COMMAND,
    RUNS,
    begin,
    check_no_work_is_left,
    check_nothing_is_left,
    finished,
    holding_the_lock,
    is_begun,
    is_queued,
    is_set_up,
    is_trained,
    queue,
    read_until,
    stopped_when,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("moment", [is_queued, is_begun])
def test_ctrl_c_leaves_nothing_at_work(three: Project, moment: Callable[[Project], bool]) -> None:
    shutil.rmtree(three.folder / ".dvc" / "tmp" / "cxr" / "checkpoints", ignore_errors=True)
    stopped_when(three, moment)
    check_nothing_is_left(three)


def test_a_second_study_says_who_is_at_work_and_stops(three: Project) -> None:
    # As a worker leaves it that is killed while it writes: the first is not kept from its work.
    (three.folder / ".dvc" / "tmp" / "exps" / "rwlock").write_text("")
    with begin(three) as study:
        wait_until(lambda: is_set_up(three))
        second = three.run(*COMMAND)
        assert study.poll() is None
        os.killpg(study.pid, signal.SIGINT)
        study.communicate(timeout=120)
    assert second.returncode == 1
    assert re.search(
        rf"^error: three\.yaml is at work in this folder \(process {study.pid}, since 2\d\d\d-[\d :-]+\);",
        second.stderr.splitlines()[-1],
    )
    check_nothing_is_left(three)


def test_somebody_elses_run_in_the_queue_goes_on(three: Project) -> None:
    three.ok("dvc", "exp", "run", "--queue", "-q", "-n", "mine", "-S", "train.learning_rate=0.004")
    stopped_when(three, is_set_up)
    told = queue(three)
    assert not any(name in told for name in RUNS)
    wait_until(lambda: "mine" in finished(three))
    # The worker ends when it has found nothing to do for a while.
    wait_until(lambda: not at_work(three.folder))


def test_it_waits_for_a_worker_that_has_dvcs_lock_as_it_takes_up_a_run(three: Project) -> None:
    with ExitStack() as held:

        def is_locked(project: Project) -> bool:
            return is_begun(project) and bool(held.enter_context(holding_the_lock(project, seconds=2)))

        stopped_when(three, is_locked)
    check_nothing_is_left(three)


def test_the_next_call_goes_on_at_the_last_epoch_and_repeats_no_finished_run(three: Project) -> None:
    shutil.rmtree(three.folder / ".dvc" / "tmp" / "cxr" / "checkpoints", ignore_errors=True)
    assert "0 of 3 runs finished before\n" in stopped_when(three, is_trained)
    check_nothing_is_left(three)

    with begin(three) as study:
        read_until(study, "one: done in ")
        os.killpg(study.pid, signal.SIGINT)
        study.communicate(timeout=120)
    check_no_work_is_left(three)
    log = three.ok("dvc", "queue", "logs", "one")
    assert "epoch 40/40" in log
    assert "epoch 1/40" not in log
    assert "one" in finished(three)
