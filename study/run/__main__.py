"""Run a study: `python -m study.run study.yaml [--set section.key=value ...] [--label NAME] [--jobs N]`.

Queues the runs that are not finished, works them off, names each that fails with its reason, and shows the
table. Interrupted, it goes on where it stopped: finished runs stay, a training resumes at its last epoch.
"""

import argparse
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cxr.errors import UserError
from stages import project
from study import experiments
from study.commands import dvc
from study.run import grid, overrides

POLL = 2.0
OVER = {"Success", "Failed"}


def main() -> None:
    arguments = _arguments()
    runs = grid.load(arguments.study, overrides.parse_overrides(arguments.set), arguments.label)
    wanted = [run for run in runs if not experiments.is_finished(run)]
    grid.check(wanted)
    print(f"{len(runs)} runs, {len(runs) - len(wanted)} finished before", file=sys.stderr)
    try:
        failures = _work_off(wanted, arguments.jobs, _stop_signal()) if wanted else {}
    except KeyboardInterrupt:
        experiments.clear({run.name for run in wanted})
        raise
    if arguments.plots:
        _plots([run.name for run in runs if run.name not in failures], arguments.plots)
    if failures:
        told = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
        raise UserError(f"{len(failures)} of {len(runs)} runs failed: {told}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m study.run", description="Run the experiments of a study file.")
    parser.add_argument("study", type=Path, help="study file, such as study.yaml")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="overrides for all runs")
    parser.add_argument(
        "--label", default="", help="ends the runs' names, to keep them beside those of other overrides"
    )
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="write the runs' curves to FOLDER/index.html")
    return parser.parse_args()


def _stop_signal() -> threading.Event:
    """Set when the user stops the study: an exception in the midst of DVC's code might be swallowed there."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _work_off(runs: list[grid.Run], n_jobs: int, stop: threading.Event) -> dict[str, str]:
    """Queue the runs and wait until all are over; the reason of each failure by name.

    Raises KeyboardInterrupt once `stop` is set.
    """
    names = {run.name for run in runs}
    experiments.clear(names)
    for run in tqdm(runs, desc="queue", unit="run"):
        experiments.enqueue(run)
        _check(stop)
    experiments.start(n_jobs)
    known: dict[str, str] = {}
    started: dict[str, float] = {}
    bar: tqdm[Any] = tqdm(total=len(runs), desc="study", unit="run")
    with bar:
        while not all(known.get(name) in OVER for name in names):
            stop.wait(POLL)
            _check(stop)
            # Asked first: what a worker that has gone leaves as running, nobody runs.
            is_worked_on = experiments.has_workers()
            now = experiments.states(names)
            for name in sorted(names):
                _tell(bar, name, known.get(name), now.get(name), started)
            known = now
            bar.set_postfix_str(", ".join(experiments.running(known)))
            if not is_worked_on:
                _restart(known, n_jobs)
    return {name: experiments.reason(name) for name in sorted(names) if known[name] == "Failed"}


def _restart(states: dict[str, str], n_jobs: int) -> None:
    """Start workers for what waits; what a dead worker was at is taken out of the queue, with a UserError."""
    if lost := experiments.running(states):
        experiments.clear(set(states))
        raise UserError(f"DVC's queue worker died at {', '.join(lost)}; run it again to go on")
    if "Queued" in states.values():
        experiments.start(n_jobs)


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise KeyboardInterrupt


def _tell(bar: "tqdm[Any]", name: str, before: str | None, now: str | None, started: dict[str, float]) -> None:
    """Report a run that has changed its state."""
    if now == before or now is None:
        return
    if now == "Running":
        started[name] = time.monotonic()
    if now in OVER:
        bar.update()
        took = time.monotonic() - started.get(name, time.monotonic())
        bar.write(f"{name}: {'done' if now == 'Success' else 'failed'} in {took:.0f} s", file=sys.stderr)


def _plots(names: list[str], folder: Path) -> None:
    """One page with the curves of all runs."""
    dvc("plots", "diff", *names, "--out", str(folder))
    print(f"curves: {(folder / 'index.html').resolve()}")


if __name__ == "__main__":
    project.run(main)
