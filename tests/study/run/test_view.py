"""What a terminal shows of a study while runs are at work."""

import re
import sys

from tests.conftest import ROOT, Project

# Eight runs at work at once, which end one after the other; in the place of what works them off.
WATCHED = """
import threading
from study.run import __main__ as run
from study.run.engine import State
NAMES = [f"layers-{i}-grouped" for i in range(8)]
class Engine:
    n_looks = 0
    def states(self, names):
        self.n_looks += 1
        return {name: State.DONE if i < self.n_looks - 3 else State.RUNNING for i, name in enumerate(NAMES)}
    def progress(self):
        return {name: f"epoch {self.n_looks}/{20 + i}" for i, name in enumerate(NAMES)}
run.LONGEST_PAUSE = run.SHORTEST_PAUSE = 0.01
run._watch(Engine(), set(NAMES), "study", threading.Event())
print("after")
"""
COLUMNS = 80


def test_all_runs_at_work_are_seen_at_once_on_a_narrow_terminal() -> None:
    shown = Project(ROOT).on_terminal(sys.executable, "-c", WATCHED, columns=COLUMNS)
    lines = [line.rstrip() for line in re.split("[\r\n]", shown)]
    for i in range(8):
        assert f"layers-{i}-grouped epoch 2/{20 + i}" in lines
        assert f"layers-{i}-grouped: done in 0 s" in lines
    assert max(map(len, lines)) <= COLUMNS
    assert any(line.startswith("study: 100%") for line in lines)
    assert lines[-2:] == ["after", ""]
