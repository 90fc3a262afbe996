"""What is shared among processes comes back in order, and is not asked for long before it is needed."""

import signal
from collections.abc import Iterator

import pytest

from cxr import workers


def test_blocks_hold_all_items_in_order() -> None:
    assert list(workers.blocks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(workers.blocks([], 2)) == []


def test_results_come_in_order_and_items_are_taken_as_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "N_TASKS_AHEAD", 3)
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(-20, 0):
            taken.append(number)
            yield number

    with workers.workers() as pool:
        results = workers.in_order(pool, abs, items())
        assert next(results) == 20
        assert len(taken) == 4
        assert list(results) == list(range(19, 0, -1))


def test_the_first_failure_in_order_is_raised() -> None:
    with workers.workers() as pool, pytest.raises(ValueError, match="'two'"):
        list(workers.in_order(pool, int, ["1", "two", "three"]))


def test_ctrl_c_is_for_the_command_and_not_for_its_workers() -> None:
    with workers.workers() as pool:
        assert pool.submit(signal.getsignal, signal.SIGINT).result() is signal.SIG_IGN
