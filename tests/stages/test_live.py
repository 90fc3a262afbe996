"""A queued run shows its curves while it trains."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import Study
from tests.processes import wait_until

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for a process in /proc")
def test_a_queued_run_shows_its_curves_while_it_trains(study: Study) -> None:
    """What DVC's extension for VS Code does: it watches a file, and then asks `dvc plots diff` and `dvc exp show`."""
    project = study.project
    signal_file = project.folder / ".dvc" / "tmp" / "exps" / "run" / "DVCLIVE_STEP_COMPLETED"
    project.ok("dvc", "exp", "run", "--queue", "-n", "live", "-S", "train.epochs=400")
    # Its worker would hold a pipe open until it ends.
    project.ok("bash", "-c", "dvc queue start -j 1 >/dev/null 2>&1")
    try:
        wait_until(lambda: signal_file.exists() and signal_file.read_text() != "")

        told = json.loads(signal_file.read_text())
        assert set(told) == {"pid", "step"}
        works_in = (Path("/proc") / str(told["pid"]) / "cwd").resolve()
        assert works_in.parent == project.folder / ".dvc" / "tmp" / "exps"

        curves = json.loads(project.ok("dvc", "plots", "diff", "--json", "live"))["data"]["plots/history.csv"]
        (figure,) = curves
        points = figure["content"]["data"]["values"]
        assert len({point["epoch"] for point in points}) > told["step"]
        assert "Running" in project.ok("dvc", "exp", "show", "--csv")
        assert json.loads(signal_file.read_text())["pid"] == told["pid"], "still training"
    finally:
        # Not dvc queue kill: it asks DVC's own process, which would let the training go on to its end.
        with suppress(FileNotFoundError):
            os.kill(json.loads(signal_file.read_text())["pid"], signal.SIGINT)
    wait_until(lambda: not signal_file.exists())
