"""Where finished experiments are kept, nothing else is lost."""

from pathlib import Path

import pytest

from cxr.errors import UserError
from study import experiments, keep, results


@pytest.mark.parametrize("words", [[], ["--replace"]], ids=["kept", "replaced"])
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_no_kept_run_stays(
    kind: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`study.keep docs/results recipe` put a run in the place of all of docs/results/recipe; a file was a traceback."""
    monkeypatch.setattr(experiments, "chosen", lambda names: {"first": "ref", "mine": "ref"})
    monkeypatch.setattr(results, "_to_keep", lambda name, ref: {"params.yaml": b"a", "predictions.csv": b"b"})
    monkeypatch.setattr("sys.argv", ["study.keep", str(tmp_path), *words])
    mine = tmp_path / "mine"
    notes = mine / "notes.md" if kind == "folder" else mine
    notes.parent.mkdir(exist_ok=True)
    notes.write_text("of months")
    with pytest.raises(UserError, match=f"{mine} is there already and is no kept run; name another folder"):
        keep.main()
    assert notes.read_text() == "of months"
    assert not (tmp_path / "first").exists(), "nothing is begun"
    notes.unlink()
    if mine.exists():
        mine.rmdir()
    keep.main()
    keep.main()
    assert capsys.readouterr().out.split() == [str(tmp_path / name) for name in ("first", "mine")] * 2
    assert results.kept(tmp_path) == ["first", "mine"]
