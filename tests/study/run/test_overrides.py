import pytest

from cxr.errors import UserError
from study.run import overrides


def test_words_become_overrides() -> None:
    words = ["train.learning_rate=1e-5", "data.directory=a b", "data.source=phantom", "model.filters=[1, 2]"]
    parsed = overrides.parse_overrides(words)
    assert parsed["train.learning_rate"] == 1e-5
    assert parsed["data.directory"] == "a b"
    assert parsed["model.filters"] == [1, 2]
    with pytest.raises(UserError, match=r"write section\.key=value"):
        overrides.parse_overrides(["epochs"])
