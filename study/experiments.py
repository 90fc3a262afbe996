"""DVC's finished experiments, as the study needs them."""

from typing import TYPE_CHECKING

from cxr.errors import UserError
from stages.project import parse_yaml
from study.commands import git
from study.run.baseline import CODE

if TYPE_CHECKING:
    from study.run.baseline import Baseline
    from study.run.grid import Run


def finished() -> dict[str, str]:
    """Name and Git ref of every finished experiment that starts from the present commit."""
    head = git("rev-parse", "HEAD").strip()
    refs = git("for-each-ref", "--format=%(refname)", f"refs/exps/{head[:2]}/{head[2:]}").split()
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
