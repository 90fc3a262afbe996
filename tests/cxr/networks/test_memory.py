from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from cxr.errors import UserError
from cxr.networks import memory, network
from cxr.networks.backend import keras
from tests.cxr.networks.conftest import model_params


def build(architecture: str = "stack", filters: tuple[int, ...] = (4, 6)) -> keras.Model:
    params = model_params(architecture=architecture, layers="C-P-C-F-D", filters=list(filters), dense_units=5)
    return network.build(params, 8, precision="bfloat16", seed=0)


def test_what_a_small_network_needs_can_be_counted_by_hand() -> None:
    n_weights = (9 * 3 * 4 + 4) + (9 * 4 * 4 + 4) + (4 * 4 * 4 * 5 + 5) + (5 + 1)
    gradients = 2 * (n_weights - 6) + 4 * 6  # the logit is computed in float32
    kept = 2 * (8 * 8 * 1 + 8 * 8 * 4 + 4 * 4 * 4 + 4 * 4 * 4) + 4 * 5
    assert memory.least_bytes(build(), 32) == 12 * n_weights + gradients + 32 * kept
    assert memory.least_bytes(build(), 1) == 16 * n_weights


def test_a_layer_may_have_several_inputs() -> None:
    image = keras.Input((4, 3))
    mixed = keras.layers.MultiHeadAttention(num_heads=1, key_dim=2)(image, keras.layers.Dense(5)(image))
    network = keras.Model(image, mixed)
    n_weights = (3 * 5 + 5) + (3 * 2 + 2) + 2 * (5 * 2 + 2) + (2 * 3 + 3)
    kept = 4 * (4 * 3 + 4 * 5)
    assert memory.least_bytes(network, 32) == 12 * n_weights + 4 * n_weights + 32 * kept


@pytest.mark.parametrize("architecture", ["stack", "residual"])
def test_an_outline_has_the_shapes_and_takes_no_memory(architecture: str) -> None:
    before = psutil.Process().memory_info().rss
    huge = memory.outline(partial(build, architecture, (60_000, 60_000)))
    assert psutil.Process().memory_info().rss - before < 200 * 2**20
    assert memory.least_bytes(huge, 1) > 2**36
    with pytest.raises(UserError, match=r"takes at least .* GiB of memory, and .* are free; choose smaller widths"):
        memory.check(partial(build, architecture, (60_000, 60_000)), 1)


def test_a_network_is_the_same_after_its_outline() -> None:
    before = build()
    memory.check(build, 32)
    after = build()
    assert [variable.path for variable in before.weights] == [variable.path for variable in after.weights]
    for one, two in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_on_a_gpu_its_own_memory_counts_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 3 MiB\n")
    tool.chmod(0o755)
    monkeypatch.setattr(memory, "gpus", lambda: ["gpu:0"])
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(UserError, match=r"and 0\.0 GiB are free"):
        memory.check(build, 10_000)
    tool.unlink()
    memory.check(build, 10_000)


def test_memory_that_runs_out_all_the_same_is_one_line() -> None:
    with pytest.raises(UserError, match="the memory was not enough"), memory.one_line_when_exhausted():
        keras.ops.ones((2**24, 2**24))
    with pytest.raises(ZeroDivisionError), memory.one_line_when_exhausted():
        raise ZeroDivisionError
