"""Experiments pushed to a Git remote that others push to; tests/study/run/test_dask_cluster.py has data and DVC."""

import hashlib
import resource

import pytest

from cxr.errors import UserError
from study import share
from study.commands import git
from tests.study.conftest import Repository


def test_what_others_have_pushed_while_the_data_went_is_not_replaced(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data of a run take minutes; a run of the same name that came to the Git remote meanwhile was lost."""
    remote = str(repository.project.folder.parent / "remote.git")
    git("init", "-q", "--bare", remote)
    one, theirs, two = repository.finish("one"), repository.finish("theirs"), repository.finish("two")
    monkeypatch.setattr(share, "send", lambda refs: git("push", "-q", "--force", remote, f"{theirs}:{one}"))
    with pytest.raises(UserError, match=r"^one at the Git remote is another run; --force replaces it with yours$"):
        share.push(["one", "two"], remote, is_forced=False)

    def at_remote() -> list[str]:
        return git("ls-remote", remote, one, two).split()[::2]

    assert at_remote() == git("rev-parse", theirs, two).split(), "the other one is there"
    share.push(["one", "two"], remote, is_forced=True)
    assert at_remote() == git("rev-parse", one, two).split()


@pytest.mark.slow
def test_why_data_cannot_be_moved_is_told_once(repository: Repository, capfd: pytest.CaptureFixture[str]) -> None:
    """A full disk was a line of DVC's for each file, and at the end "not to be moved"; here a file is too large."""
    folder, content = repository.project.folder, bytes(2**20)
    digest = hashlib.md5(content).hexdigest()
    ref = repository.finish("one", images=digest)
    in_cache = folder / ".dvc" / "cache" / "files" / "md5" / digest[:2]
    in_cache.mkdir(parents=True)
    (in_cache / digest[2:]).write_bytes(content)
    (folder / ".dvc" / "config").write_text("[core]\n    remote = here\n['remote \"here\"']\n    url = ../remote\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) // 2, before[1]))
    try:
        with pytest.raises(UserError) as told:
            share.send([ref])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    lacking = "data/details/data.json, data/images.npy, data/train.csv"
    assert str(told.value) == f"the DVC remote lacks {lacking}: File too large"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("address", ["http://[half", "~nobody-of-this-name/project"])
def test_what_is_no_address_is_told(repository: Repository, address: str) -> None:
    """They were tracebacks of the library that reads addresses."""
    with pytest.raises(UserError, match="is no address of a Git remote: "):
        share.git_address(address)


def test_without_names_what_only_this_clone_has_is_not_said_to_be_pulled(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    remote = str(repository.project.folder.parent / "remote.git")
    git("init", "-q", "--bare", remote)
    mine, theirs = repository.finish("mine"), repository.finish("theirs")
    git("push", "-q", remote, f"{theirs}:{theirs}")
    git("update-ref", "-d", theirs)
    brought: list[str] = []
    monkeypatch.setattr(share, "bring", lambda refs, but: brought.extend(refs))
    share.pull([], remote, is_forced=False)
    assert brought == [theirs] != [mine]
    assert capsys.readouterr().out == "pulled theirs\n"
