"""DVC's queue of experiments as the engine of a study: what is put in, taken out and asked of it, and its workers."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo
from dvc.repo.experiments.executor.base import BaseExecutor
from dvc.repo.experiments.queue.base import QueueEntry
from dvc.repo.experiments.queue.tasks import run_exp
from dvc.repo.experiments.utils import get_exp_rwlock

from cxr.errors import UserError
from study import experiments
from study.commands import dvc, environment, error_line
from study.run import processes
from study.run.baseline import Baseline
from study.run.engine import State
from study.run.processes import EXPERIMENTS, WORKER

if TYPE_CHECKING:
    from dvc.repo.experiments.queue.celery import LocalCeleryQueue

    from study.run.grid import Run

# Seconds that a lock of DVC's is waited for, and those between two tries.
LOCK_PATIENCE, POLL = 30.0, 0.2
STATES = {"Queued": State.QUEUED, "Running": State.RUNNING, "Success": State.DONE, "Failed": State.FAILED}
# Workers that have ended so often without having begun a run never will.
MAX_ENDS = 3


class DvcQueue:
    """The engine that works off runs in temporary copies of `baseline`, each one experiment of DVC.

    What somebody else has put into the same queue is worked off beside them, and never stopped.
    """

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline
        self.n_jobs = 0
        self.workers: list[subprocess.Popen[bytes]] = []
        # The states of the runs when workers were last started, and how many times in a row workers have ended since
        # without a change of these.
        self.n_ends, self.found = 0, dict[str, State]()

    def start(self, runs: "list[Run]", n_jobs: int) -> None:
        names = {run.name for run in runs}
        with Repo() as repo:
            queue = repo.experiments.celery_queue
            _forget(queue, {entry.stash_rev for entry in _entries(queue, names)})
            experiments.set_aside(names)
            for run in runs:
                self._enqueue(queue, run)
        self.n_jobs = n_jobs
        self._start_workers()

    def states(self, names: set[str]) -> dict[str, State]:
        # Before the states: a run that no worker was at, and that is running still, has died with its worker.
        is_worked_on = any(processes.workers())
        self._reap()
        try:
            with Repo() as repo:
                # Oldest first: of several runs of a name the newest stays.
                entries = sorted(repo.experiments.celery_queue.status(), key=lambda entry: entry["timestamp"])
        except DvcException as error:
            raise UserError(f"DVC cannot read its queue: {error}; empty it with dvc queue remove --all") from None
        states = {entry["name"]: STATES[entry["status"]] for entry in entries if entry["name"] in names}
        if not is_worked_on:
            if lost := sorted(name for name, state in states.items() if state is State.RUNNING):
                raise UserError(f"DVC's queue worker died at {', '.join(lost)}; run it again to go on")
            if State.QUEUED in states.values():
                self._start_again(states)
        return states

    def progress(self) -> dict[str, str]:
        return {}

    def stop(self, names: set[str]) -> set[str]:
        with Repo() as repo:
            queue = repo.experiments.celery_queue
            # Waiting runs leave the queue first, so that no worker takes one up while the others are ended. A study
            # killed as it queued a run may have left the run's commit in the stash, and no message in the queue.
            waiting = [entry for entry in queue.iter_queued() if entry.name in names]
            stashed = {revision for revision, entry in queue.stash.stash_revs.items() if entry.name in names}
            try:
                _forget(queue, stashed | {entry.stash_rev for entry in waiting})
            finally:
                begun = [entry for entry in queue.iter_active() if entry.name in names]
                processes.end(names)
                self._reap()
            _forget(queue, {entry.stash_rev for entry in begun})
        processes.remove_copies(names)
        experiments.put_back()
        return {entry.name for entry in (*waiting, *begun)}

    def forget(self, names: set[str]) -> None:
        with Repo() as repo:
            queue = repo.experiments.celery_queue
            _forget(queue, {entry.stash_rev for entry in _entries(queue, names)})
        experiments.remove(names)

    def reason(self, name: str) -> str:
        """The error line of the run's log, or the log's last line."""
        try:
            return error_line(dvc("queue", "logs", name)) or "it left no log"
        except UserError as error:
            return str(error)

    def _enqueue(self, queue: "LocalCeleryQueue", run: "Run") -> None:
        """What `dvc exp run --queue` does, but past the work tree.

        There DVC stashes the user's changes, writes params.yaml, stages it and resets all; killed in the midst it
        leaves the parameters of one run where the next study would read them.
        """
        head, root = self.baseline.head, queue.repo.root_dir
        message = queue.stash.format_message(head, baseline_rev=head, name=run.name)
        files = {
            "params.yaml": self.baseline.params_with(run.overrides).encode(),
            # Which experiment a run is, and which stages it runs, its copy reads here.
            f".dvc/tmp/{BaseExecutor.PACKED_ARGS_FILE}": _packed(
                run.targets, {"DVC_EXP_BASELINE_REV": head, "DVC_EXP_NAME": run.name, "DVC_ROOT": root}
            ),
        }
        commit = self.baseline.stash(files, message)
        entry = QueueEntry(root, queue.scm.root_dir, queue.ref, commit, head, None, run.name, head)
        with _locked(queue):
            queue.scm.set_ref(queue.ref, commit, message=f"commit: {message}")
        queue.celery.signature(run_exp.s(entry.asdict())).delay()

    def _start_again(self, states: dict[str, State]) -> None:
        """Start workers in the place of those that have ended. Raises UserError where they end again and again."""
        self.n_ends = self.n_ends + 1 if states == self.found else 1
        self.found = states
        if self.n_ends > MAX_ENDS:
            log = _log(1).read_text(errors="replace")
            raise UserError(f"DVC's queue worker ends as soon as it is started: {error_line(log)}; see {_log(1)}")
        self._start_workers()

    def _reap(self) -> None:
        """Ask each worker once whether it has ended: until then it stays as a zombie, which looks like a process."""
        for worker in self.workers:
            worker.poll()

    def _start_workers(self) -> None:
        """Start workers in the background; each ends by itself when the queue has been empty for a while."""
        _log(1).parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, self.n_jobs + 1):
            command = [sys.executable, "-m", "dvc", "exp", "queue-worker", f"{WORKER}-{number}@localhost"]
            with _log(number).open("wb") as log:
                worker = subprocess.Popen(
                    [*command, "--clean"] if number == 1 else command,
                    env=environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # Ctrl-C in the terminal is for the study, which then stops things in order.
                    start_new_session=True,
                )
            self.workers.append(worker)


def _log(number: int) -> Path:
    """What this worker says."""
    return EXPERIMENTS / "celery" / f"{WORKER}-{number}.out"


def _packed(targets: tuple[str, ...], run_env: dict[str, str]) -> bytes:
    """The arguments of `dvc repro` in a run's copy, as DVC hands them over."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "arguments"
        BaseExecutor.pack_repro_args(str(path), *([list(targets)] if targets else []), run_env=run_env)
        return path.read_bytes()


