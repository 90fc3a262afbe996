"""The layers of the study, computed with fewer passes over memory. Same function, same gradients."""

from typing import Any

from cxr.backend import keras

ops = keras.ops


@keras.saving.register_keras_serializable("cxr")
class PooledConvolution(keras.layers.Layer):  # type: ignore[misc]
    """3x3 convolution, bias, ReLU, then optionally 2x2 max pooling; `(n, h, w, c)` to `(n, h', w', filters)`.

    Pooling comes before bias and ReLU, which is the same function at a quarter of the work:
    max(relu(x + b)) = relu(max(x) + b), since x -> relu(x + b) is monotone.

    `n_repeats` > 1 treats the input as that many equal channels per given channel: the kernel has a slice
    for each, and summing the slices before the convolution is the convolution of the repeated image.
    """

    def __init__(self, filters: int, is_pooled: bool, n_repeats: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.is_pooled, self.n_repeats = filters, is_pooled, n_repeats

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        n_channels = input_shape[-1] * self.n_repeats  # type: ignore[operator]
        self.kernel = self.add_weight(
            name="kernel", shape=(3, 3, n_channels, self.filters), initializer="glorot_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, x: Any) -> Any:
        y = ops.conv(x, self._summed_kernel(x), padding="same")
        if self.is_pooled:
            y = ops.max_pool(y, 2, 2, padding="same")
        return ops.relu(y + ops.cast(self.bias, y.dtype))

    def _summed_kernel(self, x: Any) -> Any:
        if self.n_repeats == 1:
            return ops.cast(self.kernel, x.dtype)
        slices = ops.reshape(self.kernel, (3, 3, self.n_repeats, -1, self.filters))
        return ops.cast(ops.sum(slices, axis=2), x.dtype)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        n, height, width, _ = input_shape
        if self.is_pooled:
            height, width = -(-height // 2), -(-width // 2)
        return (n, height, width, self.filters)

    def get_config(self) -> dict[str, Any]:
        own = {"filters": self.filters, "is_pooled": self.is_pooled, "n_repeats": self.n_repeats}
        return super().get_config() | own


@keras.saving.register_keras_serializable("cxr")
class Dropout(keras.layers.Layer):  # type: ignore[misc]
    """Inverted dropout with 16 random bits per value, half of what a float's mask costs.

    The rate is met to 1/65536; kept values are scaled by 1 / (1 - rate).
    """

    def __init__(self, rate: float, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.seed = rate, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return x
        keep = self._random_int16(ops.shape(x)) >= ops.cast(round(self.rate * 2**16) - 2**15, "int16")
        return x * (ops.cast(keep, x.dtype) * ops.cast(1 / (1 - self.rate), x.dtype))

    def _random_int16(self, shape: tuple[Any, ...]) -> Any:
        """Uniform 16-bit integers, two from each 32-bit draw."""
        *outer, n_channels = shape
        draws = keras.random.randint(
            (*outer, -(-n_channels // 2)), -(2**31), 2**31 - 1, dtype="int32", seed=self.seed_generator
        )
        return ops.view(draws, "int16")[..., :n_channels]

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
