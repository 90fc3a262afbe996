"""Facts of the machine: its processor, its first GPU, the memory taken and free."""

import re
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

# Of memory, in bytes, under cgroup 2 and 1.
CONTAINER_LIMITS = [Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")]


def peak_memory_mib() -> float:
    """Largest resident memory of this process so far, in MiB."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, and of its container where that has a limit."""
    free = [psutil.virtual_memory().available]
    for path in CONTAINER_LIMITS:
        # No file, or the word max: no limit.
        with suppress(OSError, ValueError):
            free.append(int(path.read_text()) - psutil.Process().memory_info().rss)
    return max(min(free), 0)


def gpu_field(name: str) -> str:
    """A field of the first GPU that nvidia-smi reports, or an empty string."""
    command = ["nvidia-smi", f"--query-gpu={name}", "--format=csv,noheader", "--id=0"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def cpu_field(name: str) -> str:
    """A field of the first processor in /proc/cpuinfo, or an empty string."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
    match = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    return match.group(1) if match else ""
