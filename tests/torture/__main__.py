"""Try faults and write what came of it: `python -m tests.torture [--only NAME ...] [--share 0.1] [--case NUMBER]`.

Each fault class runs in a process of its own, whose memory is measured. Exit code 1 where anything was lost.
"""

import argparse
import sys
import textwrap
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from cxr import files
from tests.torture.case import Case, Fault
from tests.torture.faults import FAULTS, isolated

TABLE = Path("docs/results/reliability.csv")
PAGE = Path("docs/reliability.md")
# Counted in those cases that were not lost.
KILLED = ("kills", "resumed")
GROWTH_TABLE = Path("docs/results/reliability_growth.csv")
GROWTH_TITLES = {
    "fault": "name",
    "runs": "runs",
    "failed": "of which failed",
    "seconds": "seconds of the last study",
    "processes": "processes at most",
    "mebibytes": "memory at most, MiB",
    "clone": "clone, MiB",
    "cache": "of which DVC's cache",
    "cache_after_gc": "cache after `dvc gc`",
    "table": "`study.table`: seconds, peak MiB",
    "compare": "`study.compare`",
    "report": "`study.report`",
}

INTRODUCTION = """# What it survives

Each line is a class of faults, made many times over from random numbers, on real parts: the stages' own code, the real
kagglehub client, DVC, processes that are really killed. *Whole*: all ended as if nothing had happened. *Told*: one line
said what is wrong and nothing half done was left. *Lost*: anything else, a traceback included. *Peak memory* is that of
the process that made the cases, with all that it had loaded before.

`make torture` makes the table again, `make torture ONLY=image-bomb` one line of it,
`make torture ONLY=image-bomb CASE=7` one case, `SHARE=0.1` a tenth of the cases; neither of these two
changes the table. `long-10` takes minutes, `long-200` more than half an hour. `tests/torture/test_sample.py` tries some
cases of the quick classes in every `make test`.

How far to trust the table:

- *Seconds* depend on what else the two cores do: those of `command-lines` were 139 on one day and 1,200 beside ten
  other programs. The killed classes, `at-once` and `long-200` shared the machine with trainings or tests.
- `killed-transfer` lost 5 of 28 cases before its last mends; its line is of the code after them. Of the twelve cases of
  `at-once`, ten were made before a8e5d44, and two, which had ended in a traceback, after it.
- Kills have been counted only since the first 40 cases of `killed-stage` were made, so the sentence below the table has
  the kills of its other 80. Of the nine cases of `killed-study` it has those of the first two.
- `dvc repro -q` that gets Ctrl-C may end without a word of its own: that counts as told.
- The one lost case of `full-disk` (`CASE=11`): where no folder for temporary files takes a byte, TensorFlow asks for
  one while it is loaded, before the stage can say a line, and a traceback ends in "No usable temporary directory
  found". Nothing is half written; the cure is room in /tmp, or another folder in TMPDIR.

Two things have tests of their own instead of a line. Secrets of a store that must be seen nowhere:
`tests/study/run/test_dask_cluster.py`. Dependencies: the locks carry hashes, and `make lowest` runs the quick
tests with the lowest versions allowed; `pip-audit` reached no advisories where this was made.
"""
# What, and the commits that mend it.
DEFECTS = {
    "images and pictures that claim more than any radiograph has were read into memory": "f554638",
    "tracebacks: a name in an archive too long for a disk, a study file whose parts are no mappings": "f554638",
    "errors quoted line breaks, signs that steer a terminal, and thousands of letters of a name": "f554638, 8963786",
    "a checkpoint with a damaged directory was read without the variables that it hid": "dbaa35e",
    '`dvc exp push` says "Pushed" where no data went; a run cache without the figures that Git keeps': "07057c5",
    "a stage that was told to end did not where TensorFlow or native code held a lock": "e8a74a5, 72a27cb",
    "a second Ctrl-C broke off the end that the first had begun": "503cf32, 72a27cb",
    "workers that died at their start were not told": "d04f80c",
    "a download that was cut never went on where the server fails at each request for a part of it": "73e8a94",
    "torn files of DVC's cache, which trusts the read-only, came back as results (8 of 30 cases)": "4bcb94e",
    "Ctrl-C while a stage loads, or that met its workers, was a traceback, once an end of 30 seconds": "a8e5d44",
    "a disk that takes no temporary file was a traceback": "e721b9e",
    "commands that take no words ignored those that they were given": "8060c72",
    "pydicom 3.0.0 asks a server for a file when it is imported, and was allowed": "54f6d7c",
    "a study that stopped took a run that a worker was just beginning for another's, and left it at work": "b93f255",
    "a file of locks that a killed worker had left empty ended a study in a traceback": "20b4946",
    "Ctrl-C that NumPy turned into an error of its own was a traceback (the stage audit, 6 in 100 tries)": "72dbc7a",
    "DVC, killed while it lists what to push or fetch, took a part for all, and said that all is there": "9d18a71",
    "ended workers of a study that stops stayed as zombies": "d41eb65",
    "the lowest Keras allowed could not train large maps in float32; lowest pytest-xdist, moto: no tests": "380914b",
    "a lock that a killed transfer left of an experiment's ref, here or at a remote, blocked every later": "bd28fe5",
}
GROWTH = """## As the runs of a clone grow

What `long-10` and `long-200` measured on their way, on tiny phantoms: each row's study has the runs that the row before
has not. All good runs stood in the table, each failed one was named with its reason, no process was
left, every object of DVC's cache, run cache and Git was what its sum says, and after `dvc gc -w --all-experiments` the
report was the same to the byte. *Memory* is that of all the study's processes, shared pages counted once. What made-up
runs with larger predictions take: [scale.md](scale.md).
"""


