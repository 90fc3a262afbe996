"""One training on several devices: the same as on one but for rounding."""

import os
import subprocess
import sys

import numpy as np
import pytest

from cxr.errors import UserError
from cxr.networks import devices, network, params, training
from cxr.networks.backend import keras
from cxr.networks.batches import Part
from tests.conftest import ON_JAX, ROOT
from tests.cxr.networks.conftest import AUGMENT, PARAMS, RECIPE, build, data, model_params, same, without_time


def test_more_devices_than_there_are_is_one_line() -> None:
    assert devices.names(1) == ["cpu:0"]
    with pytest.raises(UserError, match=r"^train\.devices is 2, and this machine has 1: cpu:0$"):
        devices.names(2)
    with pytest.raises(UserError, match=r"train\.devices is 2"), devices.shared(2):
        pass


def test_no_batch_is_normalised_in_the_networks_that_several_devices_may_train() -> None:
    names = [params.APPLICATIONS[module][0] for module in params.WITHOUT_BATCH_NORMALISATION]
    for name in ("residual", *names):
        chosen = model_params(architecture=name, filters=[4, 8])
        with keras.StatelessScope(initialize_variables=False):
            devices.check(network.build(chosen, 32, precision="float32", seed=0), 2)
    keras.utils.clear_session()


def test_a_network_that_normalises_by_batch_anywhere_is_for_one_device() -> None:
    layers = keras.layers
    within = keras.Sequential([layers.Input((4, 4, 1)), layers.BatchNormalization(name="norm")])
    whole = keras.Sequential([layers.Input((4, 4, 1)), within, layers.Flatten(), layers.Dense(1)])
    devices.check(whole, 1)
    with pytest.raises(UserError, match=r"^train\.devices 2: the layer norm normalises by batch"):
        devices.check(whole, 2)


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("n_classes", [1, 3])
def test_a_filled_batch_has_the_mean_loss_of_its_images(n_classes: int, is_weighted: bool) -> None:
    rng = np.random.default_rng(0)
    logits, images = rng.normal(size=(5, n_classes)).astype(np.float32), np.ones((5, 2, 2, 1), np.uint8)
    targets = np.eye(3, dtype=np.float32)[[0, 1, 2, 1, 0]][:, :n_classes]
    weights = rng.random(5).astype(np.float32) if is_weighted else None
    kind, is_right = (
        (keras.losses.BinaryCrossentropy, training.binary_accuracy)
        if n_classes == 1
        else (keras.losses.CategoricalCrossentropy, training.folded_accuracy)
    )
    plain = kind(from_logits=True, label_smoothing=0.1)
    loss, (accuracy, mean_loss) = devices.over_images(plain, is_right)
    filled_images, filled, filled_weights = devices.fill(images, targets, weights, 4)
    assert filled_images.sum(axis=(1, 2, 3)).tolist() == [4] * 5 + [0] * 3
    filled_logits = np.concatenate([logits, rng.normal(size=(3, n_classes)).astype(np.float32)])
    expected = float(plain(targets, logits, sample_weight=weights))
    assert float(loss(filled, filled_logits, sample_weight=filled_weights)) == pytest.approx(expected, rel=1e-5)
    accuracy.update_state(filled, filled_logits)
    mean_loss.update_state(filled, filled_logits)
    assert float(mean_loss.result()) == pytest.approx(expected, rel=1e-5)
    rights = np.mean(keras.ops.convert_to_numpy(is_right(targets, logits)))
    assert float(accuracy.result()) == pytest.approx(rights)


def test_a_batch_that_needs_no_filling_is_left_alone() -> None:
    images, targets = np.ones((4, 2, 2, 1), np.uint8), np.ones((4, 1), np.float32)
    filled, carrying, weights = devices.fill(images, targets, None, 2)
    np.testing.assert_array_equal(filled, images)
    assert carrying.tolist() == [[1, 1]] * 4
    assert weights.tolist() == [1] * 4


def split(n_devices: int) -> None:
    """Make several of the processor, before anything computes."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * n_devices)
    else:
        import jax

        jax.config.update("jax_num_cpu_devices", n_devices)


def course(n_devices: int, start: training.Progress) -> list[tuple[list[dict[str, float]], list[np.ndarray]]]:
    """History and variables after each epoch of two from `start`, and at the end; with every key that is not neutral.

    Of 65 images the last batch has 1, and so it has of the 33 of validation: fewer than 2 devices.
    """
    settings = params.TrainParams(**{**PARAMS, **RECIPE, "epochs": 2, "devices": n_devices})
    images, *parts = data(98)
    parts = [Part(part.rows, part.labels * (1 + part.rows % 2).astype(np.uint8)) for part in parts]
    model, reached = build(target="etiology"), []
    for history in training.train(model, images, *parts, settings, start, AUGMENT):
        reached.append((without_time(history), list(training.variables(model))))
    return [*reached, (without_time(history), list(training.variables(model)))]


def compare() -> None:
    """Train on one device, on two, and on two from the first epoch on; to be called in a process of its own."""
    split(2)
    # Compiled on one device too: JAX on a processor is not, and takes 15 s longer.
    training.gpus = lambda: ["gpu:0"]
    *_, (alone, alone_variables) = course(1, training.Progress())
    with devices.shared(2):
        first, *_, (shared, variables) = course(2, training.Progress())
        *_, (resumed, resumed_variables) = course(2, training.Progress(*first))
    of_history = max(abs(one[key] - two[key]) for one, two in zip(alone, shared, strict=True) for key in one)
    pairs = zip(alone_variables, variables, strict=True)
    of_variables = max(float(np.abs(one - two.astype(float)).max()) for one, two in pairs)
    print(f"largest differences: {of_history:.2g} in the history, {of_variables:.2g} in the variables")
    assert of_history < 1e-5
    assert of_variables < 1e-5
    assert resumed == shared
    assert same(resumed_variables, variables)


@pytest.mark.slow
@pytest.mark.parametrize("backend", [{"KERAS_BACKEND": "tensorflow"}, ON_JAX], ids=lambda on: on["KERAS_BACKEND"])
def test_two_devices_train_as_one_does(backend: dict[str, str]) -> None:
    """Augmentation, schedule, decay, smoothing, balance, averaging, dropout and a last batch that does not divide."""
    pytest.importorskip(backend["KERAS_BACKEND"])
    code = "from tests.cxr.networks.test_devices import compare; compare()"
    environment = {**os.environ, **backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
