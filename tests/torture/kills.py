"""Killed anywhere, disks that are full, writes that a power cut has torn: the next run ends as an undisturbed one."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from tests.conftest import Project
from tests.processes import at_work
from tests.torture import pipeline, stored, together
from tests.torture.case import Ending, Fault, LossError, Measured
from tests.torture.killing import after, begin, kill, killed_when, nothing_left
from tests.torture.pipeline import (
    RESUMED,
    STAGES,
    compare,
    copied,
    finished,
    n_resumed,
    one_line,
    python,
    reproduced,
)

Generator = np.random.Generator


def killed_stage(generator: Generator) -> Measured:
    """One stage, killed one to three times at random moments, then run to its end."""
    stage = str(generator.choice(STAGES, p=_weights(train=4, download=2, evaluate=2)))
    with copied(finished().project) as project:
        _without_outputs(project, stage)
        n_kills = 0
        for _ in range(generator.integers(1, 4)):
            seconds = float(generator.uniform(0.2, 1.1)) * finished().seconds[stage]
            is_power_cut = bool(generator.random() < 0.5)
            if not killed_when(after(seconds), project, python(stage), is_power_cut=is_power_cut):
                break
            n_kills += 1
        start = time.monotonic()
        done = project.stage(stage)
        # As long as it took now: where other work on the machine has ended, kills would come too late.
        finished().seconds[stage] = time.monotonic() - start
        compare(done, project, finished())
        return Measured("whole", kills=n_kills, resumed=n_resumed(project, done))


def killed_in_training(generator: Generator) -> Measured:
    """Training, killed each time as soon as its checkpoint has reached some epoch: it must go on there."""
    with copied(finished().project) as project:
        _without_outputs(project, "train")
        checkpoints = project.folder / ".dvc" / "tmp" / "cxr" / "checkpoints"
        n_kills = 0
        for _ in range(generator.integers(1, 4)):
            is_due = _written(checkpoints, int(generator.integers(1, 4)))
            n_kills += killed_when(is_due, project, python("train"), is_power_cut=False)
        was_begun = any(checkpoints.glob("*.npz"))
        done = project.stage("train")
        if was_begun and RESUMED not in done.stderr:
            raise LossError("a checkpoint was there, and training began anew")
        compare(done, project, finished())
        return Measured("whole", kills=n_kills, resumed=n_resumed(project, done))


def killed_repro(generator: Generator) -> Measured:
    """`dvc repro` of everything, killed one to three times, mended as make does, then run to its end."""
    with copied(reproduced().project) as project:
        _forget(project)
        n_kills = 0
        for _ in range(generator.integers(1, 4)):
            seconds = float(generator.uniform(0.05, 1.0)) * reproduced().seconds["repro"]
            is_power_cut = bool(generator.random() < 0.7)
            n_kills += killed_when(after(seconds), project, together.REPRO, is_power_cut=is_power_cut)
            project.ok("python", "-m", "study.mend")
        done = project.run(*together.REPRO)
        compare(done, project, reproduced())
        return Measured("whole", kills=n_kills, resumed=n_resumed(project, done))


def killed_study(generator: Generator) -> Measured:
    """A study of two runs; one to three times, one process of it or all are killed. Then mended, run to its end.

    What is killed: the study itself, DVC's queue worker, a run, a stage, or whatever else works for it at that moment.
    """
    seconds, expected = together.undisturbed()
    with copied(together.original()) as project:
        n_kills = 0
        for _ in range(generator.integers(1, 4)):
            moment, chosen = float(generator.uniform(0.05, 1.0)) * seconds, float(generator.random())
            with tempfile.TemporaryFile("w+") as said, begin(project, together.STUDY, said) as study:
                with suppress(subprocess.TimeoutExpired):
                    study.wait(moment)
                    continue
                killed = _killed(project, chosen)
                n_kills += bool(killed)
                code = together.ended(project, study, together.SLOWER * seconds)
                if study.pid not in killed:
                    together.judged(code, False, said)
        together.again(project, expected)
        nothing_left(project.folder)
        stored.check(project)
    return Measured("whole", kills=n_kills)


def torn(generator: Generator) -> Ending:
    """A power cut: some of what was written last was never on the disk, and comes back empty, short or as zeros."""
    with copied(reproduced().project) as project:
        candidates = [
            path
            for top in ("data", "metrics", "models", "plots", ".dvc/cache", ".dvc/tmp", "dvc.lock")
            for path in ([project.folder / top] if top == "dvc.lock" else sorted((project.folder / top).rglob("*")))
            if path.is_file() and not path.is_symlink()
        ]
        for i in generator.choice(len(candidates), int(generator.integers(1, 5)), replace=False):
            _tear(candidates[i], generator)
        project.ok("python", "-m", "study.mend")
        done = project.run("dvc", "repro", "-q")
        if done.returncode:
            one_line(done)
            return "told"
        compare(done, project, reproduced())
    return "whole"


def full_disk(generator: Generator) -> Ending:
    """No file may grow beyond some size: a stage says so in one line and leaves nothing half; then there is room."""
    stage = str(generator.choice([name for name in STAGES if name != "check"]))
    with copied(finished().project) as project:
        _without_outputs(project, stage)
        # KiB, fewer than some file of most stages has.
        blocks = int(2 ** generator.uniform(-1, 4))
        limited = f"trap '' XFSZ; ulimit -f {blocks}; exec python -m stages.{stage}"
        done = project.run("bash", "-c", limited, PYTHONDONTWRITEBYTECODE="1")
        ending: Ending = "whole"
        if done.returncode:
            one_line(done)
            ending = "told"
            _nothing_half(project, stage)
        compare(project.stage(stage), project, finished())
    return ending


def _killed(project: Project, chosen: float) -> set[int]:
    """Kill all processes at work in a clone, as a power cut does, or one of them; their numbers."""
    processes = sorted(at_work(project.folder), key=lambda process: process.pid)
    if chosen > 0.25:
        processes = processes[int((chosen - 0.25) / 0.75 * len(processes)) :][:1]
    kill(processes)
    return {process.pid for process in processes}


def _weights(**more: float) -> list[float]:
    weights = np.array([more.get(stage, 1.0) for stage in STAGES])
    return list(weights / weights.sum())


def _without_outputs(project: Project, stage: str) -> None:
    for name in pipeline.outputs(stage):
        path = project.folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _forget(project: Project) -> None:
    """As before the first `dvc repro`."""
    for stage in STAGES:
        _without_outputs(project, stage)
    (project.folder / "dvc.lock").unlink()
    shutil.rmtree(project.folder / ".dvc" / "cache")


def _written(checkpoints: Path, n_writes: int) -> Callable[[], bool]:
    """That a checkpoint has been written so many times from now."""
    seen: set[int] = set()

    def is_due() -> bool:
        for path in checkpoints.glob("*.npz"):
            with suppress(FileNotFoundError):
                seen.add(path.stat().st_mtime_ns)
        return len(seen) >= n_writes

    return is_due


def _tear(path: Path, generator: Generator) -> None:
    """Make a file empty, short, or zeros from some byte on. A link's other names are other files after a real cut."""
    content = path.read_bytes()
    at = int(generator.integers(len(content) + 1))
    torn = [b"", content[:at], content[:at] + bytes(len(content) - at)][generator.integers(3)]
    mode = path.stat().st_mode
    os.chmod(path, 0o644)
    path.write_bytes(torn)
    os.chmod(path, mode)


def _nothing_half(project: Project, stage: str) -> None:
    """After a failure, each output is whole or not there."""
    now = pipeline.written(project.folder)
    for name, content in now.items():
        is_own = any(name == output or name.startswith(f"{output}/") for output in pipeline.outputs(stage))
        if is_own and content is not None and content != finished().written.get(name):
            # The curves grow by an epoch at a time; each is whole.
            if name == "plots/history.csv":
                continue
            raise LossError(f"{name} is half written")


FAULTS = {
    "killed-stage": Fault("a stage killed up to three times at random moments", 120, killed_stage),
    "killed-training": Fault("a training killed up to three times once it has a checkpoint", 40, killed_in_training),
    "killed-repro": Fault("`dvc repro` of everything, killed up to three times", 30, killed_repro),
    "killed-study": Fault("a study of two runs: it, its worker, a run, a stage or all are killed", 20, killed_study),
    "torn": Fault("a power cut: up to four written files come back empty, short or zeros", 60, torn),
    "full-disk": Fault("a disk that takes no more, in each stage that writes", 40, full_disk),
}
