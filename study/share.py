"""Share experiments: `python -m study.share push|pull [NAME ...] [--git-remote origin]`.

Their commits go to a Git remote, and all that they made, with DVC's run cache, to the DVC remote: what `dvc push
--run-cache` and `dvc exp push` do, but for three things. The DVC remote is that of the present `.dvc/config`; `dvc exp
push` looks for one in each experiment's own commit, and where it finds none pushes no data and says "Pushed". Figures
and curves that Git keeps go along, without which no run cache can give back the stage that made them. And a commit is
pushed after its data, so that whoever sees an experiment can have it.
"""

import argparse
import logging
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cxr.errors import UserError
from stages import project
from study import experiments
from study.commands import git

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

# What is large, and read by no table and no report.
IMAGES = ("data/raw", "data/images.npy")
# Settings of a DVC remote that are secret.
SECRETS = re.compile(r"secret|password|token|account_key|connection_string|sas", re.IGNORECASE)
CONFIG = ".dvc/config"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m study.share",
        description="Send finished experiments to the Git remote and what they made to the DVC remote, or fetch them "
        "(docs/sharing.md).",
    )
    parser.add_argument("direction", choices=["push", "pull"], help="send, or fetch")
    experiments.add_names(parser)
    parser.add_argument(
        "--git-remote", default="origin", metavar="REMOTE", help="name or address of the Git remote (default: origin)"
    )
    parser.add_argument("--force", action="store_true", help="replace other experiments of the same names")
    parser.add_argument("--without-images", action="store_true", help=f"pull all but {' and '.join(IMAGES)}")
    arguments = parser.parse_args()
    address = git_address(arguments.git_remote)
    check_dvc_remote()
    if arguments.direction == "push":
        push(arguments.names, address, arguments.force)
    else:
        pull(arguments.names, address, arguments.force, IMAGES if arguments.without_images else ())


def push(names: list[str], address: str, is_forced: bool) -> None:
    """Send finished experiments, data first. Raises UserError where the Git remote has others of their names.

    It looks before the data go. What others push in the meantime, Git does not replace unless it is forced to.
    """
    chosen = experiments.chosen(names)
    if not is_forced:
        _check_no_others(chosen, address)
    send(list(chosen.values()))
    try:
        git("push", "--quiet", address, *(f"{'+' * is_forced}{ref}:{ref}" for ref in chosen.values()))
    except UserError:
        if not is_forced:
            _check_no_others(chosen, address)
        raise
    print(f"pushed {', '.join(chosen)}")


def _check_no_others(chosen: dict[str, str], address: str) -> None:
    theirs = _remote_refs(address)
    others = [name for name, ref in chosen.items() if theirs.get(ref, _commit(ref)) != _commit(ref)]
    if others:
        raise UserError(f"{', '.join(others)} at the Git remote is another run; --force replaces it with yours")


def pull(names: list[str], address: str, is_forced: bool, but: Iterable[str] = ()) -> None:
    """Bring experiments and what they made, but for the outputs `but`. Raises UserError where one here differs."""
    theirs = {ref: commit for ref, commit in _remote_refs(address).items() if experiments.REF.fullmatch(ref)}
    of_name = {ref: asked for ref in theirs if (asked := _asked(ref, names))}
    if unknown := sorted(set(names) - set(of_name.values())):
        raise UserError(f"the Git remote has no experiment called {', '.join(unknown)}")
    if not of_name:
        raise UserError("the Git remote has no experiments")
    mine = _local_refs()
    others = [ref.rpartition("/")[2] for ref in of_name if mine.get(ref, theirs[ref]) != theirs[ref]]
    if others and not is_forced:
        raise UserError(f"{', '.join(others)} at the Git remote is another run; --force replaces yours with it")
    git("fetch", "--quiet", address, *(f"+{ref}:{ref}" for ref in of_name))
    # Without names the data of those that hold alone, and of none that is only here.
    holding = experiments.chosen(sorted(set(of_name.values())) if names else [])
    chosen = {name: ref for name, ref in holding.items() if ref in of_name}
    if not chosen:
        raise UserError("no experiment of the Git remote holds here; name those whose data you want all the same")
    bring(list(chosen.values()), but)
    print(f"pulled {', '.join(chosen)}")


def send(refs: list[str]) -> None:
    """Push all that experiments at these Git refs made, and the run cache, to the DVC remote."""
    with _dvc_repo() as (repo, failures):
        made = _with_files(repo, _made(refs))
        repo.cloud.push(made)
        repo.stage_cache.push(None)
        status = repo.cloud.status(made)
    _check_all_there(refs, made, status.new | status.missing, "the DVC remote", failures)


def bring(refs: list[str], but: Iterable[str] = ()) -> None:
    """Pull all that experiments at these Git refs made, without the outputs `but`, and the run cache."""
    made = {one: path for one, path in _made(refs).items() if path not in set(but)}
    with _dvc_repo() as (repo, failures):
        # What a folder holds stands in its own object.
        repo.cloud.pull({one for one in made if one.isdir})
        made = _with_files(repo, made)
        repo.cloud.pull(made)
        repo.stage_cache.pull(None)
        status = repo.cloud.status(made)
    _check_all_there(refs, made, status.deleted | status.missing, "DVC's cache here", failures)


