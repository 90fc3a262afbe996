"""Commands that take no words."""

import sys
from types import ModuleType

import pytest

from study import mend, offline, templates


@pytest.mark.parametrize("module", [mend, offline, templates])
def test_a_word_that_is_not_known_is_told_before_any_work(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "layers-1"])
    with pytest.raises(SystemExit, match="2"):
        module.main()
    assert "error: unrecognized arguments: layers-1" in capsys.readouterr().err
