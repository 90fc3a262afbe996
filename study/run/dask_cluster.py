"""A Dask cluster as the engine of a study: each run a task (dask_task.py), wherever a worker is free.

What a task makes comes back over the Git remote and the DVC remote: nothing but names and parameters passes through
Dask.
"""

import hashlib
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from distributed import Client, Future, KilledWorker, wait
from tqdm import tqdm

from cxr.errors import UserError
from study import experiments, share
from study.commands import git
from study.run.baseline import Baseline
from study.run.dask_task import PROGRESS, RUNNER, Task, stop_event, work
from study.run.engine import State

if TYPE_CHECKING:
    from study.run.grid import Run

# Seconds in which a run that is told to stop has to have stopped.
PATIENCE = 40.0


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
            stop_event(task.key, self.client).clear()
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
            stop_event(future.key, self.client).set()
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


def _told(error: BaseException | None) -> str:
    if isinstance(error, KilledWorker):
        return "every worker that was at it died"
    if isinstance(error, ModuleNotFoundError):
        return f"its worker does not know {error.name}; start workers in a clone of the project (docs/cluster.md)"
    return " ".join(str(error).split()) or type(error).__name__
