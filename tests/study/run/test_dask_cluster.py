"""A study on a Dask cluster with an S3 store, its worker and its driver killed; what it made, shared with others."""

import csv
import filecmp
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from ruamel.yaml import YAML

from bench import store
from tests.conftest import Project, Study
from tests.processes import at_work, wait_until, words

pytest.importorskip("distributed")
pytest.importorskip("moto")

pytestmark = pytest.mark.slow

STUDY = """
params: {train.epochs: 30}
runs:
  one: {train.learning_rate: 1e-3}
  doomed: {train.learning_rate: 1e+30}
"""
# As where there are GPUs: a worker takes one run at a time, with its one.
ONE_RUN = ["--nthreads", "1", "--resources", "GPU=1"]
# What depends on no clock.
RESULTS = {"data/raw", "data/images.npy", "data/split/train.csv", "metrics/audit.json", "models/model.keras"}
RESULTS |= {"data/predictions/test.csv", "plots/roc.csv"}
FIGURES = ("accuracy", "auroc", "sensitivity", "specificity", "loss", "val_accuracy", "val_loss", "loss_gap")
SHARE = [sys.executable, "-m", "study.share"]
# In a process of its own: a client leaves sockets behind, of which a later test would be told.
ASKS = """
import json, sys, distributed
def asked(dask_scheduler):
    return [task.resource_restrictions for task in dask_scheduler.tasks.values()]
with distributed.Client(sys.argv[1]) as client:
    print(json.dumps(client.run_on_scheduler(asked)))
"""


class Clone(Project):
    """A clone of a Git repository, on a machine where nobody has set anything."""

    def __init__(self, origin: Path, folder: Path) -> None:
        super().__init__(folder)
        subprocess.run(["git", "clone", "-q", str(origin), str(folder)], check=True)

    def environment(self) -> dict[str, str]:
        return super().environment() | {"HOME": str(self.folder.parent / "home")}


