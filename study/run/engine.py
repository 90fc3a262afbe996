"""What works off the runs of a study: DVC's queue here (dvc_queue.py), a Dask cluster (dask_cluster.py)."""

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from study.run.grid import Run


class State(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self in {State.DONE, State.FAILED}


class Engine(Protocol):
    """Works off runs in the background and leaves each that ends well as an experiment of its name."""

    def start(self, runs: "list[Run]", n_jobs: int) -> None:
        """Begin the runs, `n_jobs` at a time; returns at once.

        One that ends well replaces the experiment of its name.
        """

    def states(self, names: set[str]) -> dict[str, State]:
        """The state of each run of these names that has been begun.

        Raises UserError where a run can go no further because what worked at it has died.
        """

    def progress(self) -> dict[str, str]:
        """How far runs are, in a word or two, where that is known."""

    def stop(self, names: set[str]) -> set[str]:
        """End the runs of these names that are not over, and all that works at them; returns their names.

        Nothing of them stays: no process, no place in a queue, no temporary copy. Works also for runs that another
        process began and left behind, and where there is nothing to stop.
        """

    def forget(self, names: set[str]) -> None:
        """Take away what is left of runs of these names that are over: experiment, log, and that one failed."""

    def reason(self, name: str) -> str:
        """Why a run failed, in one line."""
