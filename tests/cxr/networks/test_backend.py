import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.networks import backend
from tests.conftest import ROOT


def test_what_keras_is_made_of_is_not_collected_and_all_else_is() -> None:
    assert gc.get_freeze_count() > 100_000
    assert gc.isenabled()


def test_what_keras_is_loaded_without_can_be_loaded_later() -> None:
    """In a process of its own: another test may have loaded it before."""
    code = """
import sys
from cxr.networks import backend
assert backend.UNUSED == {"jax", "matplotlib", "sklearn"}, backend.UNUSED
assert not backend.UNUSED & sys.modules.keys()
import jax, matplotlib.pyplot, sklearn.metrics
"""
    variables = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    subprocess.run([sys.executable, "-c", code], env=variables, cwd=ROOT, check=True)


def install_gpu(folder: Path, monkeypatch: pytest.MonkeyPatch, compute_capability: str) -> None:
    """Let Keras see a GPU, and nvidia-smi report it."""
    tool = folder / "nvidia-smi"
    tool.write_text(
        f'#!/bin/sh\ncase "$*" in *compute_cap*) echo {compute_capability};; *) echo "Example GPU";; esac\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setattr(backend, "gpus", lambda: ["gpu:0"])


@pytest.mark.parametrize(
    ("compute_capability", "precision"), [("7.5", "float32"), ("8.0", "bfloat16"), ("9.0", "bfloat16")]
)
def test_a_gpu_gets_bfloat16_from_ampere_on(
    compute_capability: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_gpu(tmp_path, monkeypatch, compute_capability)
    assert backend.resolve_precision("auto") == precision
    assert backend.device() == "gpu:0 (Example GPU)"


def test_a_gpu_that_tells_nothing_is_taken_for_an_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "gpus", lambda: ["gpu:0"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert backend.resolve_precision("auto") == "float32"
    assert backend.device() == "gpu:0 (unknown)"


@pytest.mark.parametrize(
    ("flags", "precision"), [("sse avx2 fma", "float32"), ("avx512f avx512_bf16", "bfloat16"), ("amx_bf16", "bfloat16")]
)
def test_a_processor_gets_bfloat16_where_it_has_it(flags: str, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "gpus", list)
    monkeypatch.setattr(backend, "cpu_field", {"flags": flags, "model name": "Example CPU"}.__getitem__)
    assert backend.resolve_precision("auto") == precision
    assert backend.resolve_precision("float32") == "float32"
    assert backend.device() == "cpu (Example CPU)"


@pytest.mark.parametrize(
    ("flags", "dtype", "is_slow"),
    [
        ("sse avx2 fma", "float32", True),
        ("sse avx2 fma", "bfloat16", False),
        ("avx2 avx512f", "float32", False),
        ("", "float32", False),
    ],
)
def test_kernel_gradients_are_slow_in_float32_with_avx2_alone(
    flags: str, dtype: str, is_slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "gpus", list)
    monkeypatch.setattr(backend, "cpu_field", {"flags": flags}.__getitem__)
    assert backend.has_slow_kernel_gradients(dtype) == is_slow
    monkeypatch.setattr(backend, "gpus", lambda: ["gpu:0"])
    assert not backend.has_slow_kernel_gradients(dtype)
