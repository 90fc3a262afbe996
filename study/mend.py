"""Repair what a killed DVC, or a power cut, has left: `python -m study.mend`.

Each command of make runs it first, and a study the part about locks. A dvc.lock or a file of locks that was cut short
blocks every later `dvc repro`. DVC trusts each read-only file of its cache, and would take one that a power cut has cut
short for a result. It also takes a part of its lists of what to push and fetch for the whole. A lock left at an
experiment's Git ref blocks every later `dvc exp push` or `pull` of it. All of these are removed or restored; they hold
nothing that DVC does not find out again. Checkpoints of trainings that nobody went on with for 30 days are removed, as
they would fill the disk.
"""

import argparse
import hashlib
import json
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cxr.errors import UserError
from cxr.files import whole
from stages import project
from study.commands import git
from study.experiments import EXPERIMENTS

# DVC's files of locks, of the pipeline and of the experiments: JSON that says which process reads or writes what.
LOCKS = (Path(".dvc/tmp/rwlock"), Path(".dvc/tmp/exps/rwlock"))
LOCKFILE = Path("dvc.lock")
OBJECTS = Path(".dvc/cache/files/md5")
RUNS = Path(".dvc/cache/runs")
# Touched when the cache was last looked through: what is older was whole then.
LOOKED = Path(".dvc/tmp/cxr/looked")
CONFIGS = (Path(".dvc/config"), Path(".dvc/config.local"))
# Seconds in which a DVC that is alive has written a file to its end.
WRITING = 0.5
# What unfinished trainings have reached, and the days after which one is abandoned: at work it writes after each epoch.
CHECKPOINTS = Path(".dvc/tmp/cxr/checkpoints")
ABANDONED = 30


def main() -> None:
    argparse.ArgumentParser(prog="python -m study.mend", description=__doc__).parse_args()
    locks()
    if _is_cut_short(LOCKFILE, _parse_lockfile):
        _restore()
    cache()
    lists()
    checkpoints()


def cache() -> None:
    """Look through what was written to DVC's cache since the last look."""
    if not OBJECTS.exists() and not RUNS.exists():
        return
    since = LOOKED.stat().st_mtime_ns if LOOKED.exists() else 0
    with whole(LOOKED) as looked:
        looked.touch()
        _look_through(since)


def _look_through(since: int) -> None:
    """Remove what was written to DVC's cache after `since` (nanoseconds) and is not what its name says."""
    # What is still being written has another name.
    objects = [path for path in OBJECTS.glob("[0-9a-f][0-9a-f]/*") if re.fullmatch(r"[0-9a-f]{30}(\.dir)?", path.name)]
    runs = [path for path in RUNS.glob("[0-9a-f][0-9a-f]/*/*") if re.fullmatch("[0-9a-f]{64}", path.name)]
    for paths, is_whole in ((objects, _is_whole_object), (runs, _is_whole_run)):
        for path in paths:
            if _written(path) > since and not is_whole(path):
                path.unlink(missing_ok=True)
                print(f"{path} was cut short; removed, it is made again where it is needed", file=sys.stderr)


def lists() -> None:
    """Have DVC list anew what it is to push and to fetch.

    It keeps these lists, and notes one output after another. Killed in between, it later takes those that it has noted
    for all, moves no others, and says that everything is up to date.
    """
    # Without a remote there are none, and DVC need not be loaded.
    configs = [path.read_text(errors="replace") for path in CONFIGS if path.exists()]
    if not any("remote" in config for config in configs):
        return
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    # What is at work now holds the lock, and reads its list as it goes: that one stays.
    with suppress(DvcException, sqlite3.OperationalError), Repo() as repo, repo.lock:
        for kind in ("push", "fetch"):
            with suppress(KeyError):
                repo.data_index.delete_node((kind,))
        repo.data_index.commit()


def checkpoints() -> None:
    """Remove what trainings have left with which nobody has gone on for long: other parameters or code, mostly."""
    for path in CHECKPOINTS.glob("*"):
        # The time is 0 where a training has just ended well.
        if 0 < _written(path) < time.time_ns() - ABANDONED * 24 * 3600 * 10**9:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            print(f"{path}: nobody went on with this training for {ABANDONED} days; removed", file=sys.stderr)


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _is_whole_object(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest() == path.parent.name + path.name[:30]
    except FileNotFoundError:
        return True


def _is_whole_run(path: Path) -> bool:
    """Whether an entry of the run cache has the sum that is its name, as DVC makes it."""
    from dvc.utils import dict_sha256
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        entry = YAML(typ="safe").load(path)
    except FileNotFoundError:
        return True
    except (YAMLError, UnicodeDecodeError):
        return False
    return isinstance(entry, dict) and bool(dict_sha256(entry, exclude=["size", "nfiles"]) == path.name)


def locks() -> None:
    """Remove the files of locks that were cut short, and the locks of experiments' refs whose holder is gone."""
    for path in LOCKS:
        if _is_cut_short(path, json.loads):
            path.unlink(missing_ok=True)
            print(f"{path} was cut short when DVC was killed; removed", file=sys.stderr)
    # Who holds a lock of an experiment's ref writes one line and is done.
    if left := _locks_of_refs():
        time.sleep(WRITING)
        for path, _ in left & _locks_of_refs():
            path.unlink(missing_ok=True)
            print(f"{path} was left when DVC was killed; removed", file=sys.stderr)


def _locks_of_refs() -> set[tuple[Path, int]]:
    """Locks of experiments' refs and when each was made, here and in Git remotes that are folders: DVC writes there."""
    try:
        tops = [Path(git("rev-parse", "--git-common-dir").strip())]
    except UserError:  # without Git there are no experiments
        return set()
    for name in git("remote").split():
        remote = Path(git("remote", "get-url", name).strip().removeprefix("file://"))
        tops += [remote, remote / ".git"]
    return {(lock, _written(lock)) for top in tops for lock in (top / EXPERIMENTS).rglob("*.lock")}


def _is_cut_short(path: Path, parse: Callable[[str], object]) -> bool:
    """Whether a file is there and cannot be read, now and after a while."""
    for is_last in (False, True):
        try:
            parse(path.read_text())
        except ValueError:
            if not is_last:
                time.sleep(WRITING)
        except FileNotFoundError:
            return False
        else:
            return False
    return True


def _parse_lockfile(text: str) -> None:
    """Raises ValueError where dvc.lock is not whole; conflicts of a merge are the user's to settle."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if "<<<<<<< " in text:
        return
    try:
        content = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise ValueError(error) from None
    stages = content.get("stages", {}) if isinstance(content, dict) and content.get("schema") else None
    if not isinstance(stages, dict) or not all(isinstance(stage, dict) for stage in stages.values()):
        raise ValueError("no mapping of stages")


def _restore() -> None:
    """dvc.lock as committed; without one, none: what has not changed comes from DVC's run cache all the same."""
    try:
        git("checkout", "HEAD", "--", str(LOCKFILE))
        told = "restored from the commit"
    except UserError:
        LOCKFILE.unlink(missing_ok=True)
        told = "removed"
    print(f"{LOCKFILE} was cut short when DVC was killed; {told}", file=sys.stderr)


if __name__ == "__main__":
    project.run(main)
