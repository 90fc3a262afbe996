"""Workers of a Dask cluster: which GPU each has, and the loss of the last."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr.errors import UserError
from tests.conftest import ROOT

pytest.importorskip("distributed")
dask_client = pytest.importorskip("study.run.dask_client")

# In processes of their own: a client leaves sockets behind, of which a later test would be told.
# The GPU of each worker of a local cluster of two.
ASKS_WORKERS = """
import os
from study.run import dask_client
def asked():
    return os.environ["CUDA_VISIBLE_DEVICES"]
if __name__ == "__main__":
    with dask_client.connected(None, 2) as client:
        client.wait_for_workers(2)
        gpus = client.run(asked)
        assert all(worker["resources"] == {"GPU": 1} for worker in client.scheduler_info()["workers"].values())
        print(*sorted(gpus.values()))
"""
# A cluster whose only worker was started elsewhere, and then goes while a run waits for it.
LOSES_ITS_WORKER = """
import sys
from cxr.errors import UserError
from study.run import dask_client, dask_cluster
from study.run.baseline import Baseline
if __name__ == "__main__":
    with dask_client.connected(None, 1) as client:
        client.wait_for_workers(1)
        engine = dask_cluster.DaskCluster(client, Baseline("0" * 40, "0" * 40), [], "origin")
        try:
            engine.start([], 1)
        except UserError as error:
            print(error, file=sys.stderr)
        engine.futures["one"] = client.submit(abs, 1, resources={"GPU": 1})
        engine.states({"one"})
        client.retire_workers()
        for _ in range(2):
            print(engine.states({"one"}), file=sys.stderr)
"""


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program in the place of nvidia-smi that lists what it is given."""

    def put(listed: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{listed}\nEND\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return put


@pytest.mark.parametrize(
    ("listed", "left", "gpus"),
    [
        # One GPU, of which the name ends as every line begins.
        ("GPU 0: NVIDIA GeForce RTX 3060 Laptop GPU (UUID: GPU-a)", None, ["0"]),
        (
            "GPU 0: H100 (UUID: GPU-a)\n  MIG 1g.10gb Device 0: (UUID: MIG-b)\nGPU 1: H100",
            None,
            ["0", "1"],
        ),
        # Those that a batch system has left to this process.
        ("GPU 0: A\nGPU 1: A\nGPU 2: A\nGPU 3: A", "2, 3", ["2", "3"]),
        ("GPU 0: A\nGPU 1: A", "GPU-8f,MIG-7c/1/0", ["GPU-8f", "MIG-7c/1/0"]),
        ("GPU 0: A\nGPU 1: A", "1,-1,0", ["1"]),
        ("GPU 0: A\nGPU 1: A", "", []),
        ("No devices found.", "0", []),
    ],
)
def test_the_gpus_of_a_local_cluster_are_those_that_this_process_may_use(
    listed: str, left: str | None, gpus: list[str], nvidia_smi: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    nvidia_smi(listed)
    if left is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", left)
    assert dask_client._gpus() == gpus


def test_more_workers_than_gpus_is_one_line(nvidia_smi: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi("GPU 0: A\nGPU 1: A")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with pytest.raises(UserError, match=r"^2 workers want a GPU each, and there are 1 for this study$"):
        dask_client._local(2)


@pytest.mark.slow
def test_each_worker_of_a_local_cluster_has_a_gpu_of_its_own(nvidia_smi: Callable[[str], None], tmp_path: Path) -> None:
    nvidia_smi("GPU 0: A\nGPU 1: A\nGPU 2: A")
    code = tmp_path / "ask.py"
    code.write_text(ASKS_WORKERS)
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "2,1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["1", "2"], done.stderr


@pytest.mark.slow
def test_a_worker_outside_of_the_project_and_the_loss_of_the_last_are_told(tmp_path: Path) -> None:
    code = tmp_path / "lose.py"
    code.write_text(LOSES_ITS_WORKER)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    elsewhere, lost, *waiting = done.stderr.splitlines()
    assert re.fullmatch(r"start tcp://127\.0\.0\.1:\d+ in a clone of the project \(docs/cluster\.md\)", elsewhere)
    assert lost == "the cluster has lost its last worker; runs go on when one comes"
    # Then Dask tells that it ends.
    assert waiting[:2] == ["{'one': <State.QUEUED: 'queued'>}"] * 2
