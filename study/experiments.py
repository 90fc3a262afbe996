"""DVC's finished experiments, as the study needs them."""

from typing import TYPE_CHECKING

from cxr.errors import UserError
from stages.project import parse_yaml
from study.commands import git
from study.run.baseline import CODE

if TYPE_CHECKING:
    from study.run.baseline import Baseline
    from study.run.grid import Run

EXPERIMENTS = "refs/exps"
# Where DVC does not look: experiments that wait until the runs that are to replace them are finished.
SET_ASIDE = "refs/cxr-replaced"


def finished() -> dict[str, str]:
    """Name and Git ref of every finished experiment that starts from the present commit."""
    head = git("rev-parse", "HEAD").strip()
    refs = git("for-each-ref", "--format=%(refname)", f"{EXPERIMENTS}/{head[:2]}/{head[2:]}").split()
    return {ref.rsplit("/", 1)[1]: ref for ref in refs}


def chosen(names: list[str]) -> dict[str, str]:
    """Name and Git ref of the finished experiments of these names; of all without names.

    Raises UserError where one does not exist, or none at all.
    """
    refs = finished()
    if unknown := sorted(set(names) - set(refs)):
        raise UserError(f"no finished experiment from this commit is called {', '.join(unknown)}")
    if not refs:
        raise UserError("there is no finished experiment from this commit; run some, for instance with make study")
    return {name: refs[name] for name in names or sorted(refs)}


def is_finished(run: "Run", baseline: "Baseline") -> bool:
    """Whether an experiment of this name has been run with exactly these parameters and the baseline's code."""
    ref = finished().get(run.name)
    if ref is None or parse_yaml(git("show", f"{ref}:params.yaml"), f"params.yaml of {run.name}") != run.params:
        return False
    return not git("diff", "--name-only", baseline.files, ref, "--", *CODE)


def set_aside(names: set[str]) -> None:
    """Make room for new runs of these names. DVC takes no second experiment of a name, or runs every stage again."""
    for name, ref in finished().items():
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


def _move(ref: str, target: str) -> None:
    # The new one first: killed in between, both are there.
    git("update-ref", target, ref)
    git("update-ref", "-d", ref)
