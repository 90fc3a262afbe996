"""DVC's experiments and their queue, as the study needs them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from dvc.repo import Repo

from cxr.errors import UserError
from stages.project import parse_yaml
from study.commands import dvc, git
from study.run.overrides import as_argument

if TYPE_CHECKING:
    from study.run.grid import Run

# Seconds that a stage is given to end by itself.
PATIENCE = 10


def finished() -> dict[str, str]:
    """Name and Git ref of every finished experiment that starts from the present commit."""
    head = git("rev-parse", "HEAD").strip()
    refs = git("for-each-ref", "--format=%(refname)", f"refs/exps/{head[:2]}/{head[2:]}").split()
    return {ref.rsplit("/", 1)[1]: ref for ref in refs}


def chosen(names: list[str]) -> dict[str, str]:
    """Name and Git ref of the finished experiments of these names; of all without names.

    Raises UserError where one does not exist, or none at all.
    """
    refs = finished()
    if unknown := sorted(set(names) - set(refs)):
        raise UserError(f"no finished experiment from this commit is called {', '.join(unknown)}")
    if not refs:
        raise UserError("there is no finished experiment from this commit; run some, for instance with make study")
    return {name: refs[name] for name in names or sorted(refs)}


def is_finished(run: "Run") -> bool:
    """Whether an experiment of this name and exactly these parameters has been run from the present commit."""
    ref = finished().get(run.name)
    return ref is not None and parse_yaml(git("show", f"{ref}:params.yaml"), f"params.yaml of {run.name}") == run.params


def states(names: set[str]) -> dict[str, str]:
    """Queued, Running, Success or Failed for each of `names` that DVC's queue knows; of several the newest."""
    with Repo() as repo:
        entries = sorted(repo.experiments.celery_queue.status(), key=lambda entry: entry["timestamp"])
    return {entry["name"]: entry["status"] for entry in entries if entry["name"] in names}


def running(states: dict[str, str]) -> list[str]:
    """The names that `states` has as running."""
    return sorted(name for name, state in states.items() if state == "Running")


def has_workers() -> bool:
    """Whether a worker is at the queue.

    Looks for its process. Asked through celery, the worker may read the half-written question, or this process
    the half-written answer, and whichever does ends with it (celery/kombu#1551).
    """
    return any(
        "queue-worker" in process.info["cmdline"] and _folder(process) == str(Path.cwd())
        for process in psutil.process_iter(["cmdline"], ad_value=[])
    )


def enqueue(run: "Run") -> None:
    """Queue a run under its name, in place of an experiment of that name."""
    overrides = [word for key, value in run.overrides.items() for word in ("--set-param", as_argument(key, value))]
    if run.name in finished():
        # Not `exp run --force`, which would also run every stage again.
        dvc("exp", "remove", run.name)
    dvc("exp", "run", "--queue", "--quiet", "--name", run.name, *overrides)


def clear(names: set[str]) -> None:
    """Take `names` out of the queue, whatever state an earlier session left them in."""
    known = states(names)
    if begun := running(known):
        at_work = _processes(set(begun))
        dvc("queue", "kill", "--force", *begun)
        # DVC ends its own process; the stage that it had started would go on until it next wrote a file.
        _, alive = psutil.wait_procs(at_work, timeout=0)
        for process in alive:
            process.terminate()
        for process in psutil.wait_procs(alive, timeout=PATIENCE)[1]:
            process.kill()
        # Where no worker is left to record the end, DVC does when it finds no process to kill.
        if not has_workers() and (orphans := running(states(set(begun)))):
            dvc("queue", "kill", "--force", *orphans)
    if known:
        dvc("queue", "remove", *known)


def _processes(names: set[str]) -> list[psutil.Process]:
    """The processes that work in the temporary copies of these runs."""
    tasks = [json.loads(path.read_text()) for path in Path(".dvc/tmp/exps/run").glob("*/*.run")]
    folders = {task["root_dir"] for task in tasks if task["name"] in names}
    return [process for process in psutil.process_iter() if _folder(process) in folders]


def _folder(process: psutil.Process) -> str | None:
    try:
        return process.cwd()
    except (psutil.Error, OSError):
        return None


def start(n_jobs: int) -> None:
    """Start workers in the background."""
    dvc("queue", "start", "--jobs", str(n_jobs))


def reason(name: str) -> str:
    """Why a run failed: the error line of its log, or the log's last line."""
    try:
        lines = [line.strip() for line in dvc("queue", "logs", name).splitlines() if line.strip()]
    except UserError as error:
        return str(error)
    errors = [line for line in lines if line.lower().startswith("error")]
    return errors[0] if errors else lines[-1] if lines else "it left no log"
