import re
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.errors import UserError
from stages import project
from study import study_file
from study.run import grid

ROOT = Path(__file__).parents[3]
PARAMS = project.read_yaml(ROOT / "params.yaml")


@pytest.fixture(autouse=True)
def _at_the_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str) -> Path:
    Path("mine.yaml").write_text(text)
    return Path("mine.yaml")


@pytest.mark.parametrize(("name", "n_runs"), [("study.yaml", 8), ("demo.yaml", 6), ("recipe.yaml", 29)])
def test_the_projects_own_files_are_good(name: str, n_runs: int) -> None:
    runs = grid.load(ROOT / name, PARAMS, {})
    assert len(runs) == n_runs
    grid.check(runs)
    assert study_file.margin(ROOT / name) == 0.02


def test_overrides_reach_the_params_in_order() -> None:
    path = write("params: {train.epochs: 7, images.size: 99}\nruns: {one: {train.epochs: 8}, two: }")
    one, two = grid.load(path, PARAMS, {"images.size": 64})
    assert (one.params["train"]["epochs"], two.params["train"]["epochs"]) == (8, 7)
    assert one.params["images"]["size"] == two.params["images"]["size"] == 64
    assert one.overrides == {"train.epochs": 8, "images.size": 64}


def test_a_margin_changes_no_run_and_need_not_be_there() -> None:
    plain = grid.load(write("runs: {one: {}}"), PARAMS, {})
    assert study_file.margin(Path("mine.yaml")) is None
    assert grid.load(write("margin: 0.1\nruns: {one: {}}"), PARAMS, {}) == plain
    assert study_file.margin(Path("mine.yaml")) == 0.1


def test_a_label_ends_every_name() -> None:
    path = write("runs: {one: {}, two: }")
    assert [run.name for run in grid.load(path, PARAMS, {}, "pooled")] == ["one-pooled", "two-pooled"]


def test_some_runs_are_named_as_in_the_file_and_unknown_ones_are_refused() -> None:
    path = write("runs: {one: {}, two: {}, three: {}}")
    assert [run.name for run in grid.load(path, PARAMS, {}, "pooled", ["three", "one"])] == [
        "one-pooled",
        "three-pooled",
    ]
    with pytest.raises(UserError, match=r"mine\.yaml has no run tow, four; it has one, two, three"):
        grid.load(path, PARAMS, {}, only=["one", "tow", "four"])


def test_make_and_the_command_hand_on_which_runs_are_wanted() -> None:
    words = ["STUDY=recipe.yaml", "ONLY=recipe recipe-no-flip", "-o", "mended", "-n", "study"]
    shown = subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "study.run recipe.yaml --jobs 1 --only recipe recipe-no-flip --label" in shown
    study_run = [sys.executable, "-m", "study.run", "recipe.yaml", "--uncommitted", "--only", "recpie"]
    done = subprocess.run(study_run, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.startswith("error: recipe.yaml has no run recpie; it has recipe, ")) == (
        1,
        True,
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("runs: {one: {train.epoch: 8}}", "one: params.yaml has no train.epoch"),
        ("runs: {one: {trian.epochs: 8}}", "one: params.yaml has no trian.epochs"),
        ("runs: {one: {train: {epochs: 8}}}", "one: train is a section of params.yaml; .* train.epochs"),
        ("runs: {one: {train.epochs: 0}, two: {model.layers: C-X}}", r"one: .*train\.epochs.*; two: .*no layer"),
        ("runs: {one: {model.layers: P-P-P-P-P-P-P-P-P-F}}", "one: .*too many P"),
        ("runs: [one]", "needs `runs`"),
        ("run: {one: {}}", "needs `runs`"),
        ("runs: {}", r"mine\.yaml names no run"),
        ("- one", "holds no mapping"),
        ("runs: {", "is not valid YAML"),
        *(
            (f"margin: {margin}\nruns: {{one: {{}}}}", "margin is the difference in accuracy that does not matter")
            for margin in ("2", "-0.1", "0", "true", "[0.1]", "two", ".nan")
        ),
    ],
)
def test_wrong_files_name_every_wrong_run(text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        grid.check(grid.load(write(text), PARAMS, {}))


@pytest.mark.parametrize(
    "name", ["a b", "a/b", "a..b", "a@1234567", "a.lock", "a.", "-a", "a:b", "a~", "a+images", "肺" * 34, ""]
)
def test_a_name_that_no_experiment_can_have_is_refused_before_it_is_trained(name: str) -> None:
    path = write(f"runs: {{'{name}': {{}}, good-1.5_b: {{}}}}")
    with pytest.raises(UserError, match=rf"^{re.escape(name)}: a run's name, with its label, is made of letters"):
        grid.load(path, PARAMS, {})
    with pytest.raises(UserError, match="is made of letters"):
        grid.load(write("runs: {one: {}}"), PARAMS, {}, label="a b")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UserError, match=r"nowhere\.yaml is missing"):
        grid.load(Path("nowhere.yaml"), PARAMS, {})


def test_an_ablation_changes_one_factor_of_the_recipe() -> None:
    recipe, *others = grid.load(ROOT / "recipe.yaml", PARAMS, {})
    ablations = [run for run in others if run.name.startswith("recipe-")]
    factors = {"images", "model", "train", "augment", "evaluate"}
    for run in ablations:
        changed = {section for section in factors if run.params[section] != recipe.params[section]}
        assert len(changed) == 1, run.name
    stacks = [run for run in others if run.name.endswith("-augmented")]
    plain = {run.name: run for run in grid.load(ROOT / "study.yaml", PARAMS, {})}
    for run in stacks:
        assert run.params["augment"] == recipe.params["augment"]
        for section in ("model", "train", "evaluate"):
            assert run.params[section] == plain[run.name.removesuffix("-augmented")].params[section]


def test_a_reason_of_many_runs_is_said_once() -> None:
    path = write("runs: {one: {data.directory: nowhere}, two: {data.directory: nowhere}, three: {train.epochs: 0}}")
    with pytest.raises(UserError) as error:
        grid.check(grid.load(path, PARAMS, {"data.source": "directory"}))
    assert str(error.value).startswith("one, two: data.directory 'nowhere' is no folder")
    assert str(error.value).endswith("; three: params.yaml: train.epochs should be greater than 0, got 0")


def test_a_folder_that_dvc_would_remove_is_refused_before_anything_is_queued() -> None:
    path = write("runs: {one: {data.directory: data/raw}}")
    with pytest.raises(UserError, match=r"one: data\.directory 'data/raw' lies in the project's data/raw, which"):
        grid.check(grid.load(path, PARAMS, {"data.source": "directory"}))


def test_what_will_be_left_out_of_a_folder_is_told_once_before_anything_is_queued(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A stage says it too, but its words are in DVC's log, and a third class would be missing without a word."""
    for path in ("train/NORMAL/1_1.png", "train/PNEUMONIA/2_1.png", "train/COVID/3_1.png", "train/COVID/3_2.png"):
        Path("folder", path).parent.mkdir(parents=True, exist_ok=True)
        Path("folder", path).touch()
    path = write("runs: {one: {}, two: {train.epochs: 2}}")
    grid.check(grid.load(path, PARAMS, {"data.source": "directory", "data.directory": "folder"}))
    told = capsys.readouterr().err
    assert told.count("data.directory 'folder': 2 files that are not") == 1
    assert "the first is train/COVID/3_1.png" in told
