"""Run a study: `python -m study.run study.yaml [--only NAME ...] [--set section.key=value ...] [--label NAME]`.

Starts from the commit and leaves the work tree alone. Works off the runs that are not finished and names each that
fails with its reason. Called again after an interruption it goes on: finished runs stay, a training resumes at its
last epoch.
"""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    # While the modules load nothing has begun: Ctrl-C ends this process at once, and prints no traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import Any

from tqdm import tqdm

from cxr import ending
from cxr.arguments import folder_to_write
from cxr.errors import UserError
from stages import project
from study import experiments, mend, study_file
from study.commands import dvc
from study.run import baseline, grid, lock, overrides, preparation
from study.run.engine import Engine, State

# Seconds between two looks at the runs: soon after one has changed its state, then ever less often.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 2.0


def main() -> None:
    arguments = _arguments()
    baseline.check_identity()
    base = baseline.read(arguments.uncommitted)
    extra = overrides.parse_overrides(arguments.set)
    runs = grid.load(arguments.study, base.params, extra, arguments.label, arguments.only)
    with lock.alone(arguments.study, {run.name for run in runs} | preparation.names(runs)) as left:
        refs = experiments.finished()
        wanted = [run for run in runs if not experiments.is_finished(run.name, run.params, base.files, refs)]
        grid.check(wanted)
        print(f"{len(runs) - len(wanted)} of {len(runs)} runs finished before", file=sys.stderr)
        # An exception instead, in the midst of DVC's code, might be swallowed there.
        with ending.put_off() as stop:
            failures = {}
            if wanted or left:
                # A worker that was killed as it wrote may have left them so that DVC reads none.
                mend.locks()
                with _engine(base, wanted, arguments) as engine:
                    failures = _work_off(engine, wanted, left, arguments.jobs, stop)
            _check(stop)
    if finished := [run.name for run in runs if run.name not in failures]:
        _show(finished, arguments)
    if failures:
        raise UserError(f"{len(failures)} of {len(runs)} runs failed: {grid.told(failures)}")


@contextmanager
def _engine(base: baseline.Baseline, runs: list[grid.Run], arguments: argparse.Namespace) -> Iterator[Engine]:
    # DVC's modules, and Dask's, take seconds to load, for which a study with nothing to do need not wait.
    if not (arguments.scheduler or arguments.workers):
        from study.run.dvc_queue import DvcQueue

        yield DvcQueue(base)
        return
    try:
        from study.run import dask_client, dask_cluster
    except ModuleNotFoundError:
        raise UserError("--scheduler and --workers need Dask: make dask installs it (docs/cluster.md)") from None
    from study import share

    if base.files != base.head:
        raise UserError("a cluster runs what was pushed to the Git remote, and knows nothing uncommitted")
    address = share.git_address(arguments.git_remote)
    share.check_dvc_remote()
    with dask_client.connected(arguments.scheduler, arguments.workers) as client:
        yield dask_cluster.DaskCluster(client, base, runs, address)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m study.run",
        description="Train the runs of a study file that are not finished, as DVC experiments, then show the table of "
        "the finished ones. Called again after a stop, it goes on at the last finished epoch.",
    )
    parser.add_argument("study", type=Path, help="study file, such as study.yaml")
    parser.add_argument(
        "--only", action="extend", nargs="*", default=[], metavar="NAME", help="only these runs of the file"
    )
    parser.add_argument(
        "--set",
        action="extend",
        nargs="*",
        default=[],
        metavar="KEY=VALUE",
        help="parameters of all runs, such as images.size=112 train.epochs=3",
    )
    parser.add_argument(
        "--label",
        default="",
        help="added to the runs' names, so that finished runs of other parameters stay beside them",
    )
    parser.add_argument("--uncommitted", action="store_true", help="run the work tree with its changes, not the commit")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=count, default=1, help="runs at a time (default: 1)")
    where.add_argument("--workers", type=count, default=0, help="Dask workers to start on this machine, one run each")
    where.add_argument("--scheduler", default="", metavar="tcp://HOST:PORT", help="Dask cluster to use")
    parser.add_argument(
        "--git-remote",
        default="origin",
        metavar="REMOTE",
        help="with Dask: name or address of the Git remote (default: origin)",
    )
    parser.add_argument("--in-words", action="store_true", help="say in five sentences what the results show")
    parser.add_argument(
        "--plots", type=folder_to_write, metavar="FOLDER", help="write the runs' curves to FOLDER/index.html"
    )
    parser.add_argument(
        "--report", type=folder_to_write, metavar="FOLDER", help="write their report to FOLDER/index.html"
    )
    return parser.parse_args()


def count(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"should be 1 or more, got {number}")
    return number


