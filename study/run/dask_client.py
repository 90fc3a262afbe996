"""The client of a Dask cluster: of one that is there, or of workers on this machine."""

import logging
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

from distributed import Client, Nanny, Scheduler, SpecCluster

from cxr.errors import UserError

LOOPBACK = "127.0.0.1"


@contextmanager
def connected(scheduler: str | None, n_workers: int) -> Iterator[Client]:
    """A client of the scheduler at this address, or of a cluster of so many workers on this machine while it runs."""
    # What Dask has to say in many lines is said here in one.
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if scheduler:
        try:
            client = Client(scheduler, timeout="10s")
        except (OSError, TimeoutError, ValueError) as error:
            raise UserError(f"no Dask scheduler answers at {scheduler}: {' '.join(str(error).split())}") from None
        with client:
            yield client
        return
    with _local(n_workers) as cluster, Client(cluster) as client:
        yield client


def _local(n_workers: int) -> SpecCluster:
    """A scheduler and workers on the loopback, each for one run at a time and, where there are GPUs, with one."""
    gpus = _gpus()
    if 0 < len(gpus) < n_workers:
        raise UserError(f"{n_workers} workers want a GPU each, and there are {len(gpus)} for this study")
    # Its HTTP pages too on the loopback, at a free port.
    quiet = {"host": LOOPBACK, "dashboard": False, "dashboard_address": f"{LOOPBACK}:0"}
    common = {**quiet, "nthreads": 1, "memory_limit": None, "silence_logs": "CRITICAL"}

    def with_gpu(number: int) -> dict[str, Any]:
        return {"env": {"CUDA_VISIBLE_DEVICES": gpus[number]}, "resources": {"GPU": 1}} if gpus else {}

    workers = {number: {"cls": Nanny, "options": common | with_gpu(number)} for number in range(n_workers)}
    scheduler = {"cls": Scheduler, "options": {**quiet, "port": 0}}
    # Ctrl-C in the terminal is for the study, which then stops things in order: what is started while it is ignored
    # ignores it.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return SpecCluster(workers=workers, scheduler=scheduler, silence_logs="CRITICAL")
    finally:
        signal.signal(signal.SIGINT, before)


def _gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES calls each GPU of this machine, or each of those that it leaves to this process."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    # A GPU's own name may end in GPU too.
    numbers = [str(number) for number in range(len(re.findall("^GPU ", listed, re.MULTILINE)))]
    left = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not numbers or left is None:
        return numbers
    # As CUDA reads it: the first word that is no GPU, such as -1, ends the list.
    return list(takewhile(re.compile(r"\d+|(GPU|MIG)-\S+").fullmatch, map(str.strip, left.split(","))))
