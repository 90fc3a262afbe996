import numpy as np
import pytest
import tensorflow as tf

from cxr.networks.backend import keras
from cxr.networks.fast import optimizer as module
from cxr.networks.fast.optimizer import Adam

TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(params=["few weights", "many weights"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of `update_step`."""
    if request.param == "many weights":
        monkeypatch.setattr(module, "N_WEIGHTS_LARGE", 0)


def course(optimizer: keras.optimizers.Optimizer, dtype: str = "float32", n_steps: int = 20) -> list[np.ndarray]:
    """Two variables after each of some steps with the same gradients, which are made in `dtype` and cast."""
    rng = np.random.default_rng(0)
    variables = [keras.Variable(rng.normal(size=shape).astype(np.float32)) for shape in ((5, 7), (3,))]
    optimizer.build(variables)

    @tf.function
    def step(gradients: list[tf.Tensor]) -> None:
        optimizer.apply([keras.ops.cast(gradient, "float32") for gradient in gradients], variables)

    steps = []
    for _ in range(n_steps):
        step([tf.constant(rng.normal(size=v.shape), dtype) for v in variables])
        steps.append(np.concatenate([keras.ops.convert_to_numpy(v.value).ravel() for v in variables]))
    return steps


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_steps_and_moments_are_those_of_keras(dtype: str) -> None:
    ours, theirs = Adam(1e-2), keras.optimizers.Adam(1e-2)
    np.testing.assert_allclose(course(ours, dtype), course(theirs, dtype), **TOLERANCE)
    for one, two in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), two.numpy(), **TOLERANCE)


@pytest.mark.usefixtures("size")
def test_it_steps_outside_a_graph_too() -> None:
    variable = keras.Variable(np.zeros(3, np.float32))
    Adam(1e-2).apply([tf.constant([1.0, -2.0, 0.0])], [variable])
    np.testing.assert_allclose(variable.numpy(), [-1e-2, 1e-2, 0], **TOLERANCE)
