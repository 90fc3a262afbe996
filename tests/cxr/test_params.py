import pytest

from cxr.data.params import ImagesParams, SplitParams
from cxr.errors import UserError
from cxr.networks.params import TrainParams
from cxr.params import parse
from cxr.statistics.params import EvaluateParams

TRAIN = {
    "epochs": 1,
    "batch_size": 32,
    "learning_rate": 1e-4,
    "schedule": "constant",
    "warmup_epochs": 0,
    "weight_decay": 0,
    "label_smoothing": 0,
    "balance": False,
    "averaging": 0,
    "target": "pneumonia",
    "precision": "auto",
    "devices": 1,
    "seed": 0,
}
IMAGES = {"size": 8, "is_square": False, "is_equalised": False, "shows": "all"}
SPLIT = {"protocol": "official", "val_fraction": 0.2, "test_fraction": 0.2, "seed": 0}
EVALUATE = {"threshold": 0.5, "crop": 1.0, "flip": False, "temperature": "none", "bootstrap_samples": 2000, "seed": 0}


def test_good_values_pass() -> None:
    assert parse(TrainParams, "train", TRAIN).learning_rate == 1e-4
    assert parse(TrainParams, "train", {**TRAIN, "learning_rate": 1}).learning_rate == 1.0


@pytest.mark.parametrize(
    ("kind", "section", "values", "told"),
    [
        (TrainParams, "train", {**TRAIN, "learning_rate": -1}, "train.learning_rate should be greater than 0, got -1"),
        (TrainParams, "train", {**TRAIN, "learning_rate": "fast"}, "train.learning_rate should be a valid number"),
        (TrainParams, "train", {**TRAIN, "learning_rate": float("nan")}, "train.learning_rate should be"),
        (TrainParams, "train", {**TRAIN, "batch_size": 0}, "train.batch_size should be greater than 0, got 0"),
        (TrainParams, "train", {**TRAIN, "epochs": True}, "train.epochs should be a valid integer"),
        (TrainParams, "train", {**TRAIN, "learnin_rate": 1}, "train.learnin_rate is not a known key"),
        (TrainParams, "train", {"epochs": 1}, "train.batch_size is missing"),
        (SplitParams, "split", {**SPLIT, "val_fraction": 1.5}, "split.val_fraction should be less than 1, got 1.5"),
        (SplitParams, "split", {**SPLIT, "protocol": "random"}, "split.protocol should be 'official', 'grouped',"),
        (TrainParams, "train", {**TRAIN, "epochs": 10**9}, "train.epochs should be less than or equal to 10000"),
        (
            TrainParams,
            "train",
            {**TRAIN, "batch_size": 10**9},
            "train.batch_size should be less than or equal to 65536",
        ),
        (
            TrainParams,
            "train",
            {**TRAIN, "devices": 3},
            "train.batch_size should be a multiple of train.devices, got 32",
        ),
        (
            TrainParams,
            "train",
            {**TRAIN, "epochs": 9, "warmup_epochs": 1},
            "train.warmup_epochs is of train.schedule cosine",
        ),
        (TrainParams, "train", {**TRAIN, "devices": 0}, "train.devices should be greater than 0, got 0"),
        (TrainParams, "train", {**TRAIN, "seed": 2**32}, "train.seed should be less than 4294967296"),
        (SplitParams, "split", {**SPLIT, "seed": 2**32}, "split.seed should be less than 4294967296"),
        (EvaluateParams, "evaluate", {**EVALUATE, "bootstrap_samples": 10**9}, "evaluate.bootstrap_samples should be"),
        (ImagesParams, "images", {**IMAGES, "size": 0}, "images.size should be greater than 0, got 0"),
        (ImagesParams, "images", None, "section 'images' is missing"),
        (EvaluateParams, "evaluate", {**EVALUATE, "threshold": 2.0}, "evaluate.threshold should be between 0 and 1"),
        (EvaluateParams, "evaluate", {**EVALUATE, "threshold": "best"}, "evaluate.threshold should be a probability"),
    ],
)
def test_wrong_values_are_named_in_one_line(kind: type, section: str, values: dict, told: str) -> None:
    with pytest.raises(UserError) as error:
        parse(kind, section, values)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_every_problem_is_named() -> None:
    with pytest.raises(UserError, match=r"train\.epochs.*train\.batch_size"):
        parse(TrainParams, "train", {**TRAIN, "epochs": 0, "batch_size": 0})


def test_a_sensitivity_of_nothing_is_no_rule() -> None:
    with pytest.raises(UserError, match=r"evaluate\.threshold should be a probability"):
        parse(EvaluateParams, "evaluate", {**EVALUATE, "threshold": "sensitivity:0.0"})
