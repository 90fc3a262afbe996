"""What grows with the runs of one clone: `python -m tests.torture.many 50 100 200` writes its section of docs/scale.md.

One run is trained. The others are its commit with other parameters, and with predictions of 600 images, curves and
figures that were made up, in DVC's cache: what table, comparison and report read of a run is all there.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

import psutil
from ruamel.yaml import YAML
from tabulate import tabulate

from bench.watched import Others, machine
from cxr import files
from study.experiments import EXPERIMENTS, REF
from study.results import FILES, Result
from tests.conftest import TINY, Project
from tests.processes import at_work
from tests.study.results_made import result, save

PAGE = Path("docs/scale.md")
COMMANDS = ("table", "compare", "report")
# What Git keeps of a run; DVC's cache has the rest.
IN_GIT = ("params", "history")
HEADING = "## Many runs in one clone"
INTRODUCTION = """\
Experiments of one commit, each with another learning rate, predictions of 600 test images, five epochs of curves and
2,000 bootstrap draws; all pairs are compared. One is trained on phantoms, the others are made up from its commit:
`python -m tests.torture.many 10 50 100 200` measures and writes this, here on two cores. *Clone*: code, DVC's
cache and Git's objects before any `git gc`; real runs have their networks on top.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture.many", description=__doc__.splitlines()[0])
    parser.add_argument("counts", nargs="+", type=int, help="numbers of runs, rising")
    counts = parser.parse_args().counts
    others = Others()
    with tempfile.TemporaryDirectory(prefix="many-", ignore_cleanup_errors=True) as name:
        project = finished(Path(name) / "project")
        rows, n_made = [], 1
        for n in counts:
            for number in range(n_made, n):
                finish(project, made(number))
            n_made = n
            rows.append([n, f"{mebibytes(project.folder):.0f}", *(measured(project, command) for command in COMMANDS)])
            print(*rows[-1], flush=True)
        assert not at_work(project.folder)
    titles = ["runs", "clone, MiB", *(f"`study.{command}`: seconds, peak MiB" for command in COMMANDS)]
    table = tabulate(rows, titles, "github", disable_numparse=True)
    text = with_section(PAGE.read_text(), HEADING, f"{INTRODUCTION}\n{table}\n\n{machine(others.cores())}\n")
    with files.whole(PAGE) as partial:
        partial.write_text(text)


def with_section(page: str, heading: str, text: str) -> str:
    """A page with this text below its heading of the second level, all other sections as they were."""
    before, found, rest = page.partition(f"{heading}\n")
    assert found, f"no {heading} on the page"
    _, following, after = rest.partition("\n## ")
    return f"{before}{heading}\n\n{text}{following}{after}"


def finished(folder: Path) -> Project:
    """A tiny project with one finished run, `run-0`."""
    project = Project.new(folder)
    project.set_all(TINY)
    project.leave_out("explain")
    project.start_dvc()
    project.ok("dvc", "exp", "run", "-q", "-n", "run-0", "-S", "train.epochs=2")
    project.ok("git", "reset", "-q", "--hard")
    finish(project, made(0))
    project.ok("dvc", "exp", "remove", "-q", "run-0")
    return project


def made(number: int) -> Result:
    one = result(f"made-{number}", learning_rate=1e-4 * (1 + number / 10), accuracy=0.75 + number * 37 % 100 / 500)
    one.params["evaluate"]["bootstrap_samples"] = 2000
    names = ("accuracy", "auroc", "sensitivity", "specificity")
    one.test.update({f"{name}{end}": 0.7 for name in names for end in ("", "_low", "_high")})
    return one


def finish(project: Project, one: Result) -> None:
    """Leave a result as an experiment of the present commit: what DVC's cache holds of it, its dvc.lock, its ref."""
    refs = project.ok("git", "for-each-ref", "--format=%(refname)", EXPERIMENTS).split()
    like = next(ref for ref in refs if REF.fullmatch(ref))
    yaml = YAML()
    lock = yaml.load(project.ok("git", "show", f"{like}:dvc.lock"))
    outputs = {output["path"]: output for stage in lock["stages"].values() for output in stage["outs"]}
    with tempfile.TemporaryDirectory() as name:
        save(Path(name), one)
        contents = {key: next(Path(name).glob(f"*/{key}.*")).read_bytes() for key in FILES}
        changed = {FILES[key]: contents[key] for key in IN_GIT}
        for key in FILES.keys() - set(IN_GIT):
            digest = hashlib.md5(contents[key]).hexdigest()
            place = project.folder / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(contents[key])
            outputs[FILES[key]].update(md5=digest, size=len(contents[key]))
        changed["dvc.lock"] = json.dumps(lock).encode()
        index = {"GIT_INDEX_FILE": f"{name}/index"}
        assert project.run("git", "read-tree", like, **index).returncode == 0
        for path, content in changed.items():
            (Path(name) / "content").write_bytes(content)
            blob = project.ok("git", "hash-object", "-w", f"{name}/content").strip()
            project.run("git", "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
        tree = project.run("git", "write-tree", **index).stdout.strip()
    commit = project.ok("git", "commit-tree", tree, "-p", "HEAD", "-m", one.name).strip()
    project.ok("git", "update-ref", f"{like.rpartition('/')[0]}/{one.name}", commit)


def measured(project: Project, command: str) -> str:
    """Seconds and peak memory of a command that must succeed."""
    start, peak = time.monotonic(), 0
    with (
        tempfile.TemporaryFile() as out,
        project.begin(sys.executable, "-m", f"study.{command}", stdout=out, stderr=out) as started,
    ):
        process = psutil.Process(started.pid)
        while started.poll() is None:
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.1)
        out.seek(0)
        assert started.returncode == 0, out.read().decode()
    return f"{time.monotonic() - start:.0f}, {peak / 2**20:.0f}"


def mebibytes(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


if __name__ == "__main__":
    main()
