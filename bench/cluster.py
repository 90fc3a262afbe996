"""The eight runs of study.yaml, small: on a Dask cluster over an S3 store on the loopback, and in DVC's queue."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from bench import store
from bench.networks import PROJECT
from cxr.errors import UserError

SMALL = ["images.size=32", "train.epochs=3", "evaluate.bootstrap_samples=200"]
PHANTOMS = ["data.source=phantom", "phantom.n_images=600", "phantom.pixels=64"]
# What each way takes: the options of study.run.
WAYS = {
    "queue, 2 jobs": ["--jobs", "2"],
    "Dask, 1 worker": ["--workers", "1"],
    "Dask, 2 workers": ["--workers", "2"],
}


def measure(images: Path | None) -> pd.DataFrame:
    """Seconds from an empty clone to the table of all runs, each way; and whether all ways have the same results.

    `images`: a folder in Kaggle's layout; phantoms without. Raises UserError where a study fails.
    """
    real = ["data.source=directory", f"data.directory={images.resolve()}"] if images else PHANTOMS
    rows: list[dict[str, Any]] = []
    first: pd.DataFrame | None = None
    for way, options in WAYS.items():
        # Each its own store, so that none finds what another one has made.
        with tempfile.TemporaryDirectory() as scratch, store.serving() as (address, key):
            environment = {**os.environ, **key}
            clone = _clone(Path(scratch), address, environment)
            command = [sys.executable, "-m", "study.run", "study.yaml", *options, "--set", *SMALL, *real]
            started = time.perf_counter()
            if subprocess.run(command, cwd=clone, env=environment, stdout=subprocess.DEVNULL).returncode:
                raise UserError(f"{way}: the study failed, as the line above says")
            seconds = time.perf_counter() - started
            results = _results(clone, environment)
        first = results if first is None else first
        rows.append(
            {
                "way": way,
                "n_runs": int(results["train_parameters"].notna().sum()),
                "seconds": seconds,
                "same_results": results.equals(first),
            }
        )
    return pd.DataFrame(rows)


def _clone(scratch: Path, address: str, environment: dict[str, str]) -> Path:
    """A clone of this project's commit whose Git remote is a copy and whose DVC remote is the store."""

    def ok(*command: str) -> None:
        subprocess.run(command, cwd=clone, env=environment, check=True, stdout=subprocess.DEVNULL)

    origin, clone = scratch / "origin.git", scratch / "clone"
    subprocess.run(["git", "clone", "-q", "--bare", str(PROJECT), str(origin)], check=True)
    subprocess.run(["git", "clone", "-q", str(origin), str(clone)], check=True)
    dvc = [sys.executable, "-m", "dvc", "remote"]
    ok(*dvc, "add", "-q", "-d", "store", f"s3://{store.BUCKET}/cxr")
    ok(*dvc, "modify", "store", "endpointurl", address)
    ok("git", "commit", "-q", "-a", "-m", "store")
    ok("git", "push", "-q", "origin", "HEAD")
    return clone


def _results(clone: Path, environment: dict[str, str]) -> pd.DataFrame:
    """What the report has of each run, but for times and memory."""
    report = [sys.executable, "-m", "study.report", "--study", "study.yaml", "--out", "report"]
    subprocess.run(report, cwd=clone, env=environment, check=True, stdout=subprocess.DEVNULL)
    table = pd.read_csv(clone / "report" / "results.csv")
    return table[[column for column in table if not any(word in str(column) for word in ("second", "memory"))]]
