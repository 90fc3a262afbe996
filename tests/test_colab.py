"""The notebook for Colab, run whole on phantoms: nothing of it is left out but the installation, which is there."""

import html
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.conftest import ROOT, STUDY, TINY, Project

NOTEBOOK = ROOT / "notebooks" / "colab.ipynb"
# What to run here, in the place of the cell that asks for it. One training serves both runs: the first is the study's.
PARAMETERS = """REPOSITORY = "{repository}"
STUDY = "study.yaml"
SETTINGS = "train.epochs=1"
FIRST = "model.layers=C-P-F-D"
"""
# Stands before the installation: make finds an environment that is whole.
INSTALLED = f"""os.symlink({sys.prefix!r}, ".venv")
os.environ["MAKEFLAGS"] = "--old-file=.venv/.ready-cpu --old-file=.venv/.ready-cuda"
"""

pytestmark = [
    # Of nbclient's own way to start a kernel.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:nbclient", "ignore::DeprecationWarning:jupyter_client"),
]


def read(**parameters: str) -> Any:
    """The notebook with parameters of ours."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    asked = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(asked) == 1
    asked[0].source = PARAMETERS.format(**parameters)
    return notebook


def shown(notebook: Any, begins: str) -> str:
    """All text that the cell with this source has shown."""
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code" and begins in cell.source)
    return "".join(output.get("text", "") or output.get("data", {}).get("text/html", "") for output in cell.outputs)


def test_it_is_committed_without_results_and_names_no_machine() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    assert 'REPOSITORY = ""' in NOTEBOOK.read_text().replace('\\"', '"')


def test_without_an_address_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CellExecutionError, match="name the address of your copy"):
        NotebookClient(read(repository=""), resources={"metadata": {"path": str(tmp_path)}}).execute()


@pytest.mark.slow
def test_it_ends_with_the_table_and_report_of_all_runs(tmp_path: Path) -> None:
    origin = Project.new(tmp_path / "origin")
    origin.set_all(TINY)
    origin.leave_out("explain")
    for name in ("Makefile", "locks"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, origin.folder / name)
    (origin.folder / "study.yaml").write_text(STUDY[: STUDY.index("  layers-2")])
    origin.start_dvc()
    notebook = read(repository=str(origin.folder))
    before = next(place for place, cell in enumerate(notebook.cells) if "ensurepip" in cell.source)
    notebook.cells.insert(before, nbformat.v4.new_code_cell(INSTALLED))
    (tmp_path / "content").mkdir()
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path / "content")}}).execute()

    table = shown(notebook, "study.table")
    assert "synthetic images" in table
    for name in ("first", "layers-1"):
        assert re.search(rf"^{name} .*\(0\.\d+-[01]\.\d+\)", table, re.MULTILINE), table
    page = shown(notebook, "srcdoc")
    assert "layers-1" in html.unescape(page)
    assert "synthetic phantoms" in page
    with zipfile.ZipFile(tmp_path / "content" / "kept.zip") as kept:
        assert {"kept/first/", "kept/layers-1/"} <= set(kept.namelist())
    assert (tmp_path / "content" / "report.zip").is_file()
