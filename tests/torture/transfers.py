"""Killed while data go to a remote and come from it: the commands, called once more, end as undisturbed ones do."""

import atexit
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from bench import store
from study import experiments
from tests.conftest import Project
from tests.torture import stored
from tests.torture.case import Fault, LossError, Measured
from tests.torture.killing import after, killed_when
from tests.torture.long import REPORT
from tests.torture.pipeline import SMALL, differing_files, files_written, folder, nothing_half
from tests.torture.together import RUNS, STUDY

Generator = np.random.Generator

# More files than elsewhere: a transfer of few is over before it can be killed.
LARGER = SMALL | {"phantom.n_images": 300, "phantom.pixels": 96, "train.epochs": 1}
NAMES = ("one", "two")
SHARE = [sys.executable, "-m", "study.share"]
# The ways of docs/sharing.md: what sends, and what brings it into a fresh clone.
WAYS = {
    "share": ([[*SHARE, "push"]], [[*SHARE, "pull"], ["dvc", "pull"]]),
    "dvc": (
        [["dvc", "push", "--run-cache"], ["dvc", "exp", "push", "origin", *NAMES, "--run-cache"]],
        [["dvc", "exp", "pull", "origin", *NAMES, "--run-cache"], ["dvc", "pull"]],
    ),
}
KINDS = ("folder", "s3")
# Seconds that a command took when it was last run to its end: where other work on the machine has ended or begun, kills
# would come too late or all too early.
_SECONDS: dict[str, float] = {}


@dataclass(frozen=True)
class Origin:
    """A project with two finished runs, the first laid out and committed, what they made, and its empty remote."""

    project: Project
    made: dict[str, dict[str, bytes]]
    report: dict[str, bytes]
    remote: "Remote"


@dataclass(frozen=True)
class Remote:
    """A DVC remote: its settings, how it is emptied, and all it holds, by key and checksum."""

    settings: dict[str, str]
    empty: Callable[[], None]
    sums: Callable[[], dict[str, str]]
    # Where one can watch it grow, if one can.
    folder: Path | None = None


@dataclass(frozen=True)
class Ends:
    """Where files come to when data move, if one can watch that, and where when experiments' commits do."""

    data: Path | None
    git: Path


def killed_transfer(generator: Generator) -> Measured:
    """Send and bring by one of the ways, each killed up to three times; then the clone has all, to the byte."""
    way, kind = str(generator.choice(list(WAYS))), str(generator.choice(KINDS))
    origin = original(kind)
    origin.remote.empty()
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as name:
        top = Path(name)
        project = origin.project.copy(top / "project")
        project.ok("git", "init", "-q", "--bare", "-b", "main", str(top / "origin.git"))
        project.ok("git", "remote", "add", "origin", str(top / "origin.git"))
        project.ok("git", "push", "-q", "origin", "main")
        send, bring = WAYS[way]
        there = Ends(origin.remote.folder, top / "origin.git")
        n_kills = sum(_killed_then_done(project, command, there, generator) for command in send)
        check_remote(origin.remote.sums(), project.folder / ".dvc" / "cache")
        project.ok("git", "clone", "-q", str(top / "origin.git"), str(top / "fresh"))
        fresh = Project(top / "fresh")
        here = Ends(fresh.folder, fresh.folder / ".git")
        n_kills += sum(_killed_then_done(fresh, command, here, generator) for command in bring)
        _check_clone(fresh, origin)
    return Measured("whole", kills=n_kills)


@cache
def original(kind: str) -> Origin:
    """Made once for each kind of remote: experiments keep the address of theirs."""
    remote = {"folder": _folder, "s3": _bucket}[kind]()
    project = Project.new(folder() / "project")
    project.set_all(LARGER)
    project.leave_out("explain")
    (project.folder / "two.yaml").write_text(RUNS)
    with (project.folder / ".gitignore").open("a") as ignored:
        ignored.write("/report/\n")
    project.start_dvc()
    settings = dict(remote.settings)
    project.ok("dvc", "remote", "add", "-q", "-d", "shared", settings.pop("url"))
    for key, value in settings.items():
        project.ok("dvc", "remote", "modify", "-q", "shared", key, value)
    project.commit("where the data is")
    project.ok(*STUDY)
    made = _made(project)
    project.ok("dvc", "exp", "apply", NAMES[0])
    project.commit("the first run")
    return Origin(project, made, _report(project), remote)


def _folder() -> Remote:
    path = folder() / "remote"

    def empty() -> None:
        shutil.rmtree(path, ignore_errors=True)

    def sums() -> dict[str, str]:
        found = [file for file in path.rglob("*") if file.is_file()]
        return {file.relative_to(path).as_posix(): hashlib.md5(file.read_bytes()).hexdigest() for file in found}

    return Remote({"url": str(path)}, empty, sums, path)


