"""The model card: what the Hub reads of it, and that it says nothing that the results do not hold."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from huggingface_hub import ModelCard

from cxr.errors import UserError
from cxr.sources.records import SOURCES
from cxr.sources.source import KERMANY, Brought, Source
from study import results, trained
from study.card import card, one_network
from study.facts import taken
from study.families import families
from study.results import Result
from study.subgroups import subgroups
from tests.conftest import ROOT
from tests.study.results_made import EXPLAINED, result, save


def kermany(name: str) -> Result:
    """A run whose test images have Kermany's names: all bacteria found, half of the viruses, all IM, no NORMAL2-IM."""
    kinds = {
        "test/PNEUMONIA/person{}_bacteria_1.jpeg": (1, 0.9),
        "test/PNEUMONIA/person{}_virus_1.jpeg": (1, None),
        "test/NORMAL/IM-{}-1.jpeg": (0, 0.1),
        "test/NORMAL/NORMAL2-IM-{}-1.jpeg": (0, 0.8),
    }
    rows = []
    for path, (label, probability) in kinds.items():
        for i in range(40):
            group = re.sub(r"(_1|-1)\.jpeg$", "", path.format(i).rsplit("/", 1)[1])
            rows.append((path.format(i), group, label, 0.9 * (i % 2) if probability is None else probability))
    made = result(name)
    made.params["data"]["source"] = "kaggle"
    return replace(made, predictions=pd.DataFrame(rows, columns=["path", "patient_group", "label", "probability"]))


def test_the_hub_reads_its_header_and_its_figures() -> None:
    [family] = families([result("mine", seed=0, accuracy=0.9), result("mine-1", seed=1, accuracy=0.92)])
    read = ModelCard(card(family))
    assert read.data.library_name == "keras"
    assert read.data.model_name == "mine"
    measured = {figure.metric_type: figure.metric_value for figure in read.data.eval_results}
    assert set(measured) == {"accuracy", "balanced_accuracy", "roc_auc", "recall", "specificity"}
    assert measured["accuracy"] == pytest.approx(0.91, abs=0.002)
    assert {figure.dataset_split for figure in read.data.eval_results} == {"test"}
    assert read.data.to_dict() == ModelCard(str(read)).data.to_dict(), "it is written as it is read"
    headings = re.findall(r"^## (.*)$", read.text, re.MULTILINE)
    assert headings[:4] == ["Intended use", "Data", "Network and training", "Figures"]
    assert {"Shortcuts", "Limits", "Licence"} <= set(headings)
    assert "Not for diagnosis" in read.text


@pytest.mark.parametrize(
    ("run", "licence", "said"),
    [
        (kermany("a"), "mit", "Code and weights: MIT."),
        (result("a", images="synthetic"), "mit", "Code and weights: MIT."),
        (result("a"), "unknown", "Weights: whoever trained them says."),
    ],
    ids=["kermany", "synthetic", "own"],
)
def test_the_licence_of_weights_is_that_of_the_images_owner(run: Result, licence: str, said: str) -> None:
    [family] = families([run])
    text = card(family)
    assert ModelCard(text).data.license == licence
    assert said in text


def test_a_source_of_ones_own_has_the_licence_of_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        SOURCES, "hospital", Source("hospital.example/xrays", "CC0", lambda raw, request: Brought(KERMANY))
    )
    run = result("mine")
    run.params["data"]["source"] = "hospital"
    [family] = families([run])
    assert "CC0 (source 'hospital': hospital.example/xrays)" in card(family)


def test_a_parameter_that_is_not_neutral_is_told_without_words_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(results.SETTINGS["train"], "clipnorm", 0)
    for value in (0, 1.5):
        run = result("mine")
        run.params["train"]["clipnorm"] = value
        [family] = families([run])
        assert ("clipnorm 1.5" in card(family)) == bool(value)


def test_what_a_kept_run_does_not_hold_is_said() -> None:
    [family] = families([result("mine")])
    text = card(family)
    assert "Grad-CAM: not kept" in text
    assert "Warning of foreign pictures: not kept" in text
    assert "image size as stored: the manifest is not kept" in text
    assert "One training: with another seed the figures are others." in text
    assert "CC BY" not in text, "nobody knows the licence of a folder"


def test_a_kept_explanation_is_told(tmp_path: Path) -> None:
    save(tmp_path, result("mine"))
    (tmp_path / "mine" / "explain.json").write_text(json.dumps(EXPLAINED))
    [family] = families(results.from_folder(tmp_path, []))
    text = card(family)
    assert "Warning of foreign pictures: warned of 1.2% of the 600 test images (false alarms); of 256 made" in text
    assert "of a map's sum 50.0% lies inside a coarse lung field in images called pneumonia (chance: 33.0%)" in text
    assert "blanking the lungs lowers their probability by 0.250, blanking the frame by -" in text


