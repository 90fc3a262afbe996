"""One run of a study, alone: `python -m study.one study.yaml layers-2 --from GIT_REMOTE`.

For a shell on another machine, a job of Slurm, a task of Dask. In a clean clone of what was pushed it runs the
experiment, pulls what others made before and pushes what it makes: data and run cache to the DVC remote, then the
experiment's commit to the Git remote. A run that the Git remote has is not made again. The folder that it is called in,
itself a clone of the project, lends its DVC cache, its credentials (.dvc/config.local) and its checkpoints, so that
runs on one disk share all of that.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cxr.errors import UserError
from cxr.files import folder_of_the_living
from stages import project
from study import experiments, share
from study.commands import environment, error_line, git
from study.run import baseline, grid, overrides, preparation
from study.run.baseline import Baseline

# Seconds that a process is given to end by itself.
PATIENCE = 10.0
# Beside DVC's own copies, so that a stage finds the folder that lends: see project.home.
CLONES = Path(".dvc/tmp/exps")
PREFIX = "one-"


def main() -> None:
    arguments = _arguments()
    if arguments.until_closed:
        threading.Thread(target=_stop_when_closed, daemon=True).start()
    # A folder that is not the project's is told by the file that it lacks.
    project.read_yaml(Path("params.yaml"))
    baseline.check_identity()
    study = arguments.study.resolve()
    address = share.git_address(arguments.git_remote)
    commit = arguments.at or baseline.read(is_uncommitted=False).head
    with _clone(address, commit, arguments.name):
        share.check_dvc_remote()
        base = Baseline(commit, commit)
        runs = grid.load(study, base.params, overrides.parse_overrides(arguments.set), arguments.label)
        run = _named(runs, arguments.name)
        if arguments.only_images:
            _make_images(preparation.first_stages(run), base)
        else:
            _make(run, base, address)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m study.one",
        description="Run one experiment of a study in a temporary clone of what was pushed, and push what it makes: "
        "data to the DVC remote, then the experiment to the Git remote (docs/cluster.md).",
    )
    parser.add_argument("study", type=Path, help="study file, such as study.yaml")
    parser.add_argument("name", help="name of the run, with its label, such as layers-2-seed1")
    parser.add_argument(
        "--from",
        dest="git_remote",
        required=True,
        metavar="GIT_REMOTE",
        help="name or address of the Git remote that has the code and takes the experiment",
    )
    parser.add_argument("--at", metavar="COMMIT", help="commit to run (default: the commit of this folder)")
    parser.add_argument(
        "--set", action="extend", nargs="*", default=[], metavar="KEY=VALUE", help="parameters, as for study.run"
    )
    parser.add_argument("--label", default="", help="label, as for study.run")
    parser.add_argument(
        "--only-images", action="store_true", help="make and push the images and their split, train nothing"
    )
    parser.add_argument("--until-closed", action="store_true", help="stop when standard input is closed")
    return parser.parse_args()


def _named(runs: list[grid.Run], name: str) -> grid.Run:
    try:
        return next(run for run in runs if run.name == name)
    except StopIteration:
        raise UserError(f"the study has no run '{name}'; it has {', '.join(run.name for run in runs)}") from None


def _make(run: grid.Run, base: Baseline, address: str) -> None:
    """Run an experiment in this clone and push it, unless the Git remote has it."""
    git("fetch", "--quiet", address, f"+{experiments.EXPERIMENTS}/*:{experiments.EXPERIMENTS}/*")
    if experiments.is_finished(run.name, run.params, base.files, experiments.of_present_commit()):
        print(f"{run.name}: finished before", file=sys.stderr)
        return
    # DVC takes no second experiment of a name.
    experiments.remove({run.name})
    Path("params.yaml").write_text(base.params_with(run.overrides))
    with project.alone("images"):
        # The first run on this disk makes or pulls the images; the others wait and find them there.
        _dvc(run.name, "repro", "--pull", *preparation.TARGETS)
    _dvc(run.name, "exp", "run", "--pull", "--allow-missing", "--name", run.name)
    ref = experiments.of_present_commit()[run.name]
    share.send([ref])
    git("push", "--quiet", address, f"+{ref}:{ref}")
    print(f"{run.name}: done", file=sys.stderr)


def _make_images(first: grid.Run, base: Baseline) -> None:
    """Run the first stages in this clone and push what they made; their experiment stays here, and goes with it."""
    Path("params.yaml").write_text(base.params_with(first.overrides))
    with project.alone("images"):
        _dvc(first.name, "exp", "run", "--pull", "--allow-missing", "--name", first.name, *first.targets)
    share.send([experiments.of_present_commit()[first.name]])
    print(f"{first.name}: done", file=sys.stderr)


def _dvc(name: str, *arguments: str) -> None:
    """Run DVC in this clone and show what it says. Raises UserError with the run's name and its error line.

    Whatever ends this process, nothing that DVC has started stays at work.
    """
    command = [sys.executable, "-m", "dvc", *arguments]
    with subprocess.Popen(
        command,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Ctrl-C in the terminal is for this process, which then stops things in order.
        start_new_session=True,
    ) as process:
        said = b""
        try:
            for line in process.stdout or ():
                said += line
                sys.stderr.buffer.write(line)
                sys.stderr.flush()
            process.wait()
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise UserError(f"{name}: {error_line(said.decode(errors='replace'))}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all of its group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)


def _stop_when_closed() -> None:
    """Stop this process when whoever holds its standard input open has gone, however that ended."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _clone(address: str, commit: str, name: str) -> Iterator[None]:
    """Work in a clean clone at `commit` while the block runs; then it goes."""
    from dvc.repo import Repo

    here = Path.cwd()
    with Repo() as repo:
        cache, remotes = repo.cache.legacy.path, repo.config["remote"]
    with folder_of_the_living(CLONES, PREFIX, name=f"{name}-") as folder:
        folder = folder.resolve()
        git("clone", "--quiet", "--no-checkout", address, str(folder))
        os.chdir(folder)
        try:
            _check_out(commit, address)
            with suppress(FileNotFoundError):
                shutil.copy(here / ".dvc" / "config.local", ".dvc/config.local")
            # What DVC notes of the clone goes with it.
            os.environ["DVC_SITE_CACHE_DIR"] = str(folder / ".dvc" / "tmp" / "site")
            with Repo() as repo, repo.config.edit("local") as local:
                local["cache"]["dir"] = cache
                for remote, settings in remotes.items():
                    # A remote's path may be relative to the folder that lends; the clone lies elsewhere, so it is set
                    # here as DVC has resolved it there.
                    if "://" not in settings["url"]:
                        local["remote"].setdefault(remote, {})["url"] = str(settings["url"])
            yield
        finally:
            os.chdir(here)


def _check_out(commit: str, address: str) -> None:
    try:
        git("checkout", "--quiet", "--detach", commit)
    except UserError:
        raise UserError(f"{address} has no commit {commit[:7]}; git push it first") from None


if __name__ == "__main__":
    project.run(main)
