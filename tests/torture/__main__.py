"""Try faults and write what came of it: `python -m tests.torture [--only NAME ...] [--share 0.1] [--case NUMBER]`.

Each fault class runs in a process of its own, whose memory is measured. Exit code 1 where anything was lost.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from cxr import files
from tests.torture.case import Case, Fault
from tests.torture.faults import FAULTS, isolated

TABLE = Path("docs/results/reliability.csv")
PAGE = Path("docs/reliability.md")
COLUMNS = ["fault", "cases", "whole", "told", "lost", "seconds", "mebibytes"]

INTRODUCTION = """# What it survives

Each line is a class of faults, made many times over from random numbers, on real parts: the stages' own code, the real
kagglehub client, DVC, processes that are really killed. *Whole*: all ended as if nothing had happened. *Told*: one line
said what is wrong and nothing half done was left. *Lost*: anything else, a traceback included. *Peak memory* is that of
the process that made the cases, with all that it had loaded before.

`make torture` makes the table again, `make torture ONLY=image-bomb` one line of it,
`make torture ONLY=image-bomb CASE=7` one case. `tests/torture/test_sample.py` tries some cases of the
quick classes in every `make test`.
"""


def main() -> None:
    arguments = _arguments()
    rows = []
    losses: list[Case] = []
    for name in arguments.only:
        cases, mebibytes = isolated({name: _numbers(FAULTS[name], arguments)}, arguments.seed)
        lost = [case for case in cases if case.ending == "lost"]
        losses += lost
        endings = pd.Series([case.ending for case in cases])
        counts = {ending: int((endings == ending).sum()) for ending in ("whole", "told", "lost")}
        seconds = sum(case.seconds for case in cases)
        rows.append({"fault": name, "cases": len(cases), **counts, "seconds": seconds, "mebibytes": mebibytes})
        print(f"{name}: {len(cases)} cases, {len(lost)} lost, {seconds:.0f} s, {mebibytes:.0f} MiB", flush=True)
        for case in lost[:10]:
            print(f"  case {case.number}: {case.reason}")
    if arguments.case is None:
        _write(pd.DataFrame(rows, columns=COLUMNS))
    sys.exit(bool(losses))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="Try faults on real parts.")
    parser.add_argument("--only", nargs="+", choices=list(FAULTS), default=list(FAULTS), metavar="FAULT")
    parser.add_argument("--share", type=float, default=1.0, help="of the cases of each class")
    parser.add_argument("--case", type=int, help="one case alone, by its number")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _numbers(fault: Fault, arguments: argparse.Namespace) -> list[int]:
    if arguments.case is not None:
        return [arguments.case]
    return list(range(max(1, round(fault.n_cases * arguments.share))))


def _write(new: pd.DataFrame) -> None:
    """The table of all classes: those that were tried now, and the others as they were."""
    old = pd.read_csv(TABLE) if TABLE.exists() else pd.DataFrame(columns=COLUMNS)
    kept = old[~old["fault"].isin(new["fault"]) & old["fault"].isin(list(FAULTS))]
    table = pd.concat([new, kept]) if len(kept) else new
    table = table.set_index("fault").loc[[name for name in FAULTS if name in set(table["fault"])]].reset_index()
    files.write_csv(str(TABLE), table.round({"seconds": 1, "mebibytes": 0}))
    drawn = [
        [row["fault"], FAULTS[row["fault"]].what, row["cases"], row["whole"], row["told"], row["lost"],
         f"{row['seconds']:.0f}", f"{row['mebibytes']:.0f}"]
        for row in table.to_dict("records")
    ]  # fmt: skip
    titles = ["name", "fault", "cases", "whole", "told", "lost", "seconds", "peak memory, MiB"]
    total = table[["cases", "whole", "told", "lost", "seconds"]].sum()
    drawn.append(["", "all", *(f"{total[name]:.0f}" for name in total.index), ""])
    with files.whole(PAGE) as partial:
        partial.write_text(f"{INTRODUCTION}\n{tabulate(drawn, titles, 'github', disable_numparse=True)}\n")


if __name__ == "__main__":
    main()
