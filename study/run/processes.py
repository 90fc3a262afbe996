"""The processes of DVC's queue here: its workers, what is at work at which run, and how both are ended."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from cxr.errors import UserError

# Seconds that a process is given to end by itself, and those between two looks at it.
PATIENCE, POLL = 10.0, 0.2
# The names of our workers begin so; those of `dvc queue start` begin with dvc-exp.
WORKER = "cxr-study"
WORKING = ["exp", "queue-worker"]
EXPERIMENTS = Path(".dvc/tmp/exps")


def end(names: set[str]) -> None:
    """End our workers and all processes at runs of these names. Raises UserError where one does not end."""
    asked: dict[psutil.Process, float] = {}
    while remaining := _to_end(names):
        now = time.monotonic()
        for process in remaining:
            waited = now - asked.setdefault(process, now)
            if waited > 2 * PATIENCE:
                raise UserError(f"process {process.pid} does not end; end it by hand, then run this again")
            with suppress(psutil.NoSuchProcess):
                if not waited:
                    # A worker told so finishes what it is at and takes up nothing more.
                    process.terminate()
                elif waited > PATIENCE:
                    process.kill()
        time.sleep(POLL)


def _to_end(names: set[str]) -> list[psutil.Process]:
    """The processes at runs of these names, and our workers but those that are at somebody else's run."""
    # The order matters. DVC writes a run's record before it starts the run, so records that are read after the list of
    # processes hold every run in it, and none is taken for somebody else's. A worker that begins a run in between is
    # asked to end, and looked at again.
    begun = [(worker, [_words(child) for child in _children(worker)]) for worker in workers(WORKER)]
    records = dict(_records(names))
    return _at_work(records) + [
        worker for worker, commands in begun if all(_is_of(words, records) for words in commands if "exec-run" in words)
    ]


def workers(prefix: str = "") -> Iterator[psutil.Process]:
    """The processes of the queue's workers whose names begin with `prefix`.

    Asked through celery instead, a worker may read the half-written question, or this process the half-written
    answer, and whichever does ends with it (celery/kombu#1551).
    """
    for process in psutil.process_iter():
        words = _words(process)
        # `dvc exp queue-worker NAME`; who looks for the word in files is none.
        names = [name for *command, name in zip(words, words[1:], words[2:], strict=False) if command == WORKING]
        if any(name.startswith(prefix) for name in names) and _folder(process) == Path.cwd():
            yield process


def _at_work(records: dict[str, Path]) -> list[psutil.Process]:
    """The processes at these runs: DVC's own, and what it has started in their temporary copies."""
    folders = set(records.values())
    return [
        process for process in psutil.process_iter() if _is_of(_words(process), records) or _folder(process) in folders
    ]


def _is_of(words: list[str], records: dict[str, Path]) -> bool:
    """Whether this is DVC's command line for one of these runs: it names the run's record."""
    return any(Path(word).name in records for word in words)


def _records(names: set[str]) -> Iterator[tuple[str, Path]]:
    """What DVC has noted of each run of these names that was ever begun: its record's file name, its copy's folder."""
    for path in (EXPERIMENTS / "run").glob("*/*.run"):
        # Empty for a moment while DVC writes it.
        with suppress(OSError, ValueError):
            record = json.loads(path.read_text())
            if record["name"] in names:
                yield path.name, Path(record["root_dir"])


def _words(process: psutil.Process) -> list[str]:
    """Its command line; empty where it has ended."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children())
    except psutil.Error:
        return []


def _folder(process: psutil.Process) -> Path | None:
    try:
        return Path(process.cwd().removesuffix(" (deleted)"))
    except (psutil.Error, OSError):
        return None


def remove_copies(names: set[str]) -> None:
    """Remove the temporary copies that killed runs have left; where no worker is left, all that nobody works in."""
    copies = {folder for _, folder in _records(names)}
    if not any(workers()):
        in_use = {_folder(process) for process in psutil.process_iter()}
        copies |= {folder.resolve() for folder in EXPERIMENTS.glob("tmp*")} - in_use
    for folder in copies:
        shutil.rmtree(folder, ignore_errors=True)
