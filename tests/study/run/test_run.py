"""A study through DVC's real queue, and the page of its curves in a real browser."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser import look, needs_browser
from tests.conftest import ROOT, STUDY, Project, Study

pytestmark = pytest.mark.slow

# make as it is here, where the environment is whole.
MAKE = ("make", "-f", str(ROOT / "Makefile"), f"VENV={sys.prefix}", "-o", f"{sys.prefix}/.ready-cpu")
INTERVAL = r"[01]\.\d{3} \([01]\.\d{3}-[01]\.\d{3}\)"


@pytest.fixture(scope="module")
def project(study: Study) -> Project:
    return study.project


@pytest.fixture(scope="module")
def first(study: Study) -> subprocess.CompletedProcess[str]:
    return study.done


def run(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    return project.run(sys.executable, "-m", "study.run", "study.yaml", *words)


def names(project: Project) -> set[str]:
    return set(re.findall(r"^\S*?\b([\w-]+)$", project.ok("dvc", "exp", "list", "--name-only"), re.MULTILINE))


def test_good_runs_end_and_the_failed_one_is_named_with_its_reason(
    project: Project, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 1, first.stdout + first.stderr
    last = first.stderr.strip().splitlines()[-1]
    assert last.startswith("error: 1 of 3 runs failed: doomed: the training loss is nan"), last
    assert {"layers-1", "layers-2"} <= names(project)
    assert "doomed" not in names(project)


def test_a_file_has_a_line_for_each_run_that_begins_and_ends(first: subprocess.CompletedProcess[str]) -> None:
    """As with nohup ... 2> log: no bar, which a file would keep in all its states."""
    assert "\r" not in first.stderr
    lines = [re.sub(r" in \d+ s$", "", line) for line in first.stderr.splitlines()]
    runs = ("layers-1+images", "layers-1", "layers-2")
    assert lines[1:-1] == [f"{run}: {state}" for run in runs for state in ("begun", "done")] + [
        "doomed: begun",
        "doomed: failed",
    ]


def test_what_the_runs_share_was_made_once_before_them(
    project: Project, first: subprocess.CompletedProcess[str]
) -> None:
    for name in ("layers-1", "layers-2", "doomed"):
        log = project.ok("dvc", "queue", "logs", name)
        assert "Running stage 'train'" in log
        assert "Running stage 'download'" not in log
        assert "Running stage 'audit'" not in log


def test_the_work_tree_and_the_users_params_stay(project: Project, first: subprocess.CompletedProcess[str]) -> None:
    assert project.ok("git", "status", "--short") == ""


def test_make_demo_repeats_no_finished_run_and_ends_with_words_curves_and_a_report(
    project: Project, first: subprocess.CompletedProcess[str]
) -> None:
    """The demo's own six runs take minutes: here two in their place, of which one is there and one is changed."""
    text = STUDY.replace("  doomed: {train.learning_rate: 1e+30, train.epochs: 40}\n", "").replace("1e-5", "1e-6")
    (project.folder / "demo.yaml").write_text(text)
    done = project.run(*MAKE, "demo", "OUT=demo_report")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 2 runs finished before" in done.stderr
    assert "layers-2: done" in done.stderr
    assert "layers-1: done" not in done.stderr
    table, *words = done.stdout.split("Learning: ")
    assert "synthetic images" in table
    assert "Open: each network was trained once" in " ".join(words[0].split())
    for page in ("dvc_plots/index.html", "demo_report/index.html"):
        assert "synthetic" in (project.folder / page).read_text()
    assert project.ok("git", "status", "--short").split() == ["M", "demo.yaml", "??", "demo_report/"]
    shutil.rmtree(project.folder / "demo_report")
    project.ok("git", "checkout", "-q", "demo.yaml")


def test_make_table_fits_a_terminal_of_100_columns_and_waits_in_no_pager(
    project: Project, first: subprocess.CompletedProcess[str]
) -> None:
    waits = {"DVC_PAGER": "sleep 600", "PAGER": "sleep 600"}
    table = project.on_terminal(*MAKE, "table", columns=100, **waits)
    assert re.search(r"^Tested on official, \d+ synthetic images at 16 px$", table, re.MULTILINE), table
    assert max(map(len, table.splitlines())) <= 100
    rows = re.findall(r"^(\S+) +(\S+) +(\S+) +(.{19}) +([01]\.\d{3})  ", table, re.MULTILINE)
    assert [row[0] for row in rows if re.fullmatch(INTERVAL, row[3])] == ["layers-1", "layers-2"]
    compared = json.loads(project.ok("dvc", "metrics", "diff", "layers-1", "layers-2", "--all", "--json"))
    best = compared["metrics/audit.json"]["best_without_lungs"]
    assert [row[4] for row in rows] == [f"{best['old']:.3f}", f"{best['new']:.3f}"]


def test_a_study_ends_with_the_table_of_what_is_finished_and_its_error_last(
    project: Project, first: subprocess.CompletedProcess[str]
) -> None:
    assert re.search(rf"^layers-1 .*{INTERVAL}", first.stdout, re.MULTILINE), first.stdout
    assert "doomed" not in first.stdout
    assert first.stdout.count("dvc_plots/index.html") == 1
    wrong = run(project, "--set", "train.lerning_rate=1", "--report", "report", "--in-words")
    assert wrong.returncode == 1
    assert wrong.stdout == ""
    assert wrong.stderr.splitlines()[-1].startswith("error: ")


def test_dvcs_own_table_begins_with_the_comparison(project: Project, first: subprocess.CompletedProcess[str]) -> None:
    """DVC shows a table at its full width and leaves it to the pager to cut lines at the terminal's edge."""
    table = project.on_terminal("dvc", "exp", "show", "--only-changed", columns=120, DVC_PAGER="cat")
    header = next(line for line in table.splitlines() if "Experiment" in line)
    for metric in ("accuracy", "auroc", "sensitivity", "specificity", "loss"):
        assert f" {metric} " in header[:120]


