"""Adam in one pass over memory."""

import math
from collections.abc import Callable
from typing import Any

from cxr.networks.backend import fused, keras

ops = keras.ops

# Fewer weights are updated before a compiler has begun.
N_WEIGHTS_LARGE = 500_000


@keras.saving.register_keras_serializable("cxr")
class Adam(keras.optimizers.Adam):  # type: ignore[misc]
    """Adam (Kingma & Ba 2015) as Keras computes it.

    Left alone, Keras takes a dozen passes over every variable and its moments, which for a dense layer of 100 million
    weights is most of a training step. `in_one_pass` compiles a function of tensors to one pass.
    """

    def __init__(self, *args: Any, in_one_pass: Callable[..., Any] = fused, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.in_one_pass = in_one_pass

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update `variable`, float32 of any shape, and its two moments in place; `learning_rate` `()`.

        `gradient`: of the variable's shape, in float32 as Keras casts it.
        """
        update = super().update_step

        def step(gradient: Any) -> None:
            # The cast to float32 happens within the compiled pass: no float32 copy of the gradient is written.
            update(ops.cast(gradient, variable.dtype), variable, learning_rate)

        is_large = math.prod(variable.shape) >= N_WEIGHTS_LARGE
        (self.in_one_pass(step) if is_large else step)(_as_computed(gradient))


def _as_computed(gradient: Any) -> Any:
    """The gradient before it was cast: bfloat16 where its layer computes in bfloat16, of the same shape.

    Casting the gradient of a large layer to float32 is a pass over memory of its own; `step` does it on the way.
    """
    if keras.backend.backend() != "tensorflow":
        return gradient
    import tensorflow as tf

    # In a graph every tensor knows what it was made from. A step outside a graph takes the gradient as it is.
    while tf.is_symbolic_tensor(gradient) and gradient.op.type in ("Cast", "Identity", "IdentityN"):
        gradient = gradient.op.inputs[gradient.value_index]
    return gradient
