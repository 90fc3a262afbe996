"""How a network is made, was trained and decides, in sentences: for its model card and the report's checklists."""

from typing import Any

from cxr.data.names import in_prose
from study.facts import NOT_KEPT, beside, count, millions, positive
from study.families import Configuration
from study.results import ORIGIN, SETTINGS, Result, complete

# The keys of `model` and `train` that have words of their own here; others are told by key where they are not neutral.
IN_WORDS = {
    *("architecture", "weights", "layers", "filters", "dense_units", "dropout"),
    *("epochs", "batch_size", "learning_rate", "schedule", "warmup_epochs", "weight_decay", "label_smoothing"),
    *("balance", "averaging", "target", "precision", "devices", "seed"),
}


def network(configuration: Configuration) -> str:
    """What the network is."""
    result, classes = configuration.first, configuration.first.classes
    flops = result.train.get("flops_per_image")
    cost = f", {millions(flops)} MFLOPs an image" if flops else ""
    return (
        f"{configuration.layers}: {result.train['parameters']:,} weights{cost}; grey image in, logit of "
        f"{in_prose(classes[1])} against {in_prose(classes[0])} out"
    )


def start(result: Result) -> str:
    """How the weights begin."""
    weights = result.params["model"]["weights"]
    return "random, by seed" if weights == "none" else f"those of {weights}, as Keras brings them"


def training(configuration: Configuration) -> str:
    """How it was trained."""
    result = configuration.first
    train, augment = result.params["train"], result.params["augment"]
    # The parameter calls a table's own class pneumonia too.
    target = positive(result) if train["target"] == "pneumonia" else train["target"]
    changes = _not_neutral("augment", augment)
    said = [
        f"{count(train['epochs'], 'epoch')}, the last of which counts",
        f"{'AdamW' if train['weight_decay'] else 'Adam'}, learning rate {result.rate} "
        f"({train['schedule']}{_warmup(train)}), batch size {train['batch_size']}, "
        f"weight decay {train['weight_decay']:g}",
        f"target {target}, label smoothing {train['label_smoothing']:g}, "
        f"classes {'balanced' if train['balance'] else 'as they are'}",
        *([f"running average of the weights, momentum {train['averaging']:g}"] if train.get("averaging") else []),
        *(more for section in ("model", "train") for more in _not_neutral(section, result.params[section])),
        f"augmentation: {', '.join(changes) or 'none'}",
        f"on {' or '.join(sorted({run.machine for run in configuration.results}))}",
    ]
    n = len(configuration.results)
    return "; ".join(said) + f". {count(n, 'training')}, seed{'s' * (n > 1)} {seeds(configuration)}"


def _not_neutral(section: str, values: dict[str, Any]) -> list[str]:
    """The keys of a section that are neither neutral nor told in words, with their values."""
    neutral = SETTINGS[section]
    return [f"{key} {value}" for key, value in values.items() if key not in IN_WORDS and value != neutral.get(key)]


def _warmup(train: dict[str, Any]) -> str:
    n = train.get("warmup_epochs", 0)
    return f" after {count(n, 'epoch')} of warm-up" if n and train["schedule"] == "cosine" else ""


def software(configuration: Configuration) -> str:
    """Which libraries trained it, and the commit whose code did."""
    return " or ".join(sorted({_software(result) for result in configuration.results}))


def _software(result: Result) -> str:
    versions = result.train.get("versions", {}).items()
    libraries = ", ".join(f"{name} {version}" for name, version in versions) or f"versions of libraries {NOT_KEPT}"
    if (origin := beside(result, ORIGIN)) is None:
        return f"{libraries}; commit of the code {NOT_KEPT}"
    with complete(result.name):
        changed = " with changes that were not committed" if origin["is_changed"] else ""
        return f"{libraries}; code of commit {origin['commit'][:7]}{changed}"


def seeds(configuration: Configuration) -> str:
    return ", ".join(str(result.params["train"]["seed"]) for result in configuration.results)


def threshold(configuration: Configuration) -> str:
    """What probability is called the positive class, and how that was settled."""
    settings = configuration.first.params["evaluate"]
    rule = settings["threshold"]
    how = "set beforehand" if isinstance(rule, float | int) else f"settled on validation ({rule})"
    said = f"{_of_each(configuration, 'threshold')}, {how}"
    if settings["temperature"] != "validation":
        return said
    return f"{said}; temperature {_of_each(configuration, 'temperature')} fitted on validation"


def _of_each(configuration: Configuration, key: str) -> str:
    """A threshold or temperature, 1 where a run has none: the least and the largest where the trainings have others."""
    values = [float(result.test.get(key, 1.0)) for result in configuration.results]
    low, high = min(values), max(values)
    # So many that neither reads as the other, nor as the 0 or 1 that it is not.
    ends = {low, high, 0.0, 1.0}
    digits = next(n for n in range(3, 18) if n == 17 or len({round(end, n) for end in ends}) == len(ends))
    return f"{low:.{digits}f}" + (f" to {high:.{digits}f} (each training's own)" if low != high else "")
