"""Processes to share work among, one a core."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing.connection import wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Tasks that a pool is given ahead of the results that are taken: all cores have work, and the memory for what waits
# does not grow with the data.
N_TASKS_AHEAD = 256


def workers() -> ProcessPoolExecutor:
    """A pool whose processes end when this one does, however it ends: a killed stage leaves nothing at work."""
    return ProcessPoolExecutor(initializer=_begin)


def blocks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items each; the last may have fewer."""
    remaining = iter(items)
    while block := list(islice(remaining, size)):
        yield block


def in_order(pool: ProcessPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """As `pool.map`, but `items` are taken as the results are, not all at once."""
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > N_TASKS_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for task in waiting:
            task.cancel()


def _begin() -> None:
    """Ctrl-C in a terminal is sent to these processes too, and is for the one that shares out: it ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
