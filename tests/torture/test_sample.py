"""Some cases of each fault class: what `make torture` tries by the hundred."""

import multiprocessing

from tests.torture import attacks, downloads, inputs, kills, together
from tests.torture.faults import FAULTS, isolated

# Seconds a case, for they start processes; the tests of stages and studies kill some too.
COSTLY = {*kills.FAULTS, "download-kaggle", "params-accepted", "command-lines", "archive-bomb"}
QUICK = sorted((attacks.FAULTS | downloads.FAULTS | inputs.FAULTS).keys() - COSTLY)


def test_nothing_is_lost() -> None:
    """In a process of their own, as `make torture` does: what watches a case sees all that the process does."""
    cases, mebibytes = isolated({name: list(range(max(3, FAULTS[name].n_cases // 30))) for name in QUICK}, seed=0)
    assert [(case.fault, case.number, case.reason) for case in cases if case.ending == "lost"] == []
    assert {case.fault for case in cases} == set(QUICK)
    assert mebibytes < 1000
    assert not multiprocessing.active_children()


def test_every_class_has_a_name_of_its_own() -> None:
    parts = (attacks.FAULTS, downloads.FAULTS, inputs.FAULTS, kills.FAULTS, together.FAULTS)
    assert sum(len(part) for part in parts) == len(FAULTS)
