"""A Dask cluster as the engine of a study: each run a task, wherever a worker is free.

A task runs `python -m study.one` in the folder where its worker was started, a clone of the project. What it makes
comes back over the Git remote and the DVC remote: nothing but names and parameters passes through Dask.
"""

import hashlib
import json
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import Client, Event, Future, KilledWorker, Nanny, Scheduler, SpecCluster, get_worker, wait
from tqdm import tqdm

from cxr.errors import UserError
from stages import project
from study import experiments, share
from study.commands import environment, git
from study.run import preparation
from study.run.baseline import Baseline
from study.run.engine import State

if TYPE_CHECKING:
    from study.run.grid import Run

LOOPBACK = "127.0.0.1"
# Seconds between two looks at a run's process, and in which one that is told to stop has to have stopped.
POLL = 1.0
PATIENCE = 40.0
PROGRESS = "cxr-progress"
# What a task starts, seen from the folder of its worker.
RUNNER = "study/one.py"


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

    @property
    def stop(self) -> str:
        """The name of the event that tells it to stop."""
        return f"{self.key}-stop"


class DaskCluster:
    """The engine that works off runs as tasks of a Dask cluster, from what the Git remote at `address` has.

    What a killed study has left at work on the cluster goes on where it is wanted, and is stopped where it is not.
    """

    def __init__(self, client: Client, baseline: Baseline, runs: "list[Run]", address: str) -> None:
        self.client = client
        self.baseline = baseline
        self.address = address
        self.tasks = {run.name: self._task(run) for run in runs}
        self.has_begun = False
        self.has_workers = False
        self.futures: dict[str, Future] = {}
        self.reasons: dict[str, str] = {}
        self.told: dict[str, str] = {}
        client.subscribe_topic(PROGRESS, self._hear)

    def start(self, runs: "list[Run]", n_jobs: int) -> None:
        """Begin the runs; the cluster decides how many at a time."""
        workers = self._workers()
        self.has_workers = bool(workers)
        if not workers:
            print("the cluster has no worker yet; runs begin when one comes", file=sys.stderr)
        # Such a worker would end as it reads its first task, and tell nobody but its log.
        in_clone = self.client.run(os.path.exists, RUNNER, on_error="ignore")
        if elsewhere := sorted(address for address, is_there in in_clone.items() if not is_there):
            raise UserError(f"start {', '.join(elsewhere)} in a clone of the project (docs/cluster.md)")
        if wide := sorted(address for address, worker in workers.items() if worker["nthreads"] > 1):
            raise UserError(f"{', '.join(wide)} would take several runs at a time; start it with --nthreads 1")
        resources = {"GPU": 1} if any(worker["resources"].get("GPU") for worker in workers.values()) else {}
        left = self._left()
        self.has_begun = True
        for run in runs:
            task = self.tasks[run.name] = self._task(run)
            if run.name in left and left[run.name].key == task.key:
                self.futures[run.name] = left[run.name]
                continue
            Event(task.stop, self.client).clear()
            future = self.client.submit(work, task, key=task.key, resources=resources, priority=int(task.is_images))
            # It goes on without this process, and another one finds it.
            self.client.publish_dataset(future, name=self._published(run.name), override=True)
            self.futures[run.name] = future

    def states(self, names: set[str]) -> dict[str, State]:
        states = {name: self._state(name) for name in self.futures if name in names}
        if self.client.status == "running" and not all(state.is_over for state in states.values()):
            had, self.has_workers = self.has_workers, bool(self._workers())
            if had and not self.has_workers:
                tqdm.write("the cluster has lost its last worker; runs go on when one comes", file=sys.stderr)
        return states

    def progress(self) -> dict[str, str]:
        return dict(self.told)

    def stop(self, names: set[str]) -> set[str]:
        if self.client.status != "running":
            # With its scheduler a worker ends, and with the worker its run.
            return set()
        left = {name: future for name, future in self._left().items() if name in names}
        if not self.has_begun:
            # Of an earlier study: what is at work and wanted goes on.
            wanted = {task.key for task in self.tasks.values()}
            left = {name: future for name, future in left.items() if future.done() or future.key not in wanted}
        at_work = {name: future for name, future in left.items() if not future.done()}
        for future in at_work.values():
            Event(f"{future.key}-stop", self.client).set()
        with suppress(TimeoutError):
            # Those that no worker has begun do not wait for one.
            self.client.cancel([future for name, future in at_work.items() if name not in self.told])
            wait([future for name, future in at_work.items() if name in self.told], timeout=PATIENCE)
        for name, future in left.items():
            self.client.unpublish_dataset(self._published(name))
            future.cancel()
            self.futures.pop(name, None)
        return set(at_work)

    def forget(self, names: set[str]) -> None:
        experiments.remove(names)

    def reason(self, name: str) -> str:
        return self.reasons[name]

    def _state(self, name: str) -> State:
        future = self.futures[name]
        if future.status == "pending":
            return State.RUNNING if name in self.told else State.QUEUED
        if name not in self.reasons:
            self.reasons[name] = self._ended(name, future)
        return State.FAILED if self.reasons[name] else State.DONE

    def _ended(self, name: str, future: Future) -> str:
        """Bring what a run has made; why it failed, if so. Raises UserError where the cluster has lost it."""
        match future.status:
            case "finished":
                reason = str(future.result())
            case "error":
                reason = _told(future.exception())
            case _:
                raise UserError("the Dask scheduler is gone; start it and run this again to go on")
        if not reason and not self.tasks[name].is_images:
            head = self.baseline.head
            ref = f"{experiments.EXPERIMENTS}/{head[:2]}/{head[2:]}/{name}"
            try:
                git("fetch", "--quiet", self.address, f"+{ref}:{ref}")
                share.bring([ref], share.IMAGES)
            except UserError as error:
                return f"it is done, and cannot be brought here: {error}"
        return reason

    def _workers(self) -> dict[str, Any]:
        return dict(self.client.scheduler_info(n_workers=-1)["workers"])

    def _left(self) -> dict[str, Future]:
        """All runs of this Git remote that the cluster knows, whoever has begun them."""
        start = self._published("")
        published = [name for name in self.client.list_datasets() if name.startswith(start)]
        return {name.removeprefix(start): self.client.get_dataset(name) for name in published}

    def _published(self, name: str) -> str:
        """The name under which the cluster keeps the future of a run, so that a later study finds it."""
        return f"cxr-{hashlib.sha256(self.address.encode()).hexdigest()[:8]}-{name}"

    def _task(self, run: "Run") -> Task:
        author, _, rest = git("var", "GIT_AUTHOR_IDENT").partition(" <")
        email = rest.partition(">")[0]
        return Task(run.name, run.overrides, bool(run.targets), self.address, self.baseline.head, author, email)

    def _hear(self, event: tuple[float, Any]) -> None:
        name, text = event[1]
        self.told[name] = text


def work(task: Task) -> str:
    """At a worker: run one experiment in a process of its own; why it failed, nothing where it is done.

    The process holds on to this one by its standard input: when this one dies, it stops.
    """
    stop = Event(task.stop)
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


def _told(error: BaseException | None) -> str:
    if isinstance(error, KilledWorker):
        return "every worker that was at it died"
    if isinstance(error, ModuleNotFoundError):
        return f"its worker does not know {error.name}; start workers in a clone of the project (docs/cluster.md)"
    return " ".join(str(error).split()) or type(error).__name__


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
