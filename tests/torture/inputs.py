"""Every key of params.yaml, study files, and the options of every command, with values that nobody meant.

What is accepted must run; all else is one line, said before any work.
"""

import copy
import json
import math
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cxr import sections
from stages import project
from study.run import grid, overrides
from tests.conftest import ROOT, TINY
from tests.torture.case import Ending, Fault, LossError, ending, said_by
from tests.torture.pipeline import STAGES, copied, finished, one_line

Generator = np.random.Generator

ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 3, 0.0, -0.0, 0.5, 1.0, 1.5, -2.5, 1e-300, 1e308, math.nan, math.inf, -math.inf),
    *(2**31, 2**32, 2**63, 10**30, "", " ", "0", "1e-4", "none", "null", "yes", "../../etc/passwd", "/", "C-P-F-D"),
    *("C" * 5000, "C-P-", "-", "P-P-P-P-P-F", "D-F", "D999999999999", "sensitivity:2", "sensitivity:", "youden"),
    *("DenseNet121", "normal\ndata", "\0", "ü漢\u202e", "${images.size}", [], [0], [1], [64, "128"], [2, 2], [[2]]),
    *(list(range(1000)), {}, {"a": 1}, "2026-11-25", "!!python/object/apply:os.system [id]"),
]


@cache
def base() -> dict[str, Any]:
    params = project.read_yaml(ROOT / "params.yaml")
    for key, value in TINY.items():
        section, name = key.split(".")
        params[section][name] = value
    return params


def one_value(generator: Generator) -> Ending:
    """A key, or several, with another value."""
    params = copy.deepcopy(base())
    for _ in range(generator.integers(1, 4)):
        section = str(generator.choice(list(params)))
        key = str(generator.choice(list(params[section])))
        params[section][key] = ODD[generator.integers(len(ODD))]
    return judged(params)


def other_keys(generator: Generator) -> Ending:
    """Sections and keys that are missing, misspelt, doubled in another case, or of another kind."""
    params: dict[Any, Any] = copy.deepcopy(base())
    section = str(generator.choice(list(params)))
    key = str(generator.choice(list(params[section])))
    odd = ODD[generator.integers(len(ODD))]
    match generator.integers(6):
        case 0:
            del params[section]
        case 1:
            del params[section][key]
        case 2:
            params[section] = odd
        case 3:
            params[section][str(odd)] = 1
        case 4:
            params[odd if isinstance(odd, int | str | float | None) else "odd"] = {key: 1}
        case _:
            params[section][key.upper()] = params[section].pop(key)
    return judged(params)


def judged(params: Any) -> Ending:
    return ending(said_by(lambda: sections.check(params)))


def changed_text(generator: Generator) -> Ending:
    """params.yaml as text: characters changed, lines doubled, moved or cut, other encodings."""
    text = (ROOT / "params.yaml").read_text()
    content = text.encode()
    lines = text.splitlines(keepends=True)
    match generator.integers(6):
        case 0:
            changed = bytearray(content)
            for _ in range(generator.integers(1, 6)):
                changed[generator.integers(len(changed))] = generator.integers(256)
            content = bytes(changed)
        case 1:
            content = content[: generator.integers(len(content))]
        case 2:
            generator.shuffle(lines)
            content = "".join(lines).encode()
        case 3:
            at = int(generator.integers(len(lines)))
            content = "".join([*lines[:at], lines[at], *lines[at:]]).encode()
        case 4:
            content = text.encode(str(generator.choice(["utf-16", "utf-8-sig", "latin-1"])), "replace")
        case _:
            odd = [
                "\t",
                "&a [*a]",
                "- ",
                "{",
                "!!binary x",
                "<<: *x",
                "? ",
                "%YAML 1.1\n---\n",
                "---\n",
                "[" * 3000,
                "a: " * 100,
            ]
            at = int(generator.integers(len(lines)))
            lines.insert(at, str(odd[generator.integers(len(odd))]) + "\n")
            content = "".join(lines).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        path.write_bytes(content)
        return ending(said_by(lambda: sections.check(project.read_yaml(path))))


def study_file(generator: Generator) -> Ending:
    """Study files of any shape: names, overrides, values."""
    names = [
        "layers-1",
        "a b",
        "",
        "-x",
        "../x",
        "a@b",
        "HEAD",
        "x.lock",
        "ü",
        "a" * 300,
        "a..b",
        "a+images",
        "1",
        "true",
        "refs/heads/main",
    ]
    keys = [f"{section}.{key}" for section, values in base().items() for key in values]
    keys += ["train", "train.", ".epochs", "train.epochs.x", "nothing.here", "", "train.Epochs"]

    def some(n: int) -> dict[Any, Any]:
        return {str(generator.choice(keys)): ODD[generator.integers(len(ODD))] for _ in range(n)}

    study: Any = {"runs": {str(generator.choice(names)): some(int(generator.integers(0, 3))) for _ in range(3)}}
    match generator.integers(6):
        case 0:
            study["params"] = ODD[generator.integers(len(ODD))]
        case 1:
            study["params"] = some(2)
        case 2:
            study["runs"] = ODD[generator.integers(len(ODD))]
        case 3:
            study["runs"]["layers-1"] = ODD[generator.integers(len(ODD))]
        case 4:
            study = ODD[generator.integers(len(ODD))]
        case _:
            study["other"] = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_text(json.dumps(study))
        label = str(generator.choice(["", "seed1", "a b", "/"]))
        return ending(said_by(lambda: grid.check(grid.load(path, base(), {}, label))))


