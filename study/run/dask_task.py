"""A run as the task of a Dask worker: `python -m study.one` in the folder where the worker was started, a clone."""

import hashlib
import json
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distributed import Client, Event, get_worker

from stages import project
from study.commands import environment
from study.run import preparation

# What a task starts, seen from the folder of its worker.
RUNNER = "study/one.py"
# The topic under which it tells how far it is.
PROGRESS = "cxr-progress"
# Seconds between two looks at its process.
POLL = 1.0


@dataclass(frozen=True)
class Task:
    """All that a worker must know of a run, in plain values.

    `author` and `email`: whose experiment it is, in Git's words.
    """

    name: str
    overrides: dict[str, Any]
    is_images: bool
    address: str
    commit: str
    author: str
    email: str

    @property
    def key(self) -> str:
        """The same for the same work, so that a study finds again what an earlier one has begun."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return f"cxr-{self.name}-{digest[:16]}"


def stop_event(key: str, client: Client | None = None) -> Event:
    """The event that tells the task of this key to stop; `client`: by default that of the worker that asks."""
    return Event(f"{key}-stop", client)


def work(task: Task) -> str:
    """At a worker: run one experiment in a process of its own; why it failed, nothing where it is done.

    The process holds on to this one by its standard input: when this one dies, it stops.
    """
    stop = stop_event(task.key)
    who = {f"GIT_{role}_{field}": value for role in ("AUTHOR", "COMMITTER") for field, value in _ident(task)}
    log = project.scratch("logs") / f"{task.name}.log"
    with tempfile.TemporaryDirectory() as folder, log.open("ab") as said:
        start = said.tell()
        study = Path(folder) / "study.json"
        name = task.name.removesuffix(preparation.SUFFIX)
        study.write_text(json.dumps({"runs": {name: task.overrides}}))
        command = [sys.executable, "-m", "study.one", str(study), name, "--from", task.address, "--at", task.commit]
        with subprocess.Popen(
            [*command, "--until-closed", *(["--only-images"] if task.is_images else [])],
            env=environment() | who,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            start_new_session=True,
        ) as process:
            while process.poll() is None:
                get_worker().log_event(PROGRESS, [task.name, _progress(_since(log, start))])
                if stop.wait(POLL):
                    break
            # Left, the block closes its standard input and waits for its end.
    return "" if process.returncode == 0 else _reason(process.returncode, _since(log, start), name)


def _ident(task: Task) -> list[tuple[str, str]]:
    return [("NAME", task.author), ("EMAIL", task.email)]


def _since(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace")


def _progress(said: str) -> str:
    """Where a run stands: its epoch, or its stage."""
    return next(reversed(re.findall(r"epoch \d+/\d+|(?<=Running stage ')\w+", said)), "begun")


def _reason(code: int, said: str, name: str) -> str:
    """What the last line says, which study.one begins with its own name and that of the run."""
    if code < 0:
        return f"its process was ended by {signal.Signals(-code).name}"
    lines = said.strip().splitlines() or [f"exit code {code}"]
    return lines[-1].removeprefix("error: ").removeprefix(f"{name}: ")
