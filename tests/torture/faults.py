"""All fault classes, and how the cases of one are made in a process of its own."""

import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tqdm import tqdm

from cxr.machine import peak_memory_mib
from tests.torture import attacks, downloads, inputs, kills, long, together, transfers
from tests.torture.case import Case, Fault, run

PARTS = (attacks, downloads, inputs, kills, transfers, together, long)
FAULTS: dict[str, Fault] = {name: fault for part in PARTS for name, fault in part.FAULTS.items()}


def isolated(numbers: dict[str, list[int]], seed: int) -> tuple[list[Case], float]:
    """Cases by fault class and number, made in a process of their own, and its peak memory in MiB."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_silence) as process:
        made = [process.submit(_made, name, number, seed) for name in numbers for number in numbers[name]]
        cases = [future.result() for future in tqdm(made, unit="case", disable=None, leave=False)]
        return cases, process.submit(_peak).result()


def _silence() -> None:
    """What the cases themselves print is not the table."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _made(name: str, number: int, seed: int) -> Case:
    return run(name, FAULTS[name], number, seed)


def _peak() -> float:
    """Largest resident memory of this process so far, in MiB: of it alone, where Linux tells it.

    The figure of getrusage is no less than what the process had that started it.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:
        return peak_memory_mib()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