def _work_off(
    engine: Engine, runs: list[grid.Run], left: set[str], n_jobs: int, stop: threading.Event
) -> dict[str, str]:
    """Have the runs worked off, after those that an earlier study has left; the reason of each failure by name.

    Raises KeyboardInterrupt where the user stops it. Whatever happens, none of the runs is at work afterwards.
    """
    names = {run.name for run in runs}
    if stopped := engine.stop(names | left):
        print(f"stopped what an earlier study had left at work: {', '.join(sorted(stopped))}", file=sys.stderr)
    if not runs:
        return {}
    try:
        for first_stages, members in preparation.preparations(runs):
            _prepare(engine, first_stages, [run.name for run in members], stop)
        _check(stop)
        engine.start(runs, n_jobs)
        states = _watch(engine, names, "study", stop)
        return {name: engine.reason(name) for name in sorted(names) if states[name] is State.FAILED}
    except KeyboardInterrupt:
        print("stopping; what is finished stays", file=sys.stderr)
        raise
    finally:
        engine.stop(names)


def _prepare(engine: Engine, first_stages: grid.Run, names: list[str], stop: threading.Event) -> None:
    """Make what these runs start from. Raises UserError where that fails, and with it each of them would."""
    name = first_stages.name
    try:
        _check(stop)
        engine.start([first_stages], 1)
        if _watch(engine, {name}, "images", stop)[name] is State.FAILED:
            raise UserError(f"no run was begun. {grid.told(dict.fromkeys(names, engine.reason(name)))}")
    finally:
        engine.stop({name})
        engine.forget({name})


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise KeyboardInterrupt


def _watch(engine: Engine, names: set[str], title: str, stop: threading.Event) -> dict[str, State]:
    """The states of the runs once all are over; on the way, a line for each that ends.

    A terminal also has a bar of this title, and under it how far each run at work is; a file, which would keep every
    state of these, a line for each that begins.
    """
    known: dict[str, State] = {}
    over: set[str] = set()
    started: dict[str, float] = {}
    pause = SHORTEST_PAUSE
    bar: tqdm[Any] = tqdm(total=len(names), desc=title, unit="run", disable=None)
    with bar, _Lines() as lines:
        while over != names:
            stop.wait(pause)
            _check(stop)
            now = engine.states(names)
            over = {name for name in names & now.keys() if now[name].is_over}
            # One that is over may have made room for one that begins.
            for name in [*sorted(over), *sorted(names - over)]:
                _tell(bar, name, known.get(name), now.get(name), started)
            pause = SHORTEST_PAUSE if now != known else min(1.5 * pause, LONGEST_PAUSE)
            known = now
            told = engine.progress()
            at_work = [name for name in sorted(known) if known[name] is State.RUNNING]
            lines.show([" ".join([name, told.get(name, "")]).strip() for name in at_work])
    return known


class _Lines:
    """Lines of a terminal under a bar, which itself has no room for all runs of a cluster; nothing in a file."""

    def __init__(self) -> None:
        self.lines: list[tqdm[Any]] = []

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        for line in self.lines:
            line.close()

    def show(self, texts: list[str]) -> None:
        """Show these texts and no others."""
        for place in range(len(self.lines), len(texts)):
            self.lines.append(tqdm(bar_format="{desc}", position=place + 1, leave=False, disable=None))
        width = get_terminal_size().columns - 1
        for line, text in zip(self.lines, [*texts, *[""] * (len(self.lines) - len(texts))], strict=True):
            line.set_description_str(text[:width])


def _tell(bar: "tqdm[Any]", name: str, before: State | None, now: State | None, started: dict[str, float]) -> None:
    """Report a run that has changed its state."""
    if now == before or now is None:
        return
    moment = time.monotonic()
    if now is State.RUNNING:
        started[name] = moment
        if bar.disable:
            bar.write(f"{name}: begun", file=sys.stderr)
    if now.is_over:
        bar.update()
        bar.write(f"{name}: {now} in {moment - started.get(name, moment):.0f} s", file=sys.stderr)


def _show(names: list[str], arguments: argparse.Namespace) -> None:
    """The table of finished runs, and the sentences and pages that were asked for."""
    # They load what draws and measures, for which a study that ends with an error need not wait.
    from study import in_words, results, table
    from study.families import families
    from study.report.__main__ import main as report

    found = results.from_experiments(names)
    table.show(found)
    if arguments.in_words:
        together = families(found, study_file.margin(arguments.study))
        print(
            "",
            *(fill(sentence, 100, subsequent_indent="  ") for sentence in in_words.sentences(together)),
            sep="\n",
        )
    print()
    if arguments.plots:
        dvc("plots", "diff", *experiments.revisions(names), "--out", str(arguments.plots))
        print(f"curves: {(arguments.plots / 'index.html').resolve()}")
    if arguments.report:
        report(["--study", str(arguments.study), "--out", str(arguments.report)])


if __name__ == "__main__":
    project.run(main)
