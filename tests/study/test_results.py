"""Results read from experiments of a real DVC project whose cache has lost a file."""

import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path

import pytest

from cxr.errors import UserError
from cxr.networks.params import NEUTRAL, AugmentParams
from cxr.params import parse
from stages.project import parse_yaml
from study import params_text, places, results
from tests.conftest import ROOT, Project
from tests.study.results_made import result, save

CACHED = [path for key, path in results.FILES.items() if key not in ("params", "history")]
# As many rows as `result` has, of which the last has lost its number.
NO_NUMBER = "path,patient_group,label,probability\n" + 599 * "x,p,1,0.5\n" + "x,p,1,nan\n"
STAGE = {
    "stages": {
        "evaluate": {
            "cmd": "cp -r made/. .",
            "deps": ["made"],
            "outs": CACHED,
            "plots": [{results.FILES["history"]: {"cache": False}}],
        }
    }
}


@pytest.fixture(scope="module")
def project(make_dvc_project: Callable[[], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with one finished experiment, `a`, whose predictions are no longer in the cache, nor in the remote."""
    made = make_dvc_project()
    one = result("a")
    save(tmp_path_factory.getbasetemp(), one)
    for key, place in results.FILES.items():
        target = made.folder / ("." if key == "params" else "made") / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(next(tmp_path_factory.getbasetemp().glob(f"a/{key}.*")), target)
    (made.folder / "dvc.yaml").write_text(json.dumps(STAGE))
    made.ok("dvc", "remote", "add", "--default", "empty", str(tmp_path_factory.mktemp("remote")))
    made.commit("made results")
    made.ok("dvc", "exp", "run", "--name", "a")
    content = (made.folder / results.FILES["predictions"]).read_bytes()
    digest = hashlib.md5(content).hexdigest()
    made.ok(sys.executable, "-m", "study.compare", "a")
    (made.folder / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]).unlink()
    return made


@pytest.mark.slow
@pytest.mark.parametrize("words", [["report"], ["compare", "a"], ["keep", "kept"]], ids=lambda words: words[0])
def test_predictions_that_are_nowhere_are_one_line(project: Project, words: list[str]) -> None:
    done = project.run(sys.executable, "-m", f"study.{words[0]}", *words[1:])
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("error: a has no complete result here")
    assert results.FILES["predictions"] in line
    assert "study.share pull" in line
    for left in ("report", "kept"):
        assert not (project.folder / left).exists(), "nothing is left half written"


def test_a_full_disk_is_not_told_as_a_run_that_lacks_something() -> None:
    """A bundle is written while its run is read."""
    with pytest.raises(OSError, match="No space left"), results.complete("a"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(UserError, match="a has no complete result: "), results.complete("a"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"architecture": "stack"}, "C-P-F-D"),
        ({"architecture": "residual", "filters": [8, 16]}, "residual-8-16"),
        ({"architecture": "DenseNet121", "weights": "none"}, "DenseNet121"),
        ({"architecture": "DenseNet121", "weights": "imagenet"}, "DenseNet121, imagenet"),
    ],
)
def test_a_network_in_short(model: dict[str, object], told: str) -> None:
    made = result("a")
    made.params["model"] |= model
    assert made.layers == told


@pytest.mark.parametrize(
    ("rate", "told"),
    [(1e-4, "1e-4"), (0.001, "1e-3"), (1e-05, "1e-5"), (2.5e-4, "2.5e-4"), (0.1, "1e-1"), (1, "1e0")],
)
def test_learning_rates_are_written_alike(rate: float, told: str) -> None:
    """In one column 0.0001 stood above 1e-05."""
    assert result("a", learning_rate=rate).rate == told


@pytest.mark.parametrize("directory", [".", "0", "images", "../../home/me/my images", '/it\'s: a "b"/sea'])
def test_the_way_to_a_folder_is_not_kept_and_all_else_is(directory: str) -> None:
    text = (ROOT / "params.yaml").read_text()
    kept = places.without_path(params_text.apply(text, {"data.directory": directory}))
    assert parse_yaml(kept, "kept")["data"]["directory"] == Path(directory).name
    without = [params_text.apply(one, {"data.directory": None}).split() for one in (kept, text)]
    assert without[0] == without[1], "all words, those of comments too"


def test_a_run_older_than_some_keys_was_made_with_their_neutral_values(tmp_path: Path) -> None:
    made = result("old")
    del made.params["augment"], made.params["model"]["architecture"]
    made.params["images"] = {"size": 224, "is_square": True}
    save(tmp_path, made)
    [read] = results.from_folder(tmp_path, [])
    assert read.params["augment"] == results.SETTINGS["augment"]
    assert read.params["model"]["architecture"] == "stack"
    assert read.params["images"] == {"size": 224, "is_square": True, "is_equalised": False, "shows": "all"}


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("params.yaml", None, "a has no complete result here .*params.yaml"),
        ("predictions.csv", None, "a has no complete result here .*predictions.csv"),
        ("params.yaml", "", "a has no complete result: "),
        ("test.json", "null", "a has no complete result: "),
        ("predictions.csv", "path,label\nx,1\n", "predictions.csv has no column patient_group, probability"),
        ("history.csv", "epoch,loss,val_loss\n1,1,1\n", "history.csv has no column accuracy, val_accuracy"),
        ("predictions.csv", 300, "a has no complete result: 299 predictions of 600 test images"),
        ("predictions.csv", NO_NUMBER, "a has no complete result: predictions.csv has a probability that is none: nan"),
    ],
)
def test_a_kept_run_that_was_copied_in_part_is_told(
    tmp_path: Path, file: str, content: str | int | None, told: str
) -> None:
    """Without its params.yaml it was not there, with some of its predictions the figures were of these, and without a
    column or a number it was a traceback."""
    save(tmp_path, result("a"))
    save(tmp_path, result("b"))
    path = tmp_path / "a" / file
    if content is None:
        path.unlink()
    else:
        lines = path.read_text().splitlines(keepends=True)
        path.write_text(content if isinstance(content, str) else "".join(lines[:content]))
    with pytest.raises(UserError, match=told):
        results.from_folder(tmp_path, [])


def test_a_run_that_is_named_twice_is_one(tmp_path: Path) -> None:
    """As by its name and by its study; it was told to take another seed."""
    save(tmp_path, result("a"))
    assert [one.name for one in results.from_folder(tmp_path, ["a", "a"])] == ["a"]


def test_over_fitting_is_read_off_the_curves(tmp_path: Path) -> None:
    """Losses of 1 / epoch in training and 1.1 / epoch in validation."""
    save(tmp_path, result("a", loss_gap=None))
    [read] = results.from_folder(tmp_path, ["a"])
    assert read.train["loss_gap"] == pytest.approx(0.1 / 5)
    assert (read.train["best_epoch"], read.train["val_loss_rises_from"]) == (5, None)


def test_a_run_of_other_code_is_no_seed_of_the_present_one() -> None:
    def configuration(name: str) -> Hashable:
        return result(name).configuration

    assert configuration("one") == configuration("two")
    assert configuration("one@1234567") == configuration("two@1234567") != configuration("one")


def test_a_folder_is_what_it_holds_and_not_how_it_is_called() -> None:
    """Seeds trained on two machines, or with another spelling of the folder, were of two networks."""

    def network(directory: str | None, *made_of: str) -> Hashable:
        made = result("one")
        made.params["data"] |= {"directory": directory, "revision": len(directory or "")}
        return replace(made, made_of=made_of).network

    same = [network(directory, "code", "sum") for directory in ("images", "./images/", "/home/me/images", None)]
    assert len({*same, network("images", "code", "other"), network("images", "other", "sum")}) == 3
    assert network("images") != network("pictures"), "of kept runs nobody knows more"


def test_the_study_augments_nothing() -> None:
    assert parse(AugmentParams, "augment", results.SETTINGS["augment"]) == NEUTRAL