def test_what_trained_the_network_is_told_where_it_is_kept(tmp_path: Path) -> None:
    versions = {"keras": "3.15.1", "tensorflow": "2.21.0"}
    origin = {"commit": "0123456789" * 4, "is_changed": True}
    save(tmp_path, result("new", versions=versions))
    (tmp_path / "new" / results.ORIGIN).write_text(json.dumps(origin))
    save(tmp_path, result("old", seed=1))
    [family] = families(results.from_folder(tmp_path, []))
    new = "keras 3.15.1, tensorflow 2.21.0; code of commit 0123456 with changes that were not committed"
    assert f"- Software: {new} or versions of libraries not kept; commit of the code not kept\n" in card(family)
    for damaged in ("{}", "null", "{"):
        (tmp_path / "new" / results.ORIGIN).write_text(damaged)
        [family] = families(results.from_folder(tmp_path, ["new"]))
        with pytest.raises(UserError, match=r"^new has no complete result: (?!new)"):
            card(family)


def test_an_explanation_that_was_kept_in_part_is_told(tmp_path: Path) -> None:
    save(tmp_path, result("mine"))
    (tmp_path / "mine" / "explain.json").write_text(json.dumps(EXPLAINED)[:40])
    [family] = families(results.from_folder(tmp_path, []))
    with pytest.raises(UserError, match="mine has no complete result: "):
        card(family)


@pytest.mark.slow
def test_the_committed_card_is_that_of_the_kept_runs() -> None:
    [family] = families(results.from_folder(ROOT / "docs/results/recipe/runs", []))
    committed = (ROOT / "docs/model_card.md").read_text()
    # The last digits are another processor's.
    assert without_digits(card(family)) == without_digits(committed)
    assert "recipe-seed0, recipe-seed1, recipe-seed2, recipe-seed3, recipe-seed4" in committed


def without_digits(text: str) -> str:
    return re.sub(r"(?<=\.\d\d)\d+", "", text)


def test_of_a_table_its_own_test_part_class_and_acquisitions_are_told() -> None:
    run = result("mine", classes=("no finding", "covid"), patients="table")
    run.params["data"]["source"] = "table"
    run.data["acquisition"] = {"acquisition AP": 1200, "acquisition portable": 30}
    [family] = families([run])
    text = card(family)
    assert "the test part is the one that the table names" in text
    assert "target covid, label smoothing" in text
    assert "pneumonia" not in text
    assert taken(run).startswith("as the table names it: 1,200 AP, 30 portable; as stored")
    assert taken(result("other")).startswith("not reported, because")


def test_the_licence_and_the_publishers_are_named_where_the_images_are_kermanys() -> None:
    [family] = families([kermany("mine")])
    assert "CC BY 4.0 (Kermany, Zhang, Goldbaum" in card(family)


def test_phantoms_are_called_synthetic() -> None:
    [family] = families([result("mine", images="synthetic")])
    assert "**All images are synthetic phantoms." in card(family)
    assert "synthetic-images" in ModelCard(card(family)).data.tags


def test_subgroups_are_those_of_the_names() -> None:
    [family] = families([kermany("mine")])
    found = {part.name: part for part in subgroups(family.configurations[0])}
    assert {name: part.n_images for name, part in found.items()} == {
        "etiology: bacteria": 40,
        "etiology: normal": 80,
        "etiology: virus": 40,
        "series: IM": 40,
        "series: NORMAL2-IM": 40,
    }
    assert found["etiology: bacteria"].estimates["sensitivity"].value == 1
    assert found["etiology: virus"].estimates["sensitivity"].value == 0.5
    assert found["series: IM"].estimates["specificity"].value == 1
    assert found["series: NORMAL2-IM"].estimates["specificity"].value == 0
    assert "specificity" not in found["etiology: virus"].estimates
    assert found["etiology: bacteria"].estimates["auroc"].value == 1


def test_subgroups_are_those_of_the_manifest_at_each_runs_own_threshold() -> None:
    """Two trainings: the second misses all bacteria, the first calls all of NORMAL2-IM normal."""
    kind = np.arange(160) // 40
    columns = {
        "width": 100 * (1 + kind),
        "height": 10,
        "acquisition": np.where(kind % 2, "acquisition odd", "acquisition even"),
    }
    manifest = kermany("any").predictions[["path"]].assign(**columns).sample(frac=1, random_state=0)
    files = {"data/manifest.csv": manifest.to_csv(index=False).encode()}
    runs = [replace(kermany(name), beside=files.get) for name in ("mine", "again")]
    runs[0].test["threshold"] = 0.85
    runs[1].params["train"]["seed"] = 1
    for run in runs:
        run.predictions.loc[kind == 1, "patient_group"] = "person0_virus"
    runs[1].predictions.loc[kind == 0, "probability"] = 0.4
    [family] = families(runs)
    found = {part.name: part for part in subgroups(family.configurations[0])}
    assert [found[f"size: {name}"].n_images for name in ("1 small", "2 middle", "3 large")] == [80, 40, 40]
    assert [found[f"etiology: {name}"].n_patients for name in ("bacteria", "virus")] == [40, 1]
    expected = {
        ("etiology: bacteria", "sensitivity"): 0.5,
        ("etiology: virus", "sensitivity"): 0.5,
        ("size: 2 middle", "specificity"): 1,
        ("size: 3 large", "specificity"): 0.5,
        ("acquisition: even", "specificity"): 1,
        ("acquisition: odd", "specificity"): 0.5,
    }
    assert {(name, key): found[name].estimates[key].value for name, key in expected} == expected
    bacteria, virus = (found[f"etiology: {name}"].estimates["sensitivity"] for name in ("bacteria", "virus"))
    assert bacteria.low == bacteria.high == 0.5, "one training finds them all and the other none, whoever is drawn"
    assert np.isnan([virus.low, virus.high]).all(), "in every draw the same patient: that is no interval"
    assert re.search(r"^\| etiology: virus +\| 40 +\| 1 +\| 0\.500 sd 0\.\d{3} +\|", card(family), re.MULTILINE)


