"""DVC's finished experiments, as the study needs them: those of the present commit, and earlier ones that still hold.

DVC hangs an experiment on the commit that it started from, and forgets it there when the next commit comes. It holds as
long as a run of the present commit would train the same network on the same images: the code that its images, its split
and its training depend on (`deps` in dvc.yaml) is the present commit's, and no newer experiment has other images or
another split (sums in dvc.lock) with the same parameters of both.
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any

from cxr.errors import UserError
from stages.project import parse_yaml
from study.commands import git

EXPERIMENTS = "refs/exps"
# Where DVC does not look: experiments that wait until the runs that are to replace them are finished.
SET_ASIDE = "refs/cxr-replaced"
# The stages that make what a training starts from, and the training.
DATA = ("download", "manifest", "images", "split")
TO_TRAINING = (*DATA, "train")
# Says of parameters that they are good, and changes nothing that follows.
WITHOUT_RESULT = "check"
# Experiments that are named where another was asked for.
MOST_NAMED = 8
REF = re.compile(rf"{EXPERIMENTS}/([0-9a-f]{{2}})/([0-9a-f]{{38}})/(.+)")


@dataclass(frozen=True)
class Experiment:
    """A finished experiment: its Git ref and commit, the commit that it hangs on, and why it does not count, if so."""

    name: str
    ref: str
    commit: str
    baseline: str
    against: str = ""

    @property
    def address(self) -> str:
        """How it is asked for where another one of its name counts, or none: NAME@COMMIT."""
        return f"{self.name}@{self.baseline[:7]}"


def add_names(parser: argparse.ArgumentParser) -> None:
    """Let a command be told of names for `chosen`."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="finished experiments, NAME or NAME@COMMIT; without any, all that still hold (docs/studies.md)",
    )


def lockfile(ref: str) -> dict[str, Any]:
    """What an experiment's dvc.lock says: the sums of all that each stage read and made."""
    return dict(parse_yaml(git("show", f"{ref}:dvc.lock"), f"dvc.lock of {ref}"))


def of_present_commit() -> dict[str, str]:
    """Name and Git ref of every finished experiment that starts from the present commit."""
    head = git("rev-parse", "HEAD").strip()
    return {experiment.name: experiment.ref for experiment in _all() if experiment.baseline == head}


def finished() -> dict[str, str]:
    """Name and Git ref of every finished experiment that holds; of several of a name the newest."""
    return {experiment.name: experiment.ref for experiment in survey() if not experiment.against}


def chosen(names: list[str]) -> dict[str, str]:
    """Name and Git ref of the finished experiments of these names or addresses; of all that hold without names.

    Those that do not hold, or hold no more, are told on stderr. Raises UserError where one does not exist, or none at
    all holds.
    """
    everything = survey()
    holding = {experiment.name: experiment.ref for experiment in everything if not experiment.against}
    _tell_others(everything, set(names))
    _tell_uncommitted([one for one in everything if one.name in (names or holding) and not one.against])
    refs = {experiment.address: experiment.ref for experiment in everything} | holding
    if unknown := sorted(set(names) - set(refs)):
        there = sorted(holding)
        named = ", ".join(there[:MOST_NAMED]) + (", ..." if len(there) > MOST_NAMED else "")
        raise UserError(f"no finished experiment is called {', '.join(unknown)}; there are: {named or 'none'}")
    if not names and not holding:
        raise UserError("there is no finished experiment that holds; run some, for instance with make study")
    return {name: refs[name] for name in names or sorted(holding)}


def is_finished(name: str, params: dict[str, Any], code: str, refs: dict[str, str]) -> bool:
    """Whether one of `refs` is of this name and has run with exactly these parameters and the code of commit `code`.

    All stages count here, those after training too: they are cheap, and DVC takes the training from its run cache.
    """
    if name not in refs:
        return False
    commit = git("rev-parse", refs[name]).strip()
    if parse_yaml(git("show", f"{commit}:params.yaml"), f"params.yaml of {name}") != params:
        return False
    return _has_same_code(code, commit, *(stage for stage in _stages(code) if stage != WITHOUT_RESULT))


def set_aside(names: set[str]) -> None:
    """Make room for new runs of these names. DVC takes no second experiment of a name, or runs every stage again."""
    for name, ref in of_present_commit().items():
        if name in names:
            _move(ref, ref.replace(EXPERIMENTS, SET_ASIDE, 1))


def put_back() -> None:
    """Put every experiment that was set aside back in its place; one whose place a new run has taken goes."""
    for ref in git("for-each-ref", "--format=%(refname)", SET_ASIDE).split():
        place = ref.replace(SET_ASIDE, EXPERIMENTS, 1)
        if git("for-each-ref", place):
            git("update-ref", "-d", ref)
        else:
            _move(ref, place)


def remove(names: set[str]) -> None:
    """Remove the present commit's experiments of these names."""
    for name, ref in of_present_commit().items():
        if name in names:
            git("update-ref", "-d", ref)


def survey() -> list[Experiment]:
    """All finished experiments of all commits, newest first."""
    head = git("rev-parse", "HEAD").strip()
    found = list(_all())
    if all(experiment.baseline == head for experiment in found):
        return found
    newest: dict[str, str] = {}
    images: dict[str, str] = {}

    def against(one: Experiment) -> str:
        if one.baseline != head and not _has_same_code(head, one.commit, *TO_TRAINING):
            return "other code of images, split or training"
        recipe, result = _data(one.commit)
        if images.setdefault(recipe, result) != result:
            return "other images or split"
        if newest.setdefault(one.name, one.baseline) != one.baseline:
            return f"the newer one of {newest[one.name][:7]} counts"
        return ""

    return [replace(one, against=against(one)) for one in found]


