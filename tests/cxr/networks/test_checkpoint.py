import contextlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr.networks import checkpoint

HISTORY = [{"epoch": epoch, "loss": 0.1 + epoch / 3, "val_loss": 1e-7} for epoch in (1, 2)]
VARIABLES = [
    np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32),
    np.array(7, np.int64),
    np.array([1, 2**32 - 1], np.uint32),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "state.npz"
    checkpoint.write(path, HISTORY, iter(VARIABLES))
    return path


def assert_as_written(path: Path) -> None:
    read = checkpoint.read(path)
    assert read.history == HISTORY
    found = list(read.variables)
    assert len(found) == len(VARIABLES)
    for one, two in zip(found, VARIABLES, strict=True):
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)


def test_it_gives_back_what_was_written(path: Path) -> None:
    assert_as_written(path)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_is_told_or_has_changed_nothing(path: Path, data: st.DataObject) -> None:
    """A changed byte or a missing end: never other values, and never another kind of error."""
    content = bytearray(path.read_bytes())
    damaged = path.with_name("damaged.npz")
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[at] ^= data.draw(st.integers(1, 255))
    else:
        del content[at:]
    damaged.write_bytes(content)
    with contextlib.suppress(checkpoint.DamagedError):
        assert_as_written(damaged)


def test_every_changed_byte_is_told_or_has_changed_nothing(path: Path) -> None:
    """The archive's directory, where zipfile's checksums do not reach, byte by byte and bit by bit."""
    content = path.read_bytes()
    damaged = path.with_name("damaged.npz")
    for at in range(content.index(b"PK\x01\x02"), len(content)):
        for bit in range(8):
            damaged.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
            with contextlib.suppress(checkpoint.DamagedError):
                assert_as_written(damaged)


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)

    path = tmp_path / "state.npz"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(checkpoint.DamagedError):
        checkpoint.read(path)
    checkpoint.write(path, HISTORY, [])
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        checkpoint.write(path, HISTORY, [np.array([Trap()], object)])
    assert not (tmp_path / "sprung").exists()
