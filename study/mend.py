"""Mend what a DVC killed while writing has left: `python -m study.mend`.

Each command of make runs it first, and a study the part of it that is of locks. A file of locks or a dvc.lock that was
cut short blocks every later `dvc repro`; neither holds anything that DVC does not find out again.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cxr.errors import UserError
from stages import project
from study.commands import git

# DVC's files of locks, of the pipeline and of the experiments: JSON that says which process reads or writes what.
LOCKS = (Path(".dvc/tmp/rwlock"), Path(".dvc/tmp/exps/rwlock"))
LOCKFILE = Path("dvc.lock")
# Seconds in which a DVC that is alive has written a file to its end.
WRITING = 0.5


def main() -> None:
    argparse.ArgumentParser(prog="python -m study.mend", description=__doc__).parse_args()
    locks()
    if _is_cut_short(LOCKFILE, _parse_lockfile):
        _restore()


def locks() -> None:
    """Remove the files of locks that were cut short."""
    for path in LOCKS:
        if _is_cut_short(path, json.loads):
            path.unlink(missing_ok=True)
            print(f"{path} was cut short when DVC was killed; removed", file=sys.stderr)


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
