"""Adam in one pass over memory."""

from typing import Any

from cxr.backend import keras

ops = keras.ops


@keras.saving.register_keras_serializable("cxr")
class Adam(keras.optimizers.Adam):  # type: ignore[misc]
    """Adam (Kingma & Ba 2015) as Keras computes it.

    Keras takes a dozen passes over every variable and its moments, which for a dense layer of 100 million weights
    is most of a training step. TensorFlow has the whole step as one operation; on JAX the compiler makes it one.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if keras.backend.backend() != "tensorflow":
            super().update_step(gradient, variable, learning_rate)
            return
        import tensorflow as tf

        index = self._get_variable_index(variable)
        step = ops.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=ops.power(ops.cast(self.beta_1, variable.dtype), step),
            beta2_power=ops.power(ops.cast(self.beta_2, variable.dtype), step),
            lr=ops.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=ops.cast(gradient, variable.dtype),
        )


def _handle(variable: Any) -> Any:
    """TensorFlow's handle of a variable, be it Keras' or TensorFlow's own."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle
