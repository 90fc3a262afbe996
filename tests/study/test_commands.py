"""Commands that take no words; commands of others that are run."""

import sys
from types import ModuleType

import pytest

from cxr.errors import UserError
from study import commands, mend, offline, templates


@pytest.mark.parametrize("module", [mend, offline, templates])
def test_a_word_that_is_not_known_is_told_before_any_work(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "layers-1"])
    with pytest.raises(SystemExit, match="2"):
        module.main()
    assert "error: unrecognized arguments: layers-1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "me@host: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\n"
            "Please make sure you have the correct access rights\nand the repository exists.\n",
            "me@host: Permission denied (publickey). fatal: Could not read from remote repository.",
        ),
        (
            "To host\n ! [rejected] one\nerror: failed to push\nhint: see --help\n",
            "! [rejected] one error: failed to push",
        ),
        ("ERROR: unexpected error\n\nHaving any troubles?\n", "ERROR: unexpected error"),
        ("begun\nended\n", "ended"),
        ("", "exit code 3"),
    ],
)
def test_what_a_command_failed_of_is_told_and_not_the_advice_that_follows(said: str, told: str) -> None:
    """A remote that lets nobody in was "and the repository exists."."""
    with pytest.raises(UserError) as failed:
        commands.run([sys.executable, "-Sc", f"import sys; sys.stderr.write({said!r}); sys.exit(3)"], "git fetch")
    assert str(failed.value) == f"git fetch failed: {told}"


def test_what_is_no_text_is_shown_as_its_bytes() -> None:
    """A run's log may name a file of the user's; it was a traceback in the place of why the run failed."""
    assert commands.run(["printf", "caf\\351"], "printf") == "caf\\xe9"
    with pytest.raises(UserError, match=r"git x failed: caf\\xe9\.jpeg is cut"):
        commands.run(["sh", "-c", r"printf 'caf\351.jpeg is cut' >&2; exit 1"], "git x")


def test_a_command_that_ctrl_c_has_ended_is_not_told_as_one_that_failed() -> None:
    code = "import os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); os.kill(os.getpid(), signal.{})"
    with pytest.raises(KeyboardInterrupt):
        commands.run([sys.executable, "-c", code.format("SIGINT")], "git write-tree")
    with pytest.raises(UserError, match="git write-tree failed: exit code -9"):
        commands.run([sys.executable, "-c", code.format("SIGKILL")], "git write-tree")
