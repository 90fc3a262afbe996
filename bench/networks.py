"""Networks to measure, named in short, as reports do it.

A stack by its layers, `C-P-C-F-D-D`; a residual network by the widths of its blocks, `residual-24-48-96-192`.
"""

from functools import partial
from pathlib import Path
from typing import Any

from cxr.networks import notation
from stages.project import read_yaml
from study.run import grid

PROJECT = Path(__file__).parents[1]
DROPOUT = 0.3
FILTERS = [64, 128]
DENSE_UNITS = 128


def runs(study: str) -> dict[str, dict[str, Any]]:
    """The parameters of a study file's runs by their names."""
    return {run.name: run.params for run in grid.load(PROJECT / study, read_yaml(PROJECT / "params.yaml"), {})}


def reference() -> dict[str, Any]:
    """The parameters of the reference network with its recipe."""
    return runs("recipe.yaml")["recipe"]


def is_residual(network: str) -> bool:
    return network.startswith("residual-")


def widths(network: str) -> list[int]:
    """Of the blocks of a residual network."""
    return [int(width) for width in network.split("-")[1:]]


def train_params(network: str) -> Any:
    """Section `train`: of the recipe for a residual network; of the study, which is params.yaml, for a stack."""
    from cxr.networks.params import TrainParams
    from cxr.params import parse

    section = reference()["train"] if is_residual(network) else read_yaml(PROJECT / "params.yaml")["train"]
    return parse(TrainParams, "train", section)


def steps(layers: str) -> list[notation.Step]:
    return notation.steps(layers, FILTERS, DENSE_UNITS)


def model_params(network: str, dropout: float = DROPOUT) -> Any:
    """Section `model`; `dropout` is that of a stack."""
    from cxr.networks.params import ModelParams

    params = read_yaml(PROJECT / "params.yaml")["model"]
    params |= {"architecture": "stack", "weights": "none", "layers": network}
    params |= {"filters": FILTERS, "dense_units": DENSE_UNITS, "dropout": dropout}
    if is_residual(network):
        params |= {"architecture": "residual", "layers": "D", "filters": widths(network), "dropout": 0}
    return ModelParams(**params)


def compiled(
    network: str,
    size: int,
    precision: str = "auto",
    *,
    dropout: float = DROPOUT,
    techniques: Any = None,
    adam: Any = None,
) -> Any:
    """Our network as stage `train` compiles it; `techniques` of the fast layers and `adam` as in `ours`."""
    from cxr.networks.backend import resolve_precision
    from cxr.networks.fast import stack as fast
    from cxr.networks.network import build

    model = build(
        model_params(network, dropout),
        size,
        precision=resolve_precision(precision),
        seed=0,
        target=train_params(network).target,
        stack=partial(fast.stack, techniques=techniques) if techniques else fast.stack,
    )
    compile_as_stage(model, network, adam)
    return model


def compile_as_stage(model: Any, network: str, adam: Any = None) -> None:
    """As stage `train` compiles `network`; `adam`: another class of optimizer than its own."""
    from cxr.networks import training

    params = train_params(network)
    training.compile_network(
        model,
        params.learning_rate,
        adam or training.AveragedAdam,
        weight_decay=params.weight_decay,
        label_smoothing=params.label_smoothing,
        averaging=params.averaging,
    )
