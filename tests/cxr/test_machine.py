from pathlib import Path

import psutil
import pytest

from cxr import machine


def test_peak_memory_holds_what_was_held_once() -> None:
    held = b"\1" * (100 * 2**20)
    del held
    assert 100 < machine.peak_memory_mib() < 100_000


def test_free_memory_is_the_machines_or_what_a_container_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "CONTAINER_LIMITS", [limit, tmp_path / "missing"])
    limit.write_text("max\n")
    assert 0 < machine.free_memory() < psutil.virtual_memory().total
    limit.write_text(f"{psutil.Process().memory_info().rss + 2**26}\n")
    assert 0 < machine.free_memory() <= 2**27
    limit.write_text("1\n")
    assert machine.free_memory() == 0
