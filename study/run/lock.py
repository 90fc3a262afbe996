"""One study at a time in a folder."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxr import files
from cxr.errors import UserError
from stages import project


@contextmanager
def alone(study: Path, names: set[str]) -> Iterator[set[str]]:
    """Hold the folder for a study with runs of these names; yields the names of the study that held it before.

    If that was killed, its runs may still be at work. The lock itself dies with its process, however that ends.
    Raises UserError that says which study is at work, in which process and since when.
    """
    with (project.scratch("study") / "lock.json").open("a+") as file:
        file.seek(0)
        # No descendant inherits it: Python closes its files in every process that it starts.
        is_held = files.lock(file.fileno(), is_patient=False)
        if is_held is None:
            print("this disk knows no locks: see to it that no other study works in this folder", file=sys.stderr)
        elif not is_held:
            holder = _read(file.read())
            raise UserError(
                f"{holder.get('study', 'another study')} is at work in this folder (process {holder.get('pid', '?')},"
                f" since {holder.get('since', '?')}); wait for it or stop it first"
            )
        before = set(_read(file.read()).get("names", []))
        record = {"pid": os.getpid(), "study": str(study), "since": time.strftime("%Y-%m-%d %H:%M")}
        file.truncate(0)
        # Both, until the first are seen to.
        json.dump({**record, "names": sorted(names | before)}, file)
        file.flush()
        yield before
        file.truncate(0)


def _read(text: str) -> dict:
    """Empty where a process was killed while it wrote this."""
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}
