"""What a killed DVC leaves half-written blocks nothing."""

import hashlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from study import mend as mending
from tests.conftest import Project

pytestmark = pytest.mark.slow

WHOLE = "schema: '2.0'\nstages:\n  download:\n    cmd: python -m stages.download\n"

# DVC, killed when it has noted one of the two files that it is to push.
KILLED = """
import os, signal
from dvc.cli import main
from dvc_data.index import collect
note = collect._collect_from_index
def killed(noted, place, index, output, *rest, **options):
    if output == ("one",):
        note(noted, place, index, output, *rest, **options)
        noted.commit()
        os.kill(os.getpid(), signal.SIGKILL)
collect._collect_from_index = killed
main(["push"])
"""


@pytest.fixture(scope="module")
def project(make_dvc_project: Callable[[], Project]) -> Project:
    return make_dvc_project()


def mend(project: Project) -> str:
    done = project.run(sys.executable, "-m", "study.mend")
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_whole_project_is_left_alone(project: Project) -> None:
    (project.folder / "dvc.lock").write_text(WHOLE)
    rwlock = project.folder / ".dvc" / "tmp" / "rwlock"
    rwlock.parent.mkdir(exist_ok=True)
    rwlock.write_text("{}")
    assert mend(project) == ""
    assert (project.folder / "dvc.lock").read_text() == WHOLE
    (project.folder / "dvc.lock").unlink()


@pytest.mark.parametrize("cut_short", [".dvc/tmp/rwlock", ".dvc/tmp/exps/rwlock", "dvc.lock"])
def test_an_empty_file_blocks_dvc_until_it_is_mended(project: Project, cut_short: str) -> None:
    path = project.folder / cut_short
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    blocked = (
        ["dvc", "exp", "run", "--queue", "--name", "mine"] if "exps" in cut_short else ["dvc", "repro", "download"]
    )
    assert project.run(*blocked).returncode != 0
    assert mend(project) == f"{cut_short} was cut short when DVC was killed; removed\n"
    project.ok(*blocked)
    assert mend(project) == ""


def test_what_abandoned_trainings_left_goes_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a network's weights three times over, for each parameter that was changed while it trained."""
    monkeypatch.chdir(tmp_path)
    mending.CHECKPOINTS.mkdir(parents=True)
    ages = {"new.npz": 29, "old.npz": 31, ".new.npz.x.partial": 29, ".old.npz.x.partial": 31}
    for name, days in ages.items():
        path = mending.CHECKPOINTS / name
        path.touch() if path.suffix == ".npz" else path.mkdir()
        written = time.time() - days * 24 * 3600
        os.utime(path, (written, written))
    mending.checkpoints()
    assert sorted(path.name for path in mending.CHECKPOINTS.iterdir()) == [".new.npz.x.partial", "new.npz"]
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert f"{mending.CHECKPOINTS}/old.npz: nobody went on with this training for 30 days; removed" in told
    mending.checkpoints()
    assert capsys.readouterr().err == ""