def git_address(remote: str) -> str:
    """The address of a Git remote, by its name or address; a folder's is made absolute. Raises UserError."""
    known = git("remote").split()
    address = git("remote", "get-url", remote).strip() if remote in known else remote
    try:
        folder, parts = Path(address).expanduser(), urlsplit(address)
    # The home of a user who is not there; half of an address.
    except (RuntimeError, ValueError) as error:
        raise UserError(f"'{remote}' is no address of a Git remote: {error}") from None
    if folder.is_dir():
        return str(folder.resolve())
    if ":" not in address:
        raise UserError(f"'{remote}' is neither a Git remote of this folder nor an address; see git remote -v")
    # Over HTTP a token may stand in the place of a name.
    if parts.password or (parts.username and parts.scheme.startswith("http")):
        raise UserError(
            f"the address of the Git remote at {parts.hostname} holds a password or token, which logs would show; take"
            " it out and let a credential helper or SSH bring it"
        )
    return address


def check_dvc_remote() -> None:
    """Raises UserError where there is no DVC remote, or a secret of one stands where Git would take it along."""
    from dvc.config import Config

    config = Config(".dvc")
    if not config["core"].get("remote"):
        raise UserError(
            "there is no DVC remote to hold the data: dvc remote add -d NAME URL (or dvc remote default NAME), then"
            f" commit {CONFIG} (docs/sharing.md)"
        )
    committed = config.read("repo").get("remote", {})
    open_secrets = [f"{name} {key}" for name, keys in committed.items() for key in keys if SECRETS.search(key)]
    if open_secrets:
        raise UserError(
            f"{CONFIG}, which Git keeps, holds secrets ({', '.join(open_secrets)}): take them out (dvc remote modify"
            " --unset), give them with --local, and have new ones made if they were ever committed"
        )


def _made(refs: Iterable[str]) -> "dict[HashInfo, str]":
    """The outputs that the dvc.lock of each of these refs names, those that Git keeps too: paths by checksum."""
    from dvc_data.hashfile.hash_info import HashInfo

    stages = [stage for ref in refs for stage in experiments.lockfile(ref)["stages"].values()]
    return {HashInfo("md5", output["md5"]): output["path"] for stage in stages for output in stage.get("outs", [])}


def _with_files(repo: "Repo", made: "dict[HashInfo, str]") -> "dict[HashInfo, str]":
    """Outputs, and the files of those that are folders where the cache here knows what they hold."""
    from dvc_data.hashfile.tree import Tree

    files: dict[HashInfo, str] = {}
    for one, path in made.items():
        if one.isdir:
            with suppress(FileNotFoundError):
                files |= {file: path for _, _, file in Tree.load(repo.cache.local, one)}
    return files | made


def _check_all_there(
    refs: Iterable[str], made: "dict[HashInfo, str]", lacking: "set[HashInfo]", place: str, failures: "_Failures"
) -> None:
    """Raises UserError that names what a place still lacks, but for what Git brings; of the run cache that it does."""
    in_git = {path for ref in refs for path in git("ls-tree", "-r", "--name-only", ref).splitlines()}
    names = sorted({made[one] for one in lacking} - in_git)
    if names or failures.reasons:
        reason = failures.reasons[0] if failures.reasons else "no longer there, or not to be moved"
        raise UserError(f"{place} lacks {', '.join(names) or 'a part of the run cache'}: {reason}")


class _Failures(logging.Handler):
    """Why files could not be moved, without secrets: DVC logs a line for each of them, and goes on."""

    def __init__(self, repo: "Repo") -> None:
        super().__init__()
        self.repo = repo
        self.reasons: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and (error := record.exc_info[1]):
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            self.reasons.append(without_secrets(reason, self.repo))


@contextmanager
def _dvc_repo() -> "Iterator[tuple[Repo, _Failures]]":
    """DVC's view of this folder, and what it fails of meanwhile.

    What a remote's own library raises, of any kind, becomes one line without secrets.
    """
    from dvc.repo import Repo

    with Repo() as repo:
        # It tells in many lines what is told here in one.
        logging.getLogger("dvc").setLevel(logging.CRITICAL)
        failures = _Failures(repo)
        for name in ("dvc_data", "dvc_objects"):
            logging.getLogger(name).handlers = [failures]
        try:
            yield repo, failures
        except Exception as error:
            raise failed(error, repo) from None


def failed(error: Exception, repo: "Repo") -> UserError:
    """What a remote's own library has raised, as one line without secrets."""
    reason = " ".join(str(error).split()) or type(error).__name__
    remote = repo.config["core"].get("remote")
    return UserError(f"the DVC remote '{remote}' failed: {without_secrets(reason, repo)}")


def without_secrets(text: str, repo: "Repo") -> str:
    """A text in which every secret of DVC's configuration and of the environment is stars."""
    settings = [setting for remote in repo.config["remote"].values() for setting in remote.items()]
    for key, value in (*settings, *os.environ.items()):
        if SECRETS.search(key) and isinstance(value, str) and value:
            text = text.replace(value, "***")
    return text


def _remote_refs(address: str) -> dict[str, str]:
    """The Git remote's experiments: commits by ref."""
    lines = git("ls-remote", address, f"{experiments.EXPERIMENTS}/*").splitlines()
    return {ref: commit for commit, _, ref in (line.partition("\t") for line in lines)}


def _local_refs() -> dict[str, str]:
    lines = git("for-each-ref", "--format=%(objectname)\t%(refname)", experiments.EXPERIMENTS).splitlines()
    return {ref: commit for commit, _, ref in (line.partition("\t") for line in lines)}


def _asked(ref: str, names: list[str]) -> str:
    """The one of `names` (NAME or NAME@COMMIT) that asks for the experiment at `ref`, empty where none does.

    Without names its own name.
    """
    start, rest, name = ref.removeprefix(f"{experiments.EXPERIMENTS}/").split("/")
    return next((asked for asked in names or [name] if asked in (name, f"{name}@{start}{rest[:5]}")), "")


def _commit(ref: str) -> str:
    return git("rev-parse", ref).strip()


if __name__ == "__main__":
    project.run(main)