def _entries(queue: "LocalCeleryQueue", names: set[str]) -> list[QueueEntry]:
    """All that the queue knows under these names: what waits, what runs, what is over."""
    messages = (*queue._iter_queued(), *queue._iter_processed())
    return [entry for _, entry in messages if entry.name in names]


def _forget(queue: "LocalCeleryQueue", revisions: set[str]) -> None:
    """Take the runs of these revisions out of the queue, whatever state they are in.

    `dvc queue remove` refuses all if one of them has just been begun, and what has died running it never gives up.
    """
    if not revisions:
        return
    for message, entry in queue._iter_queued():
        if entry.stash_rev in revisions:
            _drop(queue.celery.reject, message.delivery_tag)
    for message, entry in queue._iter_processed():
        if entry.stash_rev in revisions:
            _drop(queue.celery.AsyncResult(message.headers["id"]).forget)
            _drop(queue.celery.purge, message.delivery_tag)
    with _locked(queue):
        for stash in (queue.stash, queue.failed_stash):
            known = stash.stash_revs
            stash.remove_revs(known[revision] for revision in revisions & set(known))


@contextmanager
def _locked(queue: "LocalCeleryQueue") -> Iterator[None]:
    """Hold DVC's lock of the waiting runs. Raises UserError where somebody else keeps it.

    A worker has it for a moment as it takes a run up, and `dvc exp run --queue` as it puts one in.
    """
    end = time.monotonic() + LOCK_PATIENCE
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(get_exp_rwlock(queue.repo, writes=[queue.ref]))
                break
            except LockError as error:
                if time.monotonic() > end:
                    told = " ".join(str(error).split())
                    raise UserError(f"DVC's queue is kept busy: {told}") from None
                time.sleep(POLL)
        yield


def _drop(act: Callable[..., None], *arguments: str) -> None:
    # A worker may have taken the message up since it was listed, or died before it wrote a result.
    with suppress(ValueError, FileNotFoundError):
        act(*arguments)
