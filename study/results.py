"""Finished runs as a comparison needs them, read from DVC's experiments or from a folder of kept results."""

import argparse
import io
import json
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.arguments import Once
from cxr.errors import UserError
from cxr.files import read_predictions, whole
from cxr.networks import notation
from cxr.networks.params import NEUTRAL
from cxr.statistics.comparison import Classifier
from cxr.statistics.estimate import Estimate, read
from cxr.statistics.overfitting import overfitting
from cxr.vocabulary import CLASSES
from stages.project import NOT_OUR_FAULT, parse_yaml
from study import experiments, places
from study.stored import Stored

# What is read of a run: as it stands in the pipeline.
FILES = {
    "params": "params.yaml",
    "train": "data/details/train.json",
    "test": "data/details/test.json",
    "data": "data/details/data.json",
    "split": "data/details/split.json",
    "shortcuts": "data/details/shortcuts.json",
    "history": "plots/history.csv",
    "predictions": "data/predictions/test.csv",
}

# The columns of its tables that a comparison reads.
COLUMNS = {
    "history": {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"},
    "predictions": {"path", "patient_group", "label", "probability"},
}

# Keys of params.yaml that are younger than some kept runs, or the same in all the study's: a run that has no value for
# one was made with this value.
SETTINGS: dict[str, dict[str, Any]] = {
    "data": {"table": None, "positive": None, "patient": "auto"},
    "images": {"is_square": False, "is_equalised": False, "shows": "all"},
    "model": {"architecture": "stack", "weights": "none", "filters": [64, 128], "dense_units": 128, "dropout": 0.3},
    "train": {
        "batch_size": 32,
        "schedule": "constant",
        "warmup_epochs": 0,
        "weight_decay": 0,
        "label_smoothing": 0,
        "balance": False,
        "averaging": 0,
        "target": "pneumonia",
        "devices": 1,
    },
    "augment": asdict(NEUTRAL),
    "evaluate": {"crop": 1.0, "flip": False, "temperature": "none"},
}

# What is kept as well where a run has it: a file of the pipeline, and experiments.origin, which older ones lack.
EXPLAINED = "data/details/explain.json"
ORIGIN = "origin.json"

# Sections of params.yaml on which no prediction depends.
BESIDE = ("audit", "explain")
# Keys of section evaluate that move intervals alone.
OF_INTERVALS = {"bootstrap_samples", "seed"}


@dataclass(frozen=True)
class Result:
    """One finished run: its parameters, figures, curves and predictions of the test part."""

    name: str
    params: dict[str, Any]
    train: dict[str, Any]
    test: dict[str, Any]
    data: dict[str, Any]
    split: dict[str, Any]
    shortcuts: dict[str, Any]
    history: pd.DataFrame
    predictions: pd.DataFrame
    # The content of ORIGIN or another of its files, by its path in the pipeline; None where it is not kept.
    beside: Callable[[str], bytes | None] = lambda path: None
    # The code that it was trained with and, of a user's own images, their sum, as a key; nothing where kept without.
    made_of: tuple[str, ...] = ()

    @property
    def tested(self) -> Classifier:
        return Classifier(self.name, self.predictions, self.test["threshold"])

    @property
    def machine(self) -> str:
        """What it was trained on: device and precision."""
        return f"{self.train['device']}, {self.train['precision']}"

    @property
    def layers(self) -> str:
        return notation.in_short(self.params["model"])

    @property
    def rate(self) -> str:
        """The learning rate, written as all others are: 1e-4, 2.5e-3."""
        digits, _, exponent = f"{self.params['train']['learning_rate']:e}".partition("e")
        return f"{float(digits):g}e{int(exponent)}"

    @property
    def test_part(self) -> str:
        """The test images in words; runs with equal words can be compared."""
        size, cut = self.params["images"]["size"], self.params["split"]
        part = f"{self.test['protocol']}, {self.test['n_images']:,} {self.data['images']} images at {size} px"
        if self.data["patients"] == "unknown":
            part = f"{part}, patients unknown"
        return part if cut["seed"] == 0 else f"{part}, split seed {cut['seed']}"

    @property
    def classes(self) -> list[str]:
        """The names of the labels 0 and 1."""
        return list(self.data["classes"])

    @property
    def without_lungs(self) -> dict[str, dict[str, Estimate]]:
        """Accuracy and auroc of the audit's classifiers, by the name of what they see."""
        audited = {key: values for key, values in self.shortcuts.items() if isinstance(values, dict)}
        return {key: {name: read(values, name) for name in ("accuracy", "auroc")} for key, values in audited.items()}

    @property
    def best_without_lungs(self) -> tuple[str, Estimate]:
        """What the most accurate of the audit's classifiers sees, and its accuracy."""
        accuracies = {key: estimates["accuracy"] for key, estimates in self.without_lungs.items()}
        return max(accuracies.items(), key=lambda item: item[1].value)

    @property
    def configuration(self) -> Hashable:
        """All that a prediction and its class come from but the training seed, as a key."""
        asked = {key: value for key, value in self.params["evaluate"].items() if key not in OF_INTERVALS}
        return self.network, hashable(asked)

    @property
    def network(self) -> Hashable:
        """All that its weights come from but the training seed, as a key; NAME@COMMIT may come from other images."""
        params = {section: values for section, values in self.params.items() if section not in (*BESIDE, "evaluate")}
        params["train"] = {key: value for key, value in params["train"].items() if key != "seed"}
        if self.made_of:
            params["data"] = places.without(params["data"])
        return hashable(params), self.made_of, self.name.partition("@")[2]


def hashable(value: Any) -> Hashable:
    """Parameters as a key: equal where their values are, so that 0 is 0.0."""
    if isinstance(value, dict):
        return frozenset((key, hashable(one)) for key, one in value.items())
    return tuple(map(hashable, value)) if isinstance(value, list) else value


def add_kept(parser: argparse.ArgumentParser) -> None:
    """Let a command be told of a folder for `from_folder`."""
    parser.add_argument(
        "--kept",
        type=Path,
        action=Once,
        metavar="FOLDER",
        help="take runs that `python -m study.keep FOLDER` wrote, not experiments",
    )


def from_experiments(names: list[str]) -> list[Result]:
    """The finished experiments of these names, all without names. Raises UserError as `experiments.chosen` does."""
    return [from_ref(name, ref) for name, ref in experiments.chosen(names).items()]


def from_folder(folder: Path, names: list[str]) -> list[Result]:
    """The results that `keep` wrote into `folder`, all of them without names. Raises UserError as above."""
    available = kept(folder)
    if not available:
        raise UserError(f"{folder} holds no kept results (no */params.yaml)")
    if unknown := sorted(set(names) - set(available)):
        raise UserError(f"{folder} holds no result called {', '.join(unknown)}; it has {', '.join(available)}")
    return [_kept(folder / name) for name in dict.fromkeys(names or available)]


def _kept(folder: Path) -> Result:
    def beside(path: str) -> bytes | None:
        file = folder / Path(path).name
        return file.read_bytes() if path in (EXPLAINED, ORIGIN) and file.exists() else None

    return replace(_read(folder.name, lambda key: (folder / _file(key)).read_text()), beside=beside)


def kept(folder: Path) -> list[str]:
    """Names of the results that `keep` wrote into `folder`, of one that has lost a file since too."""
    return sorted({path.parent.name for key in ("params", "predictions") for path in folder.glob(f"*/{_file(key)}")})


def from_ref(name: str, ref: str) -> Result:
    """The finished experiment at this Git ref. Raises UserError where a file of it is missing or damaged."""
    files = Stored(ref)
    result = _read(name, lambda key: files.read_text(FILES[key]))
    has_places = places.without(result.params["data"]) != result.params["data"]
    made_of = experiments.code_of(ref), experiments.images_of(ref) if has_places else ""
    return replace(result, beside=_beside(ref, files), made_of=made_of)


def _beside(ref: str, files: Stored) -> Callable[[str], bytes | None]:
    """Reads another file of an experiment, None where it has none."""

    def read_bytes(path: str) -> bytes | None:
        if path == ORIGIN:
            return f"{json.dumps(experiments.origin(ref), indent=2)}\n".encode()
        try:
            return files.read_bytes(path)
        except FileNotFoundError:
            return None

    return read_bytes


def keep(folder: Path, name: str, ref: str) -> None:
    """Write what a comparison needs of an experiment into `folder`/`name`.

    Of `data.directory` and `data.table` the last part alone is kept: the way to it is this machine's.
    """
    contents = _to_keep(name, ref)
    with whole(folder / name) as partial:
        partial.mkdir()
        for file, content in contents.items():
            (partial / file).write_bytes(content)


def is_kept(folder: Path, name: str, ref: str) -> bool:
    """Whether `folder`/`name` holds what `keep` would write."""
    present = {path.name: path.read_bytes() for path in (folder / name).iterdir() if path.is_file()}
    return _to_keep(name, ref).items() <= present.items()


def _to_keep(name: str, ref: str) -> dict[str, bytes]:
    """The files that are kept of an experiment."""
    files = Stored(ref)
    beside = _beside(ref, files)
    with complete(name):
        texts = {key: files.read_text(path) for key, path in FILES.items()}
        others = {Path(path).name: content for path in (EXPLAINED, ORIGIN) if (content := beside(path))}
    texts["params"] = places.without_path(texts["params"])
    return {_file(key): text.encode() for key, text in texts.items()} | others


def _file(key: str) -> str:
    return key + Path(FILES[key]).suffix


def _read(name: str, read: Callable[[str], str]) -> Result:
    with complete(name):
        numbers = {key: json.loads(read(key)) for key in ("train", "test", "data", "split", "shortcuts")}
        history = _with_columns("history", pd.read_csv(io.StringIO(read("history"))))
        predictions = _with_columns("predictions", read_predictions(io.StringIO(read("predictions"))))
        if len(predictions) != numbers["test"]["n_images"]:
            raise ValueError(f"{len(predictions)} predictions of {numbers['test']['n_images']} test images")
        probabilities = predictions["probability"]
        if len(wrong := probabilities[~probabilities.between(0, 1)]):
            raise ValueError(f"{_file('predictions')} has a probability that is none: {wrong.iloc[0]}")
        numbers["data"] = {"classes": CLASSES, "patients": "file names"} | numbers["data"]
        # Runs kept under an earlier version hold the FLOPs in train.json.
        numbers["train"].setdefault("flops_per_image", numbers["test"].get("flops_per_image"))
        numbers["train"] |= overfitting(*(history[key].to_numpy() for key in ("loss", "val_loss")))
        params = _completed(parse_yaml(read("params"), "params.yaml"))
        return Result(name, params, history=history, predictions=predictions, **numbers)


def _with_columns(key: str, table: pd.DataFrame) -> pd.DataFrame:
    """The table, which has all of COLUMNS; ValueError otherwise."""
    if missing := sorted(COLUMNS[key] - set(table)):
        raise ValueError(f"{_file(key)} has no column {', '.join(missing)}")
    return table


@contextmanager
def complete(name: str) -> Iterator[None]:
    """Reading the files of this run: what is missing or damaged becomes one line that names the run."""
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(
            f"{name} has no complete result here ({error}); bring it with python -m study.share pull, or make it anew:"
            f" dvc exp remove {name.partition('@')[0]}, then run it again"
        ) from None
    # The last two: a file that is empty, or holds another thing than it did.
    except (OSError, ValueError, KeyError, UserError, AttributeError, TypeError) as error:
        # Of the place where its files are brought to, not of the run.
        if isinstance(error, OSError) and error.errno in NOT_OUR_FAULT:
            raise
        raise UserError(f"{name} has no complete result: {error}") from None


def _completed(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a run that may be older than some of their keys: then they had the study's values."""
    completed = {section: {**SETTINGS.get(section, {}), **values} for section, values in params.items()}
    completed["train"].pop("augmentation", None)
    return {**SETTINGS, **completed}
