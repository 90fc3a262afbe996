"""Some cases of each fault class: what `make torture` tries by the hundred."""

import hashlib
import json
import multiprocessing
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest

from tests.torture import attacks, downloads, inputs, kills, stored, transfers
from tests.torture.__main__ import kills_in_words
from tests.torture.case import Fault, LossError, Measured, run
from tests.torture.faults import FAULTS, PARTS, isolated
from tests.torture.watch import watched

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


def test_what_a_case_must_not_do_is_seen(tmp_path: Path) -> None:
    def connect() -> None:
        with suppress(OSError), socket.socket() as one:
            one.connect(("127.0.0.1", 9))

    forbidden: list[Callable[[], object]] = [
        lambda: (tmp_path / "beside").write_text("x"),
        lambda: (tmp_path / "beside").unlink(),
        lambda: subprocess.run([sys.executable, "-V"], capture_output=True),
        connect,
    ]
    for act in forbidden:
        with pytest.raises(LossError, match="did what it must not"), watched(tmp_path / "its own"):
            act()
    with watched(tmp_path):
        (tmp_path / "beside").write_text("x")
    forbidden[2]()


def test_every_class_has_a_name_of_its_own() -> None:
    assert sum(len(part.FAULTS) for part in PARTS) == len(FAULTS)


def test_what_a_case_counted_is_kept() -> None:
    counted = Fault("", 1, lambda _: Measured("whole", kills=2, resumed=1))
    case = run("counted", counted, 0, 0)
    assert (case.ending, case.kills, case.resumed) == ("whole", 2, 1)
    (line,) = kills_in_words(pd.DataFrame([asdict(case), asdict(case) | {"fault": "other", "kills": 0}])).splitlines()
    assert line.startswith("SIGKILLs that ended a process at work: 2 in `counted`, 2 in all. 2 trainings")


def test_what_is_damaged_in_a_cache_is_found(tmp_path: Path) -> None:
    def keep(content: bytes, digest: str = "", suffix: str = "") -> str:
        digest = digest or hashlib.md5(content).hexdigest()
        (tmp_path / digest[:2]).mkdir(exist_ok=True)
        (tmp_path / digest[:2] / (digest[2:] + suffix)).write_bytes(content)
        return digest

    listed = {name: keep(name.encode()) for name in ("one", "two")}
    content = json.dumps([{"md5": digest, "relpath": name} for name, digest in listed.items()]).encode()
    keep(content, suffix=".dir")
    assert stored.damaged_objects(tmp_path) == []
    keep(b"on", listed["one"])
    (tmp_path / listed["two"][:2] / listed["two"][2:]).unlink()
    one, two = listed.values()
    assert set(stored.damaged_objects(tmp_path)) == {
        f"{one[:2]}/{one[2:]} has another content",
        f"{two} of a folder is missing",
    }


def test_what_a_remote_or_a_clone_lacks_is_found(tmp_path: Path) -> None:
    entry = tmp_path / "runs" / "ab" / "abc" / "one"
    entry.parent.mkdir(parents=True)
    entry.write_bytes(b"entry")
    sums = {name: hashlib.md5(name.encode()).hexdigest() for name in ("one", "entry")}
    place = f"files/md5/{sums['one'][:2]}/{sums['one'][2:]}"
    whole = {place: sums["one"], "runs/ab/abc/one": sums["entry"], "files/md5/ab/half.tmp": "another"}
    transfers.check_remote(whole, tmp_path)
    with pytest.raises(LossError, match="another content"):
        transfers.check_remote(whole | {place: sums["entry"]}, tmp_path)
    with pytest.raises(LossError, match="missing"):
        transfers.check_remote({place: sums["one"]}, tmp_path)
    transfers.check_equal("it", {"one": b""}, {"one": b""})
    for found in ({}, {"one": b"1"}, {"one": b"", "two": b""}):
        with pytest.raises(LossError, match="it differs in 1 files"):
            transfers.check_equal("it", found, {"one": b""})
