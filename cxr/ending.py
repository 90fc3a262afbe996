"""How a command ends: well, with one line of what a user can put right, or soon after a signal asks it to."""

import atexit
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from cxr import guard
from cxr.errors import UserError

# Ctrl-C; what `kill` and schedulers send; a terminal that is closed.
ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Seconds that a command has to end in order once it is asked to.
PATIENCE = 30.0


class StoppedError(SystemExit):
    """Asked to end by a signal other than Ctrl-C, with the exit code that a shell gives to such an end."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal = signal.Signals(number)


def run(command: Callable[[], None]) -> None:
    """Run a command; a UserError becomes one line on stderr and exit code 1.

    Asked to end, it does by an exception, which puts things in order on its way out. That way is gone once: a second
    Ctrl-C does not break it off. After PATIENCE seconds SIGALRM ends the process, wherever it is stuck.
    """
    # Python's last search for garbage would go through all that was imported: a quarter of what a short command takes.
    atexit.register(gc.freeze)
    _listen()
    try:
        with _guarded(), _nothing_lost():
            command()
    except UserError as error:
        sys.exit(f"error: {error}")
    except (Exception, KeyboardInterrupt, StoppedError) as error:
        asked, failed = _asked_by(error)
        if not asked:
            raise
        how = f"stopped by {asked.signal.name}" if isinstance(asked, StoppedError) else "interrupted"
        then = f", and then {type(failed).__name__}: {' '.join(str(failed).split())}" if failed else ""
        with suppress(OSError):  # its terminal may be closed
            print(f"error: {how}{then}; run it again to go on", file=sys.stderr)
        if isinstance(asked, StoppedError):
            raise asked from None
        sys.exit(1)


def _asked_by(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """What asked this process to end, where an exception is that or came of it, and what failed after that.

    Native code may put an error of its own in its place, and names it as the cause: NumPy says ValueError of the buffer
    of which it was just finding out the type, whatever had cut that short. What fails while things are put in order has
    it as its context alone.
    """
    seen: BaseException | None = error
    failed = None
    while seen and not isinstance(seen, KeyboardInterrupt | StoppedError):
        if not seen.__cause__:
            failed = failed or seen
        seen = seen.__cause__ or seen.__context__
    return seen, failed


@contextmanager
def put_off() -> Iterator[threading.Event]:
    """While the block runs, what asks this process to end sets an event and nothing else; then it acts as before.

    For a block that looks at the event often, and takes as long as it takes to end in order.
    """
    asked = threading.Event()
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in _heard()}
    descriptor = signal.set_wakeup_fd(-1)
    try:
        yield asked
    finally:
        signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
        for number, handler in before.items():
            signal.signal(number, handler)


def _heard() -> list[signal.Signals]:
    """The signals that ask this process to end. Ignored is what `nohup` has asked for."""
    return [number for number in ASKING if signal.getsignal(number) is not signal.SIG_IGN]


def _listen() -> None:
    for number in _heard():
        signal.signal(number, _end)


def _end(number: int, _: object) -> NoReturn:
    """End by an exception; where it gets stuck, by SIGALRM.

    Raised in the midst of TensorFlow's code, it leaves a lock taken there for which its own way out then waits.
    """
    for heard in _heard():
        # Not SIG_IGN, which every process that is started to put things in order would inherit.
        signal.signal(heard, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise StoppedError(number)


@contextmanager
def _nothing_lost() -> Iterator[None]:
    """While the block runs, an end asked for within a finaliser is asked for anew once that has returned.

    From there, as from a callback of a weak reference, no exception goes any further: TensorFlow's own code runs some
    in each epoch. Python tells its hook of it, and goes on.
    """
    before = sys.unraisablehook

    def told(lost: "sys.UnraisableHookArgs") -> None:
        error = lost.exc_value
        if not isinstance(error, KeyboardInterrupt | StoppedError):
            before(lost)
            return
        _listen()
        number = error.signal if isinstance(error, StoppedError) else signal.SIGINT
        threading.Timer(0.01, os.kill, [os.getpid(), number]).start()

    sys.unraisablehook = told
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def _guarded() -> Iterator[None]:
    """While the block runs, a process stands by that ends this one PATIENCE seconds after a signal asked it to.

    Python runs `_end` between two of its own steps. Native code that is stuck, and holds the interpreter's lock as
    vl_convert does, lets it take none, in no thread. Only the signal's number is written to a pipe all the same.
    """
    command = [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), str(PATIENCE)]
    nowhere = subprocess.DEVNULL
    try:
        # In a session of its own Ctrl-C in the terminal does not end it.
        standing_by = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, bufsize=0, start_new_session=True
        )
    except OSError:
        # No memory or no process is left for it: then without.
        yield
        return
    with standing_by:
        assert standing_by.stdin
        os.set_blocking(standing_by.stdin.fileno(), False)
        signal.set_wakeup_fd(standing_by.stdin.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            standing_by.kill()


_held = threading.local()


def _hold() -> None:
    """Let signals wait while a worker of a pool is forked: what that is told is not for this process's pipe."""
    _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _held.mask)


def _begin_child() -> None:
    signal.set_wakeup_fd(-1)
    if asked := signal.sigpending().intersection(_heard()):
        # It has begun nothing; an exception here would be lost.
        os._exit(128 + min(asked))
    _release()


os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_begin_child)
