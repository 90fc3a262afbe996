"""What the runs of a study start from: the files of the commit, or on demand those of the work tree."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr.errors import UserError
from stages import project
from study.commands import git
from study.params_text import apply

# What differs here differs in a run's result.
FOLDERS = ("cxr", "stages")
CODE = ("dvc.yaml", *FOLDERS)
# `dvc exp push` and `dvc exp pull` look for their remote in each experiment's own commit.
REMOTES = ".dvc/config"


@dataclass(frozen=True)
class Baseline:
    """`head`, the commit that DVC hangs experiments on, and `files`, the commit whose files their runs see."""

    head: str
    files: str

    @property
    def params(self) -> dict[str, Any]:
        """params.yaml as a run sees it."""
        return dict(project.parse_yaml(self._params_text(), "the committed params.yaml"))

    def params_with(self, overrides: dict[str, Any]) -> str:
        """The text of params.yaml with `section.key` overrides; comments stay."""
        return apply(self._params_text(), overrides)

    def stash(self, files: dict[str, bytes], message: str) -> str:
        """A commit in the form of `git stash`: the baseline with these files, by path, in place of its own.

        Neither the work tree nor Git's index is touched.
        """
        with tempfile.TemporaryDirectory() as folder:
            index, content = {"GIT_INDEX_FILE": f"{folder}/index"}, Path(folder) / "content"
            git("read-tree", self.files, **index)
            for path, text in files.items():
                content.write_bytes(text)
                blob = git("hash-object", "-w", "--no-filters", str(content)).strip()
                git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
            tree = git("write-tree", **index).strip()
        staged = git("commit-tree", tree, "-p", self.head, "-m", f"index on {message}").strip()
        return git("commit-tree", tree, "-p", self.head, "-p", staged, "-m", message).strip()

    def _params_text(self) -> str:
        return git("show", f"{self.files}:params.yaml")


def read(is_uncommitted: bool) -> Baseline:
    """The commit at HEAD; with `is_uncommitted` its files as the work tree has changed them.

    Raises UserError that names what in the work tree differs from the commit, unless that is wanted.
    """
    # Before all: a folder that is not the project's is told by the file that it lacks.
    in_work_tree = project.read_yaml(Path("params.yaml"))
    head = git("rev-parse", "HEAD").strip()
    modules = [f"{folder}/*.py" for folder in FOLDERS]
    if unknown := git("ls-files", "--others", "--exclude-standard", "--", *modules).splitlines():
        raise UserError(f"Git does not know {', '.join(unknown)}, so no run would see it; git add it, or move it away")
    if is_uncommitted:
        return Baseline(head, git("stash", "create").strip() or head)
    baseline = Baseline(head, head)
    changed = _changed_keys(baseline.params, in_work_tree)
    changed += git("diff", "--name-only", "HEAD", "--", *CODE, REMOTES).splitlines()
    if changed:
        raise UserError(
            f"a study runs from the commit, and the work tree differs from it in {'; '.join(changed)}. Commit that or"
            " undo it (git restore), or run with it as it is: --uncommitted (make study UNCOMMITTED=1)"
        )
    return baseline


def check_identity() -> None:
    """Raises UserError where Git has no name or address to commit experiments under."""
    for role in ("AUTHOR", "COMMITTER"):
        try:
            # Git would make one up of the machine's name; DVC does not.
            git("-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT")
        except UserError:
            raise UserError(
                "DVC commits every experiment, and Git does not know as whom; tell it first: git config --global"
                ' user.name "Your Name"; git config --global user.email you@example.org'
            ) from None


def _changed_keys(committed: dict[str, Any], present: dict[str, Any]) -> list[str]:
    """Every `section.key` of params.yaml that the two have differently, with both values."""
    before, after = _flat(committed), _flat(present)
    return [
        f"params.yaml {key}: {before.get(key, 'absent')} committed, {after.get(key, 'absent')} here"
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key) or (key in before) != (key in after)
    ]


def _flat(params: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{section}.{key}": value
        for section, values in params.items()
        for key, value in (values.items() if isinstance(values, dict) else [("", values)])
    }