def override(generator: Generator) -> Ending:
    """Words of --set."""
    keys = [f"{section}.{key}" for section, values in base().items() for key in values]
    left = str(generator.choice([*keys, "x", "train.epochs.", "=", "", "a.b"]))
    word = f"{left}{generator.choice(['=', '', '==', ' = ', ':'])}{ODD[generator.integers(len(ODD))]}"

    def check() -> None:
        params = copy.deepcopy(base())
        for key, value in overrides.parse_overrides([word]).items():
            section, _, name = key.partition(".")
            params.setdefault(section, {})[name] = value
        sections.check(params)

    return ending(said_by(check))


# Seconds in which a command with nothing to do has ended, also where ten others want the same two cores.
LONGEST = 300

COMMANDS = [
    *("study.run", "study.run study.yaml", "study.table", "study.compare", "study.report", "study.keep kept"),
    *("study.bundle", "study.shifts", "study.ranking none.csv", "cxr.predict", "cxr.predict none.keras"),
    *("study.templates", "study.mend"),
]
WORDS = [
    *("--help", "--jobs", "0", "-1", "x", "--set", "train.epochs=0", "a=b", "--label", "a b", "--out", "/dev/null/x"),
    *("nobody", "--kept", "/nowhere", "--csv", "--json", "--", "", "\u202e", "layers-1@f00", "--strengths", "9"),
    *("--study", "params.yaml", "--plots", "README.md"),
]


def command_line(generator: Generator) -> Ending:
    """A command with words that it may or may not know, where nothing has run yet."""
    command = str(generator.choice(COMMANDS)).split()
    words = [str(word) for word in generator.choice(WORDS, int(generator.integers(0, 4)))]
    with copied(finished().project) as made:
        made.ok("git", "init", "-q")
        before = sorted(path for path in made.folder.rglob("*") if "__pycache__" not in path.parts)
        done = subprocess.run(
            [sys.executable, "-m", *command, *words], cwd=made.folder, env=made.environment(), capture_output=True,
            text=True, timeout=LONGEST,
        )  # fmt: skip
        if "Traceback" in done.stderr:
            raise LossError(f"{command} {words}: {done.stderr.strip().splitlines()[-1][:200]}")
        if done.returncode and "error:" not in done.stderr:
            raise LossError(f"{command} {words}: exit code {done.returncode} and no word of why")
        after = sorted(path for path in made.folder.rglob("*") if "__pycache__" not in path.parts)
        if done.returncode and after != before and not all(".dvc" in path.parts for path in set(after) - set(before)):
            raise LossError(f"{command} {words}: left {sorted(set(after) - set(before))[:3]}")
        return "told" if done.returncode else "whole"


def accepted_runs(generator: Generator) -> Ending:
    """Parameters that are accepted, odd as they are: every stage runs, or says in one line why it cannot."""
    params = copy.deepcopy(base())
    n_changes = int(generator.integers(1, 4))
    for _ in range(500):
        changed = copy.deepcopy(params)
        section = str(generator.choice([name for name in params if name not in ("phantom", "data")]))
        key = str(generator.choice(list(params[section])))
        changed[section][key] = ODD[generator.integers(len(ODD))]
        if changed[section][key] != params[section][key] and judged(changed) == "whole" and _is_cheap(changed):
            params, n_changes = changed, n_changes - 1
        if n_changes == 0:
            break
    else:
        raise LossError("no parameters were accepted")
    with copied(finished().project) as made:
        made.set_all({f"{section}.{key}": value for section, values in params.items() for key, value in values.items()})
        for stage in STAGES:
            done = made.stage(stage)
            if done.returncode:
                one_line(done)
                return "told"
        return "whole"


def _is_cheap(params: Any) -> bool:
    """Whether a stage with these takes seconds, and nothing is downloaded."""
    costs = (params["train"]["epochs"], params["model"]["dense_units"], params["explain"]["n_columns"])
    return all(isinstance(cost, int) and cost < 50 for cost in costs) and params["model"]["weights"] == "none"


FAULTS = {
    "params-values": Fault("keys of params.yaml with values that nobody meant", 600, one_value),
    "params-keys": Fault("sections and keys missing, misspelt or of another kind", 200, other_keys),
    "params-text": Fault("params.yaml as text: bytes, lines, encodings, YAML's tricks", 200, changed_text),
    "params-accepted": Fault("odd parameters that are accepted: every stage is run", 25, accepted_runs),
    "study-file": Fault("study files of any shape", 200, study_file),
    "set-words": Fault("words of --set", 200, override),
    "command-lines": Fault("commands with words that they may not know", 80, command_line),
}
