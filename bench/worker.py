"""One way of training in a process of its own, driven from outside, so that ways can take turns.

`python -m bench.worker WAY NETWORK IMAGES` reads a number of batches per line, answers with their seconds as JSON, and
at the end of its input with its largest resident memory in MiB.
"""

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench.networks import PROJECT
from bench.ways import ALL
from cxr.errors import UserError

# What cxr.networks.backend sets for our own way is not to reach the others through the environment; but that a process
# leaves memory of the GPU to others holds for all that take turns.
OURS_ALONE = {"TF_DETERMINISTIC_OPS", "TF_ENABLE_ONEDNN_OPTS"}


class Worker:
    """A process that trains one network one way; `train` lets it go on for some batches."""

    def __init__(self, way: str, network: str, images: Path, n_warm_up: int = 3) -> None:
        environment = {key: value for key, value in os.environ.items() if key not in OURS_ALONE}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker", way, network, str(images.resolve())],
            cwd=PROJECT,
            env=environment | {"TF_CPP_MIN_LOG_LEVEL": "3", **ALL[way].environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.train(n_warm_up)

    def train(self, n_batches: int) -> list[float]:
        """Seconds of each batch but the first."""
        assert self.process.stdin
        self.process.stdin.write(f"{n_batches}\n")
        self.process.stdin.flush()
        return list(self._answer())

    def stop(self) -> float:
        """Ends the process; its largest resident memory in MiB."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        peak = float(self._answer())
        self.process.stdout.close()
        self.process.wait()
        return peak

    def _answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise UserError(f"a measured process ended early, with {self.process.wait()}: is the memory enough?")
        return json.loads(line)


def main() -> None:
    way, network, images = sys.argv[1:]
    n_images = len(np.load(images, mmap_mode="r"))
    labels = np.random.default_rng(0).integers(0, 2, n_images).astype(np.uint8)
    train = ALL[way].trainer(network, Path(images), labels)
    for line in sys.stdin:
        print(json.dumps(train(int(line))), flush=True)
    print(peak_memory_mib(), flush=True)


def peak_memory_mib() -> float:
    """Largest resident memory of this process, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux' other figure, of getrusage, begins with what the process had taken that started this one.
        [kib] = re.findall(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE)
        return int(kib) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()
