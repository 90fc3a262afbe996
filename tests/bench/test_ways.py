"""The ways that bench sets against each other train the same network."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.special import expit

from bench import networks, ways
from bench.worker import Worker
from cxr.networks import notation
from cxr.networks.backend import keras
from tests.conftest import ROOT

LAYERS = "C-P-C-C-F-D"
SIZE, N_IMAGES = 9, 4 * ways.BATCH_SIZE


@pytest.fixture
def images(tmp_path: Path) -> Path:
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (N_IMAGES, SIZE, SIZE), dtype=np.uint8))
    return path


def notebook_network() -> keras.Model:
    """With biases, which begin as zeros, drawn."""
    built = ways.notebook_network(LAYERS, SIZE)
    rng = np.random.default_rng(0)
    built.set_weights([rng.normal(0, 0.1, weights.shape) for weights in built.get_weights()])
    return built


def test_our_network_computes_what_the_notebooks_does(images: Path) -> None:
    notebook = notebook_network()
    ours = networks.compiled(LAYERS, SIZE, "float32")
    for variable, weights in zip(ours.trainable_variables, notebook.get_weights(), strict=True):
        variable.assign(weights)
    array = np.load(images)
    np.testing.assert_allclose(
        expit(ours.predict(array[..., None], verbose=0)),
        notebook.predict(ways.notebook_images(array), verbose=0),
        atol=1e-5,
    )


def test_the_torch_network_computes_what_the_notebooks_does(images: Path) -> None:
    torch = pytest.importorskip("torch")
    from bench import in_torch

    notebook = notebook_network()
    theirs = in_torch.network(LAYERS, SIZE).eval()
    weights = iter(notebook.get_weights())
    flattened = notebook.get_layer(index=[type(layer).__name__ for layer in notebook.layers].index("Flatten"))
    _, height, width, n_channels = flattened.input.shape
    with torch.no_grad():
        for parameter in theirs.parameters():
            value = next(weights)
            if value.ndim == 2 and len(value) == height * width * n_channels:
                # PyTorch flattens channels first.
                value = value.reshape(height, width, n_channels, -1).transpose(2, 0, 1, 3).reshape(value.shape)
            axes = (3, 2, 0, 1) if value.ndim == 4 else (1, 0) if value.ndim == 2 else (0,)
            parameter.copy_(torch.from_numpy(value.transpose(axes)))
    x = ways.notebook_images(np.load(images))
    with torch.no_grad():
        logits = theirs(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(expit(logits), notebook.predict(x, verbose=0), atol=1e-5)


@pytest.mark.parametrize("size", [16, 13])
def test_the_reference_network_in_torch_computes_what_ours_does(size: int) -> None:
    """Blocks that are wider, as wide and narrower than what they are given; maps of even and odd length."""
    torch = pytest.importorskip("torch")
    from bench import in_torch

    name = "residual-4-4-6-3"
    ours, theirs = networks.compiled(name, size, "float32"), in_torch.network(name, size)
    assert sum(parameter.numel() for parameter in theirs.parameters()) == ours.count_params()
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for layer in ours.layers:
            for variable in layer.trainable_variables:
                value = rng.normal(0.5, 0.5, variable.shape).astype(np.float32)
                variable.assign(value)
                axes = (3, 2, 0, 1) if value.ndim == 4 else range(value.ndim)[::-1]
                _twin(theirs, layer.name, variable.name).copy_(torch.from_numpy(value.transpose(axes)))
    images = rng.integers(0, 256, (3, size, size, 1), dtype=np.uint8)
    with torch.no_grad():
        logits = theirs(in_torch.inputs(name, torch.from_numpy(images).permute(0, 3, 1, 2))).numpy()
    np.testing.assert_allclose(logits, ours.predict(images, verbose=0), rtol=1e-4)


def _twin(model: Any, layer: str, variable: str) -> Any:
    """The parameter in PyTorch of one of Keras."""
    match layer.split("_", 2):
        case ["stem"]:
            return getattr(model.stem, variable)
        case ["block", number, part]:
            return getattr(getattr(model.blocks[int(number) - 1], part), variable)
    return {"kernel": model.logits.weight, "bias": model.logits.bias}[variable]


def test_the_reference_network_in_torch_has_as_many_parameters() -> None:
    pytest.importorskip("torch")
    from bench import in_torch

    recipe = networks.reference()
    name, size = notation.in_short(recipe["model"]), recipe["images"]["size"]
    theirs = in_torch.network(name, size)
    assert sum(p.numel() for p in theirs.parameters()) == networks.compiled(name, size, "float32").count_params()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "network"),
    [(name, "C-P-F-D") for name, way in ways.ALL.items() if "tensorflow" in way.backends]
    + [(name, "residual-2") for name in ("ours", "torch_float32", "torch_bfloat16")],
)
def test_every_way_trains_and_tells_the_seconds_of_all_batches_but_the_first(
    name: str, network: str, images: Path
) -> None:
    if name.startswith("torch"):
        # In a process of its own: with TensorFlow in it PyTorch 2.14 ends with a segmentation fault.
        pytest.importorskip("torch")
        worker = Worker(name, network, images)
        assert len(worker.train(3)) == 2
        worker.stop()
        return
    keras.utils.set_random_seed(0)
    labels = np.random.default_rng(1).integers(0, 2, N_IMAGES).astype(np.uint8)
    train = ways.ALL[name].trainer(network, images, labels)
    assert len(train(3)) == 2


@pytest.mark.slow
def test_a_worker_trains_and_tells_its_memory(images: Path) -> None:
    worker = Worker("ours", "C-P-F", images)
    assert len(worker.train(4)) == 3
    assert worker.stop() > 100


def test_the_memory_is_that_of_the_process_and_not_of_the_one_that_started_it() -> None:
    held = b"1" * (300 << 20)
    ask = [sys.executable, "-c", "from bench.worker import peak_memory_mib as peak; print(peak())"]
    assert 10 < float(subprocess.run(ask, cwd=ROOT, capture_output=True, check=True).stdout) < 300
    assert len(held)


def test_ours_runs_in_the_environment_of_the_stage() -> None:
    command = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]["train"]["cmd"]
    shell = ["sh", "-c", command.replace("python -m stages.train", "env")]
    said = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert set(ways.OURS_ENVIRONMENT) == {"GLIBC_TUNABLES"}
    assert {f"{key}={value}" for key, value in ways.OURS_ENVIRONMENT.items()} <= set(said)
    assert ways.WAYS["ours"].environment == ways.OURS_ENVIRONMENT
    assert not ways.WAYS["notebook"].environment