@pytest.mark.parametrize(("n_normal", "is_known"), [(1, False), (9, False), (10, True)])
def test_an_interval_rests_on_the_patients_of_its_own_class(n_normal: int, is_known: bool) -> None:
    """A subgroup of all pneumonias and a few of the normal images, each of another patient."""
    made = kermany("mine")
    labels = made.predictions["label"].to_numpy()
    is_in = (labels == 1) | (np.cumsum(labels == 0) <= n_normal)
    manifest = made.predictions[["path"]].assign(
        width=1, height=1, acquisition=np.where(is_in, "acquisition in", "acquisition out")
    )
    files = {"data/manifest.csv": manifest.to_csv(index=False).encode()}
    [family] = families([replace(made, beside=files.get)])
    [found] = [part for part in subgroups(family.configurations[0]) if part.name == "acquisition: in"]
    assert not np.isnan(found.estimates["sensitivity"].low)
    for figure in ("specificity", "auroc"):
        assert np.isnan(found.estimates[figure].low) != is_known


@pytest.mark.parametrize(
    ("widths", "sizes"),
    [([1] * 160, []), ([5] * 120 + [1] * 20 + [9] * 20, ["1 small", "2 large"]), ([1] * 159 + [2], [])],
)
def test_there_are_fewer_sizes_where_most_images_are_of_one(widths: list[int], sizes: list[str]) -> None:
    manifest = kermany("any").predictions[["path"]].assign(width=widths, height=1)
    files = {"data/manifest.csv": manifest.to_csv(index=False).encode()}
    [family] = families([replace(kermany("mine"), beside=files.get)])
    found = [part.name for part in subgroups(family.configurations[0])]
    assert [name.removeprefix("size: ") for name in found if name.startswith("size")] == sizes


@pytest.mark.parametrize(
    ("thresholds", "told"),
    [
        ((0.5, 0.5), "0.500,"),
        ((0.99987, 0.99999), "0.99987 to 0.99999 (each training's own)"),
        ((0.00003, 0.2), "0.00003 to 0.20000 (each"),
    ],
)
def test_no_threshold_reads_as_another_nor_as_0_or_1(thresholds: tuple[float, ...], told: str) -> None:
    runs = [kermany(name) for name in ("mine", "again")]
    for seed, (run, threshold) in enumerate(zip(runs, thresholds, strict=True)):
        run.params["train"]["seed"] = seed
        run.test["threshold"] = threshold
    [family] = families(runs)
    assert trained.threshold(family.configurations[0]).startswith(told)


def test_a_threshold_that_was_chosen_and_the_sizes_of_the_parts_are_told() -> None:
    made = result("mine")
    made.params["evaluate"] |= {"threshold": "youden", "temperature": "validation"}
    made.test.update(threshold=0.3214, temperature=1.5)
    made.split.update({part: {"n_images": n, "prevalence": n / 1000} for part, n in (("train", 741), ("val", 180))})
    [family] = families([made])
    text = card(family)
    assert "pneumonia from 0.321, settled on validation (youden); temperature 1.500 fitted on validation" in text
    assert "train 741 images, 74.1% pneumonia; val 180 images, 18.0% pneumonia" in text


def test_what_each_training_settled_on_validation_is_told_of_all() -> None:
    runs = [result("one"), result("two", seed=1)]
    for run, threshold, temperature in zip(runs, (0.3, 0.7), (0.8, 0.7), strict=True):
        run.params["evaluate"] |= {"threshold": "youden", "temperature": "validation"}
        run.test.update(threshold=threshold, temperature=temperature)
    [family] = families(runs)
    text = card(family)
    assert "pneumonia from 0.300 to 0.700 (each training's own), settled on validation (youden)" in text
    assert "temperature 0.700 to 0.800 (each training's own) fitted on validation" in text


def test_a_card_is_of_one_network() -> None:
    with pytest.raises(UserError, match="a card is of one network, these are 2: a, b"):
        one_network(families([result("a", "C-F"), result("b", "P-F")]))


def test_averaging_and_warm_up_are_told_where_they_are_set() -> None:
    made = result("one")
    [family] = families([made])
    assert "average of the weights" not in card(family)
    assert "warm-up" not in card(family)
    made.params["train"] |= {"schedule": "cosine", "warmup_epochs": 1, "averaging": 0.998}
    [family] = families([made])
    assert "(cosine after 1 epoch of warm-up)" in card(family)
    assert "running average of the weights, momentum 0.998; augmentation" in card(family)