@pytest.fixture(scope="module")
def origin(make_dvc_project: Callable[[], Project], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Git repository without work tree, whose project has a bucket as DVC remote; its key is in the environment."""
    folder = tmp_path_factory.mktemp("origin") / "origin.git"
    with store.serving() as (address, key), pytest.MonkeyPatch.context() as patch:
        for name, value in key.items():
            patch.setenv(name, value)
        project = make_dvc_project()
        (project.folder / "mine.yaml").write_text(STUDY)
        project.ok("dvc", "remote", "add", "-q", "-d", "bucket", f"s3://{store.BUCKET}/here")
        project.ok("dvc", "remote", "modify", "bucket", "endpointurl", address)
        project.commit("study")
        project.ok("git", "init", "-q", "--bare", "-b", "main", str(folder))
        project.ok("git", "push", "-q", str(folder), "main")
        yield folder


@dataclass(frozen=True)
class Cluster:
    """A scheduler, and the clone in which its two workers were started."""

    address: str
    scheduler: "subprocess.Popen[bytes]"
    workers: Clone


@pytest.fixture(scope="module")
def cluster(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    clone = Clone(origin, tmp_path_factory.mktemp("workers") / "clone")
    file = clone.folder.parent / "scheduler.json"
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    commands = [
        ["scheduler", "--host", "127.0.0.1", "--port", "0", *common],
        *[["worker", "--host", "127.0.0.1", "--no-nanny", "--death-timeout", "60", *ONE_RUN, *common]] * 2,
    ]
    started = [
        clone.begin(sys.executable, "-m", "dask", *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        wait_until(file.exists)
        yield Cluster(json.loads(file.read_text())["address"], started[0], clone)
    finally:
        for process in started:
            process.kill()
            process.wait()
        wait_until(lambda: not runs_at_work(clone))


@pytest.fixture(scope="module")
def driver(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(origin, tmp_path_factory.mktemp("driver") / "clone")


@pytest.fixture(scope="module")
def told(driver: Clone, cluster: Cluster) -> tuple[str, str]:
    """The table and the words of a study called again after its driver and a worker were killed."""
    address, workers = cluster.address, cluster.workers
    command = [sys.executable, "-m", "study.run", "mine.yaml", "--scheduler", address]
    checkpoints = workers.folder / ".dvc" / "tmp" / "cxr" / "checkpoints"
    with driver.begin(*command, stderr=subprocess.DEVNULL) as first:
        wait_until(lambda: any(checkpoints.glob("[!.]*.npz")) or first.poll() is not None)
        for process in runs_at_work(workers):
            if "one" in words(process):
                process.parent().kill()
        first.kill()
    again = driver.run(*command)
    assert again.returncode == 1, again.stderr
    return again.stdout.strip(), again.stderr


@pytest.fixture(scope="module")
def fresh(told: tuple[str, str], origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone that has pulled everything."""
    clone = Clone(origin, tmp_path_factory.mktemp("fresh") / "clone")
    assert clone.ok(*SHARE, "pull") == "pulled one\n"
    return clone


def runs_at_work(project: Project) -> list[psutil.Process]:
    """The processes of single runs begun in a project, and what these have started in their clones of it."""
    found = at_work(project.folder).items()
    return [process for process, folder in found if folder != project.folder or "study.one" in words(process)]


def sums(project: Project, name: str) -> dict[str, str]:
    """The checksums of what an experiment has made of the images, by path."""
    listed = project.ok("git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
    (ref,) = [ref for ref in listed if ref.endswith(f"/{name}")]
    stages = YAML(typ="safe").load(project.ok("git", "show", f"{ref}:dvc.lock"))["stages"]
    return {made["path"]: made["md5"] for stage in stages.values() for made in stage["outs"] if made["path"] in RESULTS}


def in_dvcs_table(project: Project, name: str) -> dict[str, str]:
    """What `dvc exp show` tells of a run that depends on no clock."""
    rows = csv.DictReader(project.ok("dvc", "exp", "show", "--csv").splitlines())
    (row,) = [row for row in rows if row["Experiment"] == name]
    return {figure: row[figure] for figure in FIGURES}


def test_a_failing_run_is_named_with_its_reason(told: tuple[str, str]) -> None:
    last = told[1].strip().splitlines()[-1]
    assert last.startswith("error: 1 of 2 runs failed: doomed: the training loss is nan in epoch "), last


def test_a_killed_driver_goes_on_and_a_killed_workers_run_is_resumed_elsewhere(
    told: tuple[str, str], driver: Clone, cluster: Cluster
) -> None:
    log = (cluster.workers.folder / ".dvc" / "tmp" / "cxr" / "logs" / "one.log").read_text()
    assert re.search(r"^resuming after epoch \d+", log, re.MULTILINE)
    assert len(re.findall(r"Ran experiment\(s\): one", log)) == 1
    assert "one: done in" in told[1]
    assert driver.ok("dvc", "exp", "list", "--name-only").split() == ["one"]
    assert runs_at_work(cluster.workers) == []
    assert list((cluster.workers.folder / ".dvc" / "tmp" / "exps").glob("one-*")) == []


def test_a_fresh_clone_has_the_same_figures_without_training(
    told: tuple[str, str], driver: Clone, fresh: Clone, tmp_path: Path
) -> None:
    assert fresh.ok(sys.executable, "-m", "study.table", "one").strip() == told[0]
    for project, kept in ((fresh, tmp_path / "a"), (driver, tmp_path / "b")):
        project.ok(sys.executable, "-m", "study.keep", str(kept), "one")
    names = sorted(path.name for path in (tmp_path / "a" / "one").iterdir())
    assert "predictions.csv" in names
    assert filecmp.cmpfiles(tmp_path / "a" / "one", tmp_path / "b" / "one", names, shallow=False) == (names, [], [])


def test_all_of_an_experiment_can_be_laid_out(fresh: Clone) -> None:
    fresh.ok("dvc", "exp", "apply", "one")
    assert len(list((fresh.folder / "data" / "raw").rglob("*.jpeg"))) == 80
    assert fresh.ok("dvc", "status").strip() == "Data and pipelines are up to date."


def test_a_run_on_a_local_cluster_whose_driver_was_killed_is_that_of_the_queue_to_the_last_digit(
    told: tuple[str, str], study: Study, origin: Path, tmp_path: Path
) -> None:
    clone = Clone(origin, tmp_path / "clone")
    (clone.folder / "mine.yaml").write_text("runs: {layers-1: {model.layers: C-P-F-D}}")
    command = [sys.executable, "-m", "study.run", "mine.yaml", "--workers", "1"]
    with clone.begin(*command, stderr=subprocess.DEVNULL) as killed:
        wait_until(lambda: runs_at_work(clone))
        killed.kill()
    # With it go the cluster that it has started, and the run.
    wait_until(lambda: not at_work(clone.folder), seconds=60)
    done = clone.run(*command)
    assert done.returncode == 0, done.stderr
    assert "layers-1: done in" in done.stderr
    assert sums(clone, "layers-1") == sums(study.project, "layers-1")
    assert set(sums(clone, "layers-1")) == RESULTS
    assert in_dvcs_table(clone, "layers-1") == in_dvcs_table(study.project, "layers-1")
    table = study.project.ok(sys.executable, "-m", "study.table", "layers-1")
    assert table.strip() == done.stdout.strip()
    assert runs_at_work(clone) == []


def test_a_run_that_the_git_remote_has_is_not_made_again(told: tuple[str, str], driver: Clone) -> None:
    done = driver.run(sys.executable, "-m", "study.one", "mine.yaml", "one", "--from", "origin")
    assert (done.returncode, done.stderr) == (0, "one: finished before\n")


@contextmanager
def at_a_long_run(origin: Path, folder: Path, cluster: Cluster) -> "Iterator[subprocess.Popen[str]]":
    """The study of another clone, in a process group of its own as a terminal starts it, once its run is at work."""
    clone = Clone(origin, folder)
    (clone.folder / "mine.yaml").write_text("runs: {three: {train.epochs: 1000}}")
    command = [sys.executable, "-m", "study.run", "mine.yaml", "--scheduler", cluster.address]
    with clone.begin(*command, stderr=subprocess.PIPE, text=True, start_new_session=True) as study:
        try:
            wait_until(lambda: any("dvc" in words(process) for process in runs_at_work(cluster.workers)))
            yield study
        finally:
            study.kill()


def test_ctrl_c_leaves_nothing_at_work_on_the_cluster(
    told: tuple[str, str], origin: Path, cluster: Cluster, tmp_path: Path
) -> None:
    with at_a_long_run(origin, tmp_path / "clone", cluster) as study:
        tasks = json.loads(cluster.workers.ok(sys.executable, "-c", ASKS, cluster.address))
        os.killpg(study.pid, signal.SIGINT)
        said = study.communicate(timeout=120)[1]
    assert tasks == [{"GPU": 1}]
    assert said.strip().splitlines()[-1] == "error: interrupted; run it again to go on"
    assert runs_at_work(cluster.workers) == []


def test_a_scheduler_that_dies_ends_the_study_in_one_line_and_its_runs(
    told: tuple[str, str], origin: Path, cluster: Cluster, tmp_path: Path
) -> None:
    """The last that is done with this cluster."""
    with at_a_long_run(origin, tmp_path / "clone", cluster) as study:
        cluster.scheduler.kill()
        said = study.communicate(timeout=120)[1]
    assert said.replace("three: begun\n", "") == (
        "0 of 1 runs finished before\nerror: the Dask scheduler is gone; start it and run this again to go on\n"
    )
    wait_until(lambda: not runs_at_work(cluster.workers))
    assert "three" not in cluster.workers.ok("git", "ls-remote", str(origin), "refs/exps/*")


def test_a_folder_is_a_remote_too_for_experiments_whose_own_commit_does_not_know_it(
    fresh: Clone, driver: Clone, origin: Path, tmp_path: Path
) -> None:
    other, folder = tmp_path / "other.git", str(tmp_path / "folder")
    fresh.ok("git", "init", "-q", "--bare", "-b", "main", str(other))
    third = Clone(origin, tmp_path / "third")
    for clone in (fresh, driver, third):
        clone.ok("dvc", "remote", "add", "-q", "--local", "-d", "folder", folder)
    # The driver has all that a report reads, and no images.
    lacking = driver.run(*SHARE, "push", "one", "--git-remote", str(other))
    assert lacking.returncode == 1
    assert lacking.stderr.startswith("error: the DVC remote lacks data/images.npy, data/raw")
    assert driver.ok("git", "ls-remote", str(other)) == ""

    fresh.ok(*SHARE, "push", "one", "--git-remote", str(other))
    third.ok(*SHARE, "pull", "one", "--git-remote", str(other), "--without-images")
    assert third.ok("dvc", "exp", "list", "--name-only").split() == ["one"]
    third.ok(sys.executable, "-m", "study.keep", str(tmp_path / "kept"), "one")


def test_a_secret_is_seen_nowhere(told: tuple[str, str], driver: Clone) -> None:
    (driver.folder / ".dvc" / "config.local").unlink(missing_ok=True)
    wrong = "xyzzy-not-the-key"
    done = driver.run(*SHARE, "push", "one", AWS_SECRET_ACCESS_KEY=wrong)
    assert done.returncode == 1
    assert done.stderr == "error: the DVC remote 'bucket' failed: Forbidden\n"
    address = driver.run(*SHARE, "push", "one", "--git-remote", f"https://me:{wrong}@example.org/x.git")
    assert "holds a password or token" in address.stderr
    assert wrong not in address.stderr + address.stdout
    driver.ok("dvc", "remote", "modify", "bucket", "secret_access_key", wrong)
    refused = driver.run(*SHARE, "push", "one")
    driver.ok("git", "checkout", "-q", ".dvc/config")
    assert refused.stderr.startswith("error: .dvc/config, which Git keeps, holds secrets (bucket secret_access_key)")
    for path in driver.folder.rglob("*"):
        assert not path.is_file() or wrong.encode() not in path.read_bytes(), path


def test_without_a_dvc_remote_nothing_is_said_to_be_pushed(make_dvc_project: Callable[[], Project]) -> None:
    project = make_dvc_project()
    done = project.run(*SHARE, "push", "--git-remote", str(project.folder))
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no DVC remote to hold the data: dvc remote add -d NAME URL")