def test_dvcs_metrics_are_what_compares_runs_and_no_more(
    project: Project, first: subprocess.CompletedProcess[str]
) -> None:
    told = json.loads(project.ok("dvc", "metrics", "diff", "layers-1", "layers-2", "--all", "--json"))
    assert {path: set(metrics) for path, metrics in told.items()} == {
        "metrics/test.json": {"accuracy", "auroc", "sensitivity", "specificity", "loss"},
        "metrics/train.json": {"val_accuracy", "val_loss", "loss_gap", "seconds", "parameters"},
        "metrics/audit.json": {"best_without_lungs"},
    }


def test_experiments_are_compared_pair_by_pair(project: Project, first: subprocess.CompletedProcess[str]) -> None:
    told = project.ok(sys.executable, "-m", "study.compare", "layers-1", "layers-2")
    for expected in (
        "\nlayers-1 ",
        "\nmajority class ",
        "\nmetadata alone, no ",
        "synthetic",
        "layers-2 - layers-1",
    ):
        assert expected in told
    unknown = project.here("study.compare", "layers-1", "nobody")
    assert unknown.returncode == 1
    last = unknown.stderr.splitlines()[-1]
    assert last.startswith("error: no finished experiment is called nobody; there are: layers-1, layers-2")


def test_the_report_is_the_same_from_experiments_and_from_what_is_kept(
    project: Project, first: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    kept, out = tmp_path / "kept", [tmp_path / name for name in ("experiments", "again")]
    project.ok(sys.executable, "-m", "study.report", "--study", "study.yaml", "--out", str(out[0]))
    assert project.here("study.keep", str(kept), "layers-1", "layers-2").returncode == 0
    before = {path: path.stat().st_ino for path in kept.rglob("*")}
    shutil.rmtree(kept / "layers-1")
    assert project.here("study.keep", str(kept), "layers-1", "layers-2").returncode == 0
    assert (kept / "layers-2").stat().st_ino == before[kept / "layers-2"], (
        "cut off after one, it goes on with the other"
    )
    (kept / "layers-2" / "origin.json").unlink()
    refused = project.run(sys.executable, "-m", "study.keep", str(kept), "layers-2", "layers-1")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"error: {kept} keeps layers-2 already, with other content; add --replace to replace it\n"
    assert not (kept / "layers-2" / "origin.json").exists()
    assert project.here("study.keep", str(kept), "layers-2", "--replace").returncode == 0
    assert (kept / "layers-2").stat().st_ino != before[kept / "layers-2"]
    origin = {"commit": project.ok("git", "rev-parse", "HEAD").strip(), "is_changed": False}
    assert json.loads((kept / "layers-1" / "origin.json").read_text()) == origin
    # A process numbers what it draws: from the second page of one on, the marks have other numbers.
    project.ok(sys.executable, "-m", "study.report", "--kept", str(kept), "--study", "study.yaml", "--out", str(out[1]))
    page = (out[0] / "index.html").read_text()
    assert page.count("synthetic") > 2
    assert page.replace("layers-1", "layers-2").count('<th scope="row">layers-2</th>') >= 6
    for name in ("index.html", "report.md", "results.csv"):
        one, two = ((folder / name).read_text() for folder in out)
        assert sorted(one.splitlines()) == sorted(two.splitlines())
    assert project.ok("git", "status", "--short") == ""


def test_a_commit_makes_no_experiment_vanish(
    project: Project, first: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    """What README calls "keep one", and what `git pull` does."""
    project.ok("dvc", "exp", "apply", "layers-1")
    project.commit("keep layers-1")
    assert "layers-2 - layers-1" in project.here("study.compare", "layers-1", "layers-2").stdout
    (project.folder / "one.yaml").write_text("runs: {layers-1: {model.layers: C-P-F-D}}")
    again = project.run(sys.executable, "-m", "study.run", "one.yaml", "--plots", str(tmp_path))
    (project.folder / "one.yaml").unlink()
    assert again.returncode == 0, again.stderr
    assert "1 of 1 runs finished before" in again.stderr
    assert "layers-1" in (tmp_path / "index.html").read_text()

    with (project.folder / "cxr" / "networks" / "training.py").open("a") as file:
        file.write("# another training\n")
    project.commit("another training")
    refused = project.here("study.compare")
    assert refused.returncode == 1
    assert re.search(
        r"^left out: ([\w-]+, )+[\w-]+ of \w{7} \(other code of images, split or training\)", refused.stderr
    )
    address = re.search(r"Ask for one as ([\w-]+@\w{7})$", refused.stderr, re.MULTILINE)[1]
    assert project.here("study.keep", str(tmp_path / "kept"), address).returncode == 0
    assert (tmp_path / "kept" / address / "predictions.csv").exists()


@pytest.mark.parametrize(
    ("jobs", "told"), [("0", "should be 1 or more, got 0"), ("many", "invalid count value: 'many'")]
)
def test_no_run_at_a_time_is_refused(jobs: str, told: str) -> None:
    command = [sys.executable, "-m", "study.run", "study.yaml", "--jobs", jobs]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1]


@needs_browser
def test_the_page_draws_every_figure_without_internet(
    project: Project, first: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    page = project.folder / "dvc_plots" / "index.html"
    assert not re.search(r"<(script|link)[^>]+(src|href)=[\"']?(https?:)?//", page.read_text())
    seen = look(page, 1280, tmp_path)
    assert seen["n_drawings"] == 7
    assert seen["asked"] == []