def revisions(names: Iterable[str]) -> list[str]:
    """How DVC is told of these experiments: by name, or by Git ref where it would take another one of the name."""
    holding, present = finished(), of_present_commit()
    bearers = Counter(experiment.name for experiment in _all())
    # DVC takes the present commit's, else the only one.
    taken = {name: present.get(name, ref if bearers[name] == 1 else "") for name, ref in holding.items()}
    return [name if taken[name] == holding[name] and not _means_another(name) else holding[name] for name in names]


def _means_another(name: str) -> bool:
    """Whether DVC takes this for the work tree or for what Git knows by it, as a branch, before any experiment."""
    try:
        return name == "workspace" or bool(git("rev-parse", "--verify", "--quiet", name))
    except UserError:
        return False


def _all() -> Iterable[Experiment]:
    """Every finished experiment, newest first."""
    listed = git("for-each-ref", "--sort=-committerdate", "--format=%(refname) %(objectname)", EXPERIMENTS)
    for ref, commit in map(str.split, listed.splitlines()):
        if match := REF.fullmatch(ref):
            yield Experiment(match[3], ref, commit, baseline=match[1] + match[2])


def _tell_others(everything: list[Experiment], asked: set[str]) -> None:
    """Name on stderr all experiments that are left out, with their commits and the reason."""
    others = [one for one in everything if one.against and one.address not in asked]
    if asked:
        others = [one for one in others if one.name in asked]
    told = [
        f"{', '.join(one.name for one in alike)} of {baseline[:7]} ({against})"
        for (baseline, against), alike in groupby(others, key=lambda one: (one.baseline, one.against))
    ]
    if told:
        print(f"left out: {'; '.join(told)}. Ask for one as {others[0].address}", file=sys.stderr)


def _tell_uncommitted(holding: list[Experiment]) -> None:
    """Name on stderr those of the present commit that were run with a work tree of other code."""
    head = git("rev-parse", "HEAD").strip()
    names = [one.name for one in holding if one.baseline == head and not _has_same_code(head, one.commit, *TO_TRAINING)]
    if names:
        print(
            f"run with code that is not committed: {', '.join(sorted(names))}; those of other code are no seeds of it",
            file=sys.stderr,
        )


def code_of(ref: str) -> str:
    """The code of an experiment that the stages up to training depend on, as a key."""
    head, commit = git("rev-parse", "HEAD", ref).split()
    return _tree(commit, _code(head, *TO_TRAINING))


def images_of(ref: str) -> str:
    """The sum of an experiment's manifest: of all its images, their labels and patients, wherever they came from."""
    made = lockfile(ref)["stages"].get("manifest", {}).get("outs", [])
    return next((str(output["md5"]) for output in made if output["path"] == "data/manifest.csv"), "")


def origin(ref: str) -> dict[str, Any]:
    """The commit that an experiment started from, and whether it was run with other code than that commit has."""
    match = REF.fullmatch(ref)
    assert match
    start, commit = match[1] + match[2], git("rev-parse", ref).strip()
    paths = ("dvc.yaml", *_code(start, *_stages(start)))
    return {"commit": start, "is_changed": _tree(start, paths) != _tree(commit, paths)}


@cache
def _stages(commit: str) -> dict[str, Any]:
    """The stages of a commit's dvc.yaml."""
    return dict(parse_yaml(git("show", f"{commit}:dvc.yaml"), f"dvc.yaml of {commit}")["stages"])


def _has_same_code(commit: str, experiment: str, *names: str) -> bool:
    """Whether an experiment's commit has the code that these stages of `commit` depend on just as `commit` has it."""
    paths = _code(commit, *names)
    return _tree(commit, paths) == _tree(experiment, paths)


@cache
def _tree(commit: str, paths: tuple[str, ...]) -> str:
    """These files and folders as a commit has them: their modes, names and sums."""
    # Without a path Git lists all files.
    return git("ls-tree", commit, "--", *paths) if paths else ""


@cache
def _code(commit: str, *names: str) -> tuple[str, ...]:
    """The files and folders of code on which these stages of a commit depend."""
    stages = _stages(commit)
    paths = {path for name in names for path in stages.get(name, {}).get("deps", [])}
    return tuple(sorted(paths - {path for stage in stages.values() for path in _outputs(stage)}))


def _outputs(stage: dict[str, Any]) -> Iterable[str]:
    for kind in ("outs", "metrics", "plots"):
        for output in stage.get(kind, []):
            yield output if isinstance(output, str) else next(iter(output))


@cache
def _data(commit: str) -> tuple[str, str]:
    """The parameters of an experiment's images and split, and the sums of both, from its dvc.lock."""
    lock = lockfile(commit)["stages"]
    stages = [lock.get(name, {}) for name in DATA]
    recipe = [stage.get("params") for stage in stages]
    sums = [[output["path"], output.get("md5")] for stage in stages[2:] for output in stage.get("outs", [])]
    return json.dumps(recipe, sort_keys=True), json.dumps(sums, sort_keys=True)


def _move(ref: str, target: str) -> None:
    # The new one first: killed in between, both are there.
    git("update-ref", target, ref)
    git("update-ref", "-d", ref)