def _bucket() -> Remote:
    """A bucket of a server in this process, whose key is in the environment."""
    import boto3

    stack = ExitStack()
    atexit.register(stack.close)
    address, key = stack.enter_context(store.serving())
    os.environ.update(key)
    bucket = boto3.resource("s3", endpoint_url=address).Bucket(store.BUCKET)

    def empty() -> None:
        bucket.objects.delete()

    def sums() -> dict[str, str]:
        found = {one.key: one.get()["Body"].read() for one in bucket.objects.filter(Prefix="here/")}
        return {key.removeprefix("here/"): hashlib.md5(content).hexdigest() for key, content in found.items()}

    return Remote({"url": f"s3://{store.BUCKET}/here", "endpointurl": address}, empty, sums)


def _killed_then_done(project: Project, command: list[str], ends: Ends, generator: Generator) -> int:
    """Run a command, killed up to three times, then to its end; how many kills found it at work."""
    n_kills = 0
    for _ in range(generator.integers(0, 4)):
        is_due = _moment(command, ends, generator)
        is_power_cut = bool(generator.random() < 0.6)
        # What works for it at the Git remote, beside the project, as well.
        if not killed_when(is_due, project, command, is_power_cut=is_power_cut, top=project.folder.parent):
            break
        n_kills += 1
    project.ok(sys.executable, "-m", "study.mend")
    start = time.monotonic()
    done = project.run(*command)
    _SECONDS[" ".join(command)] = time.monotonic() - start
    if done.returncode:
        # DVC's last line is where to ask for help.
        told = [line for line in done.stderr.splitlines() if line.casefold().startswith(("error", "fatal"))]
        last = "; ".join(told or done.stderr.splitlines()[-1:])
        raise LossError(f"{' '.join(command[-5:])} then failed: {last[:300]}")
    return n_kills


def _moment(command: list[str], ends: Ends, generator: Generator) -> Callable[[], bool]:
    """When a kill is due: after random seconds, or when so many files have come with the data or the commits."""
    kind, part = generator.random(2)
    if kind < 0.25 and {"exp", "study.share"} & set(command):
        path, n_more = ends.git, 1 + int(10 * part)
    elif kind < 0.75 and ends.data:
        path, n_more = ends.data, int(2 ** (9 * part))
    else:
        return after(float(0.2 + 0.9 * part) * _SECONDS.get(" ".join(command), 4.0))
    n_at_start = _n_files(path)
    return lambda: _n_files(path) >= n_at_start + n_more


def _n_files(path: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(path))


def check_remote(sums: dict[str, str], cache: Path) -> None:
    """Raises LossError where a remote, checksums by key, lacks an entry of the run cache or has a damaged object."""
    for key, digest in sums.items():
        # A name of another kind is that of a file that was being written.
        named = re.fullmatch(r"files/md5/([0-9a-f]{2})/([0-9a-f]{30})(\.dir)?", key)
        if named and named[1] + named[2] != digest:
            raise LossError(f"at the remote {key} has another content")
    for path in sorted(path for path in (cache / "runs").rglob("*") if path.is_file()):
        key = path.relative_to(cache).as_posix()
        if sums.get(key) != hashlib.md5(path.read_bytes()).hexdigest():
            raise LossError(f"at the remote {key} is missing or other")


def _check_clone(fresh: Project, origin: Origin) -> None:
    """Raises LossError where a clone has not all that the origin has, to the byte."""
    stored.check(fresh)
    if (found := _refs(fresh)) != (expected := _refs(origin.project)):
        raise LossError(f"other experiments: {found} instead of {expected}")
    laid_out = _content(fresh)
    check_equal("what `dvc pull` lays out", laid_out, origin.made[NAMES[0]])
    check_equal("the report", _report(fresh), origin.report)
    for name, made in _made(fresh).items():
        check_equal(f"experiment {name}", made, origin.made[name])
    nothing_half(fresh)


def check_equal(what: str, found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    if differing := differing_files(found, expected):
        raise LossError(f"{what} differs in {len(differing)} files: {', '.join(differing[:5])}")


def _refs(project: Project) -> list[str]:
    lines = project.ok("git", "for-each-ref", "--format=%(objectname) %(refname)", experiments.EXPERIMENTS).splitlines()
    return [line for line in lines if experiments.REF.fullmatch(line.split()[1])]


def _made(project: Project) -> dict[str, dict[str, bytes]]:
    """All that the stages made in each experiment."""
    made = {}
    for name in NAMES:
        project.ok("dvc", "exp", "apply", name)
        made[name] = _content(project)
    return made


def _content(project: Project) -> dict[str, bytes]:
    """Every file that the stages wrote."""
    files = [file for file in files_written(project.folder) if file.exists()]
    return {file.relative_to(project.folder).as_posix(): file.read_bytes() for file in files}


def _report(project: Project) -> dict[str, bytes]:
    project.ok(sys.executable, "-m", "study.report")
    return {name: (project.folder / "report" / name).read_bytes() for name in REPORT}


FAULTS = {
    "killed-transfer": Fault(
        "`study.share`, `dvc push`, `dvc exp push`, and what brings it into a clone, killed; a folder or S3",
        16,
        killed_transfer,
    ),
}
