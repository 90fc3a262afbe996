"""The ways that bench sets against each other train the same network."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.special import expit

from bench import ways
from bench.worker import Worker
from cxr.networks import network
from cxr.networks.backend import keras
from cxr.networks.params import ModelParams
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
    params = ModelParams(
        architecture="stack",
        weights="none",
        layers=LAYERS,
        filters=ways.FILTERS,
        dense_units=ways.DENSE_UNITS,
        dropout=ways.DROPOUT,
    )
    ours = network.build(params, SIZE, precision="float32", seed=0)
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
    notebook = notebook_network()
    theirs = ways.torch_network(LAYERS, SIZE).eval()
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


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ways.WAYS, *ways.LEADS])
def test_every_way_trains_and_tells_the_seconds_of_all_batches_but_the_first(name: str, images: Path) -> None:
    if name.startswith("torch"):
        pytest.importorskip("torch")
    labels = np.random.default_rng(1).integers(0, 2, N_IMAGES).astype(np.uint8)
    train = (ways.WAYS | ways.LEADS)[name].trainer("C-P-F-D", images, labels)
    assert len(train(3)) == 2


@pytest.mark.slow
def test_a_worker_trains_and_tells_its_memory(images: Path) -> None:
    worker = Worker("ours", "C-P-F", images)
    assert len(worker.train(4)) == 3
    assert worker.stop() > 100


def test_ours_runs_in_the_environment_of_the_stage() -> None:
    command = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]["train"]["cmd"]
    shell = ["sh", "-c", command.replace("python -m stages.train", "env")]
    said = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert set(ways.OURS_ENVIRONMENT) == {"GLIBC_TUNABLES"}
    assert {f"{key}={value}" for key, value in ways.OURS_ENVIRONMENT.items()} <= set(said)
    assert ways.WAYS["ours"].environment == ways.OURS_ENVIRONMENT
    assert not ways.WAYS["notebook"].environment
