import sys

import pytest

from cxr.errors import UserError
from study import one
from study.run import __main__ as run
from study.run import overrides


def test_words_become_overrides() -> None:
    words = ["train.learning_rate=1e-5", "data.directory=a b", "data.source=phantom", "model.filters=[1, 2]"]
    parsed = overrides.parse_overrides(words)
    assert parsed["train.learning_rate"] == 1e-5
    assert parsed["data.directory"] == "a b"
    assert parsed["model.filters"] == [1, 2]
    with pytest.raises(UserError, match=r"write section\.key=value"):
        overrides.parse_overrides(["epochs"])


def test_no_override_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--set A --set B`, as DVC's -S is given, dropped A in silence, and of two values of a key the first went."""
    for command, words in {run: "s.yaml --only x --only y", one: "s.yaml x --from origin"}.items():
        monkeypatch.setattr(sys, "argv", ["command", *words.split(), *["--set", "a.b=1", "c.d=2", "--set", "e.f=3"]])
        arguments = command._arguments()
        assert arguments.set == ["a.b=1", "c.d=2", "e.f=3"]
        assert getattr(arguments, "only", ["x", "y"]) == ["x", "y"]
    with pytest.raises(UserError, match=r"'a\.b' is set twice"):
        overrides.parse_overrides(["a.b=1", "c.d=1", "a.b=2"])
