"""Commands that are asked to end: at once where they can, in order, and at last whatever they are stuck in."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from cxr import ending
from tests.processes import wait_until, words

ROOT = Path(__file__).parents[2]

COMMAND = """
import ctypes, threading, time
from cxr import ending
from cxr.workers import workers
ending.PATIENCE = 2.0
lock = threading.Lock()
def native():
    # Holds the interpreter's lock, as vl_convert does while it draws, and no signal cuts it short.
    mutex, library = ctypes.create_string_buffer(256), ctypes.PyDLL(None)
    library.pthread_mutex_init(mutex, None)
    library.pthread_mutex_lock(mutex)
    library.pthread_mutex_lock(mutex)
def command():
    with lock:
        try:
            print("begun", flush=True)
            {work}
        finally:
            {way_out}
ending.run(command)
"""


def begin(work: str = "time.sleep(60)", way_out: str = "pass", before: str = "") -> "subprocess.Popen[str]":
    """A command that is at `work`, and on its `way_out` afterwards; `before`: what it does before it loads modules."""
    command = [sys.executable, "-c", before + COMMAND.format(work=work, way_out=way_out)]
    started = subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout
    assert started.stdout.readline() == "begun\n"
    # Between saying so and being at work are a few of Python's own steps.
    time.sleep(0.2)
    return started


def standing_by(process: int) -> list[psutil.Process]:
    """The processes that would end this one."""
    found = [(other, words(other)) for other in psutil.process_iter()]
    return [other for other, told in found if str(process) in told and ending.guard.__file__ in told]


@pytest.mark.parametrize(
    ("number", "work", "way_out", "code"),
    [
        (signal.SIGTERM, "time.sleep(60)", "pass", 143),
        (signal.SIGHUP, "time.sleep(60)", "pass", 129),
        (signal.SIGINT, "time.sleep(60)", "pass", 1),
        (signal.SIGTERM, "time.sleep(60)", "lock.acquire()", -signal.SIGALRM),
        (signal.SIGINT, "time.sleep(60)", "lock.acquire()", -signal.SIGALRM),
        (signal.SIGTERM, "native()", "pass", -signal.SIGALRM),
        (signal.SIGINT, "native()", "pass", -signal.SIGALRM),
    ],
)
def test_a_command_that_is_asked_to_ends_wherever_it_is_stuck(number: int, work: str, way_out: str, code: int) -> None:
    with begin(work, way_out) as started:
        start = time.monotonic()
        started.send_signal(number)
        told = started.communicate(timeout=60)[1]
    assert started.returncode == code
    if code < 0:
        assert told == ""
    else:
        assert time.monotonic() - start < 2
        said = {1: "interrupted", 143: "stopped by SIGTERM", 129: "stopped by SIGHUP"}[code]
        assert told == f"error: {said}; run it again to go on\n"
    wait_until(lambda: not standing_by(started.pid))


@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "stopped by SIGTERM")])
def test_what_native_code_makes_of_an_end_is_that_end(number: int, said: str) -> None:
    """NumPy, cut short while it finds out the type of a buffer, raises ValueError in the place of what came."""
    work = """
        import numpy as np
        class Row(ctypes.Structure):
            _fields_ = [(f"field_{i}", ctypes.c_double) for i in range(100)]
        rows = memoryview((Row * 2)())
        print("at work", flush=True)
        while True:
            np.asarray(rows)
    """
    with begin(f"exec({textwrap.dedent(work)!r})") as started:
        assert started.stdout
        assert started.stdout.readline() == "at work\n"
        time.sleep(0.2)
        started.send_signal(number)
        told = started.communicate(timeout=60)[1]
    assert told == f"error: {said}; run it again to go on\n"


@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "stopped by SIGTERM")])
@pytest.mark.parametrize(
    "last",
    [
        "class Last:\n def __del__(self): time.sleep(60)\nLast()",
        "import weakref\nkept = weakref.ref(last := Event(), lambda _: time.sleep(60))\ndel last",
    ],
    ids=["finaliser", "weak reference"],
)
def test_an_end_asked_for_where_no_exception_gets_out_is_not_lost(last: str, number: int, said: str) -> None:
    with begin(f"exec({last!r}, {{'time': time, 'Event': threading.Event}}); time.sleep(60)") as started:
        start = time.monotonic()
        started.send_signal(number)
        told = started.communicate(timeout=60)[1]
    assert told == f"error: {said}; run it again to go on\n"
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "stopped by SIGTERM")])
def test_what_fails_while_things_are_put_in_order_is_told(number: int, said: str) -> None:
    with begin(way_out="open('in order/of')") as started:
        started.send_signal(number)
        told = started.communicate(timeout=60)[1]
    failed = "FileNotFoundError: [Errno 2] No such file or directory: 'in order/of'"
    assert told == f"error: {said}, and then {failed}; run it again to go on\n"


def test_a_second_ctrl_c_does_not_break_off_the_end() -> None:
    with begin(way_out="print('ending', flush=True); time.sleep(0.3); print('in order', flush=True)") as started:
        started.send_signal(signal.SIGINT)
        assert started.stdout
        assert started.stdout.readline() == "ending\n"
        started.send_signal(signal.SIGINT)
        started.send_signal(signal.SIGTERM)
        said, told = started.communicate(timeout=60)
    assert (said, told, started.returncode) == ("in order\n", "error: interrupted; run it again to go on\n", 1)


def test_a_worker_that_is_ended_leaves_the_command_at_work() -> None:
    one = "next(iter(pool._processes.values()))"
    with begin(f"pool = workers(); pool.submit(time.sleep, 60); {one}.terminate(); time.sleep(2.6)") as started:
        assert started.communicate(timeout=60)[0] == ""
    assert started.returncode == 0


def test_a_worker_that_is_ended_as_it_begins_leaves_the_command_at_work() -> None:
    """What a module registers before is the first that its child does."""
    ends = "import os, signal\nos.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))\n"
    work = "os.fork() or time.sleep(60); print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True); time.sleep(2.6)"
    with begin(work, before=ends) as started:
        assert started.communicate(timeout=60)[0] == "143\n"
    assert started.returncode == 0


def test_what_stands_by_goes_with_the_command_however_that_ends() -> None:
    with begin() as started:
        (guard,) = wait_until(lambda: standing_by(started.pid))
        started.kill()
    guard.wait(30)
    with begin("pass") as started:
        started.communicate(timeout=60)
    assert standing_by(started.pid) == []


def test_what_is_put_off_is_heard_and_later_acts_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with ending.put_off() as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_who_puts_its_end_off_is_not_ended() -> None:
    work = "with ending.put_off() as asked: asked.wait(60); time.sleep(1.5); print('in order', flush=True)"
    with begin(f"exec({work!r})") as started:
        started.send_signal(signal.SIGTERM)
        assert started.communicate(timeout=60)[0] == "in order\n"
    assert started.returncode == 0


def interrupted_as_it_loads(command: list[str], folder: Path) -> tuple[int, str]:
    """Exit code and all that a module's command says that gets Ctrl-C while it loads its first library."""
    for name in ("numpy", "pandas", "ruamel"):
        (folder / f"{name}.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(60)\n")
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as started:
        assert started.stdout
        assert started.stdout.readline() == "loading\n"
        started.send_signal(signal.SIGINT)
        said = started.communicate(timeout=30)[0]
    return started.returncode, said


@pytest.mark.parametrize("command", ["stages.train", "stages.check", "study.table", "study.run"])
def test_ctrl_c_while_a_command_loads_ends_it_without_a_traceback(command: str, tmp_path: Path) -> None:
    assert interrupted_as_it_loads([command], tmp_path) == (-signal.SIGINT, "")


def test_ctrl_c_while_the_command_that_predicts_loads_is_one_line(tmp_path: Path) -> None:
    said = interrupted_as_it_loads(["cxr.predict", "no.keras", "no.png"], tmp_path)
    assert said == (1, "error: interrupted; run it again to go on\n")


def test_who_imports_stages_and_studies_hears_ctrl_c_as_before() -> None:
    code = "import signal, stages, study; assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        check=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
