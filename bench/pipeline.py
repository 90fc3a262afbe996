"""A copy of the pipeline to measure in, away from the user's data and experiments."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.networks import PROJECT
from study import params_text


def copy(folder: Path, overrides: Mapping[str, Any]) -> None:
    """The code of the pipeline in `folder`, with a params.yaml that has these `section.key` overrides."""
    for name in ("cxr", "stages"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    text = (PROJECT / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params_text.apply(text, dict(overrides)))