def main() -> None:
    arguments = _arguments()
    rows: list[dict[str, Any]] = []
    grown: list[dict[str, Any]] = []
    losses: list[Case] = []
    for name in arguments.only:
        cases, mebibytes = isolated({name: _numbers(FAULTS[name], arguments)}, arguments.seed)
        lost = [case for case in cases if case.ending == "lost"]
        losses += lost
        grown += [{"fault": name, **row} for case in cases for row in case.rows]
        endings = pd.Series([case.ending for case in cases])
        counts = {ending: int((endings == ending).sum()) for ending in ("whole", "told", "lost")}
        seconds = sum(case.seconds for case in cases)
        counts |= {key: sum(getattr(case, key) for case in cases) for key in KILLED}
        rows.append({"fault": name, "cases": len(cases), **counts, "seconds": seconds, "mebibytes": mebibytes})
        print(f"{name}: {len(cases)} cases, {len(lost)} lost, {seconds:.0f} s, {mebibytes:.0f} MiB", flush=True)
        for case in lost[:10]:
            print(f"  case {case.number}: {case.reason}")
    if arguments.case is None and arguments.share == 1:
        _keep(rows, TABLE, arguments.only)
        _keep(grown, GROWTH_TABLE, arguments.only)
        with files.whole(PAGE) as partial:
            partial.write_text(_page())
    sys.exit(bool(losses))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="Try faults on real parts.")
    parser.add_argument("--only", nargs="+", choices=list(FAULTS), default=list(FAULTS), metavar="FAULT")
    parser.add_argument("--share", type=float, default=1.0, help="of the cases of each class; less is written nowhere")
    parser.add_argument("--case", type=int, help="one case alone, by its number")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _numbers(fault: Fault, arguments: argparse.Namespace) -> list[int]:
    if arguments.case is not None:
        return [arguments.case]
    return list(range(max(1, round(fault.n_cases * arguments.share))))


def _keep(rows: list[dict[str, Any]], path: Path, tried: list[str]) -> None:
    """Put these rows in the place of the old ones of the classes that were tried now, in the classes' order."""
    old = pd.read_csv(path).to_dict("records") if path.exists() else []
    kept = [row for row in old if row["fault"] in FAULTS and row["fault"] not in tried]
    if path == TABLE:
        kept = [row | {key: row.get(key, 0) for key in KILLED} for row in kept]
    in_order = sorted([*rows, *kept], key=lambda row: list(FAULTS).index(row["fault"]))
    if in_order:
        files.write_csv(str(path), pd.DataFrame(in_order).round(1))


def _page() -> str:
    table = pd.read_csv(TABLE)
    drawn = [
        [row["fault"], FAULTS[row["fault"]].what, row["cases"], row["whole"], row["told"], row["lost"],
         f"{row['seconds']:.0f}", f"{row['mebibytes']:.0f}"]
        for row in table.to_dict("records")
    ]  # fmt: skip
    titles = ["name", "fault", "cases", "whole", "told", "lost", "seconds", "peak memory, MiB"]
    total = table[["cases", "whole", "told", "lost", "seconds"]].sum()
    drawn.append(["", "all", *(f"{total[name]:.0f}" for name in total.index), ""])
    page = f"{INTRODUCTION}\n{tabulate(drawn, titles, 'github', disable_numparse=True)}\n\n{kills_in_words(table)}\n"
    defects = tabulate(DEFECTS.items(), ["what", "mended by"], "github", disable_numparse=True)
    page += f"\n## What was found on the way\n\n{defects}\n"
    return page + _growth() if GROWTH_TABLE.exists() else page


def kills_in_words(table: pd.DataFrame) -> str:
    """A sentence of how many processes were killed in each class, and what came of it."""
    each = [f"{row['kills']} in `{row['fault']}`" for row in table.to_dict("records") if row["kills"]]
    return textwrap.fill(
        f"SIGKILLs that ended a process at work: {', '.join(each)}, {table['kills'].sum()} in all. "
        f"{table['resumed'].sum()} trainings then went on from their checkpoint.",
        width=120,
        break_on_hyphens=False,
    )


def _growth() -> str:
    grown = pd.read_csv(GROWTH_TABLE)
    drawn = [[_cell(row[key]) for key in GROWTH_TITLES] for row in grown.to_dict("records")]
    return f"\n{GROWTH}\n{tabulate(drawn, list(GROWTH_TITLES.values()), 'github', disable_numparse=True)}\n"


def _cell(value: Any) -> str:
    """A figure, with a decimal where it is small; nothing where it was not measured; two in one cell as they are."""
    if isinstance(value, str):
        return value
    return "" if pd.isna(value) else f"{value:.0f}" if value == int(value) or value >= 10 else f"{value:.1f}"


if __name__ == "__main__":
    main()
