"""The speeds are measured with either backend of Keras."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bench import training
from bench.ways import LEADS, WAYS
from tests.conftest import ON_JAX, ROOT

# Next to nothing, of a way that is for JAX alone and one that is for TensorFlow alone.
MEASURE = """
from bench import floor, training
machine = floor.measure([(4, 2, 2)], n_floats=1000, times=2)
network = training.Network("reference", "residual-2", 8)
ways = ["notebook", "ours, images on the device"]
print(training.measure([network], ways, seconds_per_turn=0.01, n_images_study=0, machine=machine).to_csv())
"""


def test_the_five_stacks_and_the_reference_network_are_measured() -> None:
    table = pd.DataFrame(training.networks())
    assert table["run"].tolist() == [*(f"layers-{i}" for i in range(1, 6)), "reference"]
    assert table["size"].tolist() == [224] * 5 + [112]
    assert table["layers"].iloc[-1] == "residual-24-48-96-192"


def test_what_is_tensorflows_or_of_stacks_alone_is_left_out_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "resolve_precision", lambda precision: "bfloat16")
    assert training._worth_trying(WAYS, "C-P-F-D") == list(WAYS)
    assert training._worth_trying(WAYS, "residual-2") == ["ours", "torch_float32", "torch_bfloat16"]
    monkeypatch.setattr(training.keras.backend, "backend", lambda: "jax")
    assert training._worth_trying(WAYS, "C-P-F-D") == ["ours", "torch_float32", "torch_bfloat16"]
    leads = ["ours, images on the device", "ours, no dropout", "ours, float32"]
    assert training._worth_trying(LEADS, "C-P-F-D") == leads


@pytest.mark.slow
def test_the_bench_runs_on_jax_where_there_is_no_tensorflow(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    (tmp_path / "tensorflow.py").write_text("raise ImportError('there is no TensorFlow here')")
    environment = os.environ | ON_JAX | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", MEASURE]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    [row] = pd.read_csv(io.StringIO(printed), index_col=0).to_dict("records")
    assert row["way"] == "ours, images on the device"
    assert row["images_per_second"] > 0
    assert row["share_of_rate"] == row["share_of_floor"] > 0
    assert pd.isna(row["ratio_to_notebook"])
    assert pd.isna(row["peak_memory_mib"])
