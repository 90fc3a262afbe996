import numpy as np

from cxr.backend import keras
from cxr.optimizer import Adam


def course(optimizer: keras.optimizers.Optimizer, n_steps: int = 20) -> list[np.ndarray]:
    """Two variables after each of some steps with the same gradients."""
    rng = np.random.default_rng(0)
    variables = [keras.Variable(rng.normal(size=shape).astype(np.float32)) for shape in ((5, 7), (3,))]
    optimizer.build(variables)
    steps = []
    for _ in range(n_steps):
        gradients = [keras.ops.convert_to_tensor(rng.normal(size=v.shape).astype(np.float32)) for v in variables]
        optimizer.apply(gradients, variables)
        steps.append(np.concatenate([keras.ops.convert_to_numpy(v.value).ravel() for v in variables]))
    return steps


def test_the_steps_are_those_of_keras() -> None:
    np.testing.assert_allclose(course(Adam(1e-2)), course(keras.optimizers.Adam(1e-2)), rtol=1e-5, atol=1e-6)


def test_the_moments_are_where_keras_keeps_them() -> None:
    ours, theirs = Adam(1e-2), keras.optimizers.Adam(1e-2)
    course(ours), course(theirs)
    for one, two in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=1e-5, atol=1e-7)