def test_a_committed_dvc_lock_is_restored_and_a_conflict_is_the_users(project: Project) -> None:
    path = project.folder / "dvc.lock"
    path.write_text(WHOLE)
    project.commit("lock")
    path.write_text(WHOLE[: len(WHOLE) // 2])
    assert mend(project) == "dvc.lock was cut short when DVC was killed; restored from the commit\n"
    assert path.read_text() == WHOLE
    conflict = WHOLE + "<<<<<<< HEAD\n"
    path.write_text(conflict)
    assert mend(project) == ""
    assert path.read_text() == conflict


def test_no_project_no_trouble(tmp_path: Path) -> None:
    made = Project.new(tmp_path / "bare")
    shutil.rmtree(made.folder / ".dvc", ignore_errors=True)
    assert mend(made) == ""


def test_what_a_power_cut_has_left_of_the_cache_is_not_brought_back(project: Project) -> None:
    (project.folder / "dvc.lock").unlink(missing_ok=True)
    project.ok("dvc", "repro", "-q", "manifest")
    whole = (project.folder / "data" / "manifest.csv").read_bytes()
    assert mend(project) == ""
    objects = project.folder / ".dvc" / "cache" / "files" / "md5"
    digest = hashlib.md5(whole).hexdigest()
    torn = objects / digest[:2] / digest[2:]
    (run,) = [path for path in (project.folder / ".dvc" / "cache" / "runs").rglob("*") if is_run_of(path, "manifest")]
    for path, content in ((torn, whole[:-100]), (run, run.read_bytes()[:-50])):
        path.chmod(0o644)
        path.write_bytes(content)
        path.chmod(0o444)
    (project.folder / "data" / "manifest.csv").unlink()
    told = mend(project).splitlines()
    assert [line.partition(" ")[0] for line in told] == [str(path.relative_to(project.folder)) for path in (torn, run)]
    project.ok("dvc", "repro", "-q", "manifest")
    assert (project.folder / "data" / "manifest.csv").read_bytes() == whole
    assert mend(project) == ""


def test_another_look_at_the_same_time_hinders_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two commands of make: the one that ended last found what it had begun taken away."""
    monkeypatch.chdir(tmp_path)
    torn = mending.OBJECTS / "ab" / ("0" * 30)
    torn.parent.mkdir(parents=True)
    torn.write_text("cut short")
    look = mending._look_through

    def beside_another(since: int) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(mending, "_look_through", look)
            mending.cache()
        look(since)

    monkeypatch.setattr(mending, "_look_through", beside_another)
    mending.cache()
    assert not torn.exists()
    assert [path.name for path in mending.LOOKED.parent.iterdir()] == [mending.LOOKED.name]


def is_run_of(path: Path, stage: str) -> bool:
    return path.is_file() and f"stages.{stage}" in path.read_text()


def test_dvc_killed_while_it_lists_what_to_push_pushes_all_once_mended(
    make_dvc_project: Callable[[], Project], tmp_path: Path
) -> None:
    project = make_dvc_project()
    project.ok("dvc", "remote", "add", "-q", "-d", "shared", str(tmp_path))
    for name in ("one", "two"):
        (project.folder / name).write_text(name)
        project.ok("dvc", "add", "-q", name)
        if name == "one":
            assert "1 file pushed" in project.ok("dvc", "push")
    assert project.run(sys.executable, "-c", KILLED).returncode == -signal.SIGKILL
    # Once DVC does not say so any more, study.mend need not mend it.
    assert "Everything is up to date" in project.ok("dvc", "push")
    assert mend(project) == ""
    assert "1 file pushed" in project.ok("dvc", "push")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


def test_a_lock_that_is_left_of_an_experiments_ref_blocks_it_until_it_is_mended(tmp_path: Path) -> None:
    project = Project.new(tmp_path / "project")
    project.start_dvc()
    remote = tmp_path / "remote.git"
    project.ok("git", "init", "-q", "--bare", str(remote))
    project.ok("git", "remote", "add", "origin", str(remote))
    head = project.ok("git", "rev-parse", "HEAD").strip()
    ref = f"refs/exps/{head[:2]}/{head[2:]}/mine"
    set_ref = ["git", "update-ref", ref, head]
    for folder in (project.folder / ".git", remote):
        lock = folder / f"{ref}.lock"
        lock.parent.mkdir(parents=True)
        lock.touch()
    assert "File exists" in project.run(*set_ref).stderr
    assert mend(project).count("was left when DVC was killed; removed") == 2
    assert not list(tmp_path.rglob("*.lock"))
    project.ok(*set_ref)
    assert mend(project) == ""


def test_a_lock_of_a_ref_that_is_written_again_and_again_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project.new(tmp_path / "project")
    project.ok("git", "init", "-q")
    lock = project.folder / ".git" / "refs" / "exps" / "ab" / "mine.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()

    def another(seconds: float) -> None:
        lock.unlink()
        lock.touch()

    monkeypatch.chdir(project.folder)
    with monkeypatch.context() as patched:
        patched.setattr(mending.time, "sleep", another)
        mending.locks()
    assert lock.exists()
    mending.locks()
    assert not lock.exists()
