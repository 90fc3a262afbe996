"""A tiny finished project to break: made once in a process, copied for each case."""

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

from tests.conftest import TINY, Project
from tests.torture.case import LossError
from tests.torture.killing import SAID

SMALL = TINY | {"phantom.n_images": 60, "train.epochs": 6}
# In the order of the pipeline. `explain` draws for longer than all others together: it is one of four cases.
STAGES = ("check", "download", "manifest", "images", "split", "audit", "train", "evaluate")
RESUMED = "resuming after epoch"
# What is measured anew each time, and never the same.
MEASURED = {"seconds", "images_per_second", "peak_memory_mib"}


def folder() -> Path:
    """A new folder that is removed when this process ends."""
    path = Path(tempfile.mkdtemp(prefix="torture-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@dataclass(frozen=True)
class Finished:
    """A project all of whose stages have run: its folder, its stages' seconds, and what they wrote."""

    project: Project
    seconds: dict[str, float]
    written: dict[str, object]


@cache
def finished() -> Finished:
    made = Project.new(folder() / "project")
    made.set_all(SMALL)
    seconds = {}
    for stage in STAGES:
        start = time.monotonic()
        done = made.stage(stage)
        assert done.returncode == 0, done.stderr
        seconds[stage] = time.monotonic() - start
    return Finished(made, seconds, written(made.folder))


@cache
def reproduced() -> Finished:
    """The same under Git and DVC, by `dvc repro`."""
    made = Project.new(folder() / "project")
    made.set_all(SMALL)
    made.leave_out("explain")
    made.start_dvc()
    start = time.monotonic()
    made.ok("dvc", "repro", "-q")
    return Finished(made, {"repro": time.monotonic() - start}, written(made.folder))


@contextmanager
def copied(original: Project) -> Iterator[Project]:
    """A copy of a project in a folder of its own, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as name:
        yield original.copy(Path(name) / "project")


@cache
def outputs(stage: str) -> tuple[str, ...]:
    """Paths that a stage writes, by dvc.yaml."""
    described = YAML(typ="safe").load(Path("dvc.yaml"))["stages"][stage]
    found = [*described.get("outs", []), *described.get("metrics", []), *described.get("plots", [])]
    return tuple(str(next(iter(entry)) if isinstance(entry, dict) else entry) for entry in found)


def written(top: Path) -> dict[str, object]:
    """Content of all that the stages wrote, without what is measured anew each time."""
    return {file.relative_to(top).as_posix(): _content(file) for file in files_written(top)}


def files_written(top: Path) -> Iterator[Path]:
    """Every file that the stages write, also one that is not there."""
    for stage in STAGES:
        for name in outputs(stage):
            path = top / name
            yield from sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _content(path: Path) -> object:
    if not path.exists():
        return None
    if path.suffix == ".json":
        content = json.loads(path.read_text())
        return {key: value for key, value in content.items() if key not in MEASURED}
    if path.suffix == ".csv":
        return pd.read_csv(path).drop(columns=list(MEASURED), errors="ignore").to_csv()
    return path.read_bytes()


def compare(done: subprocess.CompletedProcess[str], project: Project, reference: Finished) -> None:
    """Raises LossError where the command failed, the stages wrote not what they do undisturbed, or a part is left."""
    if done.returncode:
        raise LossError(f"{' '.join(done.args)} then failed: {done.stderr.strip().splitlines()[-1][:200]}")
    if differing := differing_files(written(project.folder), reference.written):
        raise LossError(f"differs from the undisturbed run: {', '.join(differing[:5])}")
    nothing_half(project)


def differing_files(found: Mapping[str, object], expected: Mapping[str, object]) -> list[str]:
    return sorted(path for path in found.keys() | expected.keys() if found.get(path) != expected.get(path))


def nothing_half(project: Project) -> None:
    """Raises LossError where a half-written file is left."""
    if halves := [path for path in project.folder.rglob("*.partial") if ".dvc" not in path.parts]:
        raise LossError(f"left half written: {halves[0].relative_to(project.folder)}")


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The line in which a command failed. Raises LossError where it was a traceback or nothing."""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    if "Traceback" in done.stderr or not lines or not any(line.startswith(("error:", "ERROR:")) for line in lines):
        raise LossError(f"exit code {done.returncode} and {(lines or ['nothing'])[-1][:200]!r}")
    return lines[-1]


def n_resumed(project: Project, done: subprocess.CompletedProcess[str]) -> int:
    """How many trainings of a case went on from a checkpoint, the last command's among them."""
    path = project.folder.parent / SAID
    return ((path.read_text() if path.exists() else "") + done.stderr).count(RESUMED)


def python(stage: str) -> list[str]:
    return [sys.executable, "-m", f"stages.{stage}"]
