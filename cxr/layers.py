"""The layers of the study, computed with fewer passes over memory. Same function, same gradients."""

from typing import Any

from cxr.backend import keras

ops = keras.ops

N_LEVELS = 256  # of a random byte


def keep_mask(shape: tuple[Any, ...], rate: float, seed: keras.random.SeedGenerator) -> Any:
    """Which values of `shape` dropout keeps: bool, each False with probability `rate`.

    One random byte per value, a quarter of what a float's mask costs. A byte alone knows rates in steps of 1/256;
    the threshold is therefore drawn too, between the two nearest steps, such that the rate comes out exactly.
    """
    *outer, n_channels = shape
    words = keras.random.randint((*outer, -(-n_channels // 4)), -(2**31), 2**31 - 1, dtype="int32", seed=seed)
    levels = ops.view(words, "int8")[..., :n_channels]
    threshold = ops.floor(rate * N_LEVELS + keras.random.uniform((), dtype="float32", seed=seed))
    return levels >= ops.cast(threshold - N_LEVELS // 2, "int8")


def _relu(x: Any, bias: Any, keep: Any) -> Any:
    """ReLU of `x`, 0 where not kept (`keep` None: all is), with the gradient of the `bias` that `x` already holds.

    The result alone tells where the gradient passes, so no mask waits for it, and a product with ones sums it for the
    bias. On the bits of the floats, since a CPU compares and multiplies integers faster than bfloat16: a float is
    negative where its bits are.
    """
    bits = "int32" if keras.backend.standardize_dtype(x.dtype) == "float32" else "int16"

    @ops.custom_gradient
    def relu(x: Any, bias: Any) -> tuple[Any, Any]:
        y = ops.relu(x) if keep is None else _kept(x, keep, bits)

        def gradient(*args: Any, upstream: Any = None) -> tuple[Any, Any]:
            upstream = args[0] if upstream is None else upstream
            passed = ops.view(ops.view(upstream, bits) * ops.minimum(ops.view(y, bits), 1), y.dtype)
            by_channel = ops.reshape(passed, (-1, passed.shape[-1]))
            n_places = ops.shape(by_channel)[0]
            return passed, ops.matmul(ops.ones((1, n_places), y.dtype), by_channel)[0]

        return y, gradient

    return relu(x, bias)


def _kept(x: Any, keep: Any, bits: str) -> Any:
    """ReLU of x where kept, else 0, as integers."""
    return ops.view(ops.maximum(ops.view(x, bits), 0) * ops.cast(keep, bits), x.dtype)


@keras.saving.register_keras_serializable("cxr")
class PooledConvolution(keras.layers.Layer):  # type: ignore[misc]
    """3x3 convolution, bias, ReLU, optionally 2x2 max pooling, dropout; `(n, h, w, c)` to `(n, h', w', filters)`.

    Pooling comes before ReLU, which is the same function at a quarter of the work: max(relu(x)) = relu(max(x)), since
    ReLU is monotone.

    Dropout is inverted: what is kept is scaled by 1 / (1 - dropout). Kernel and bias are scaled instead, which
    are fewer numbers: s relu(x) = relu(s x).

    `n_repeats` > 1 treats the input as that many equal channels per given channel: the kernel has a slice
    for each, and summing the slices before the convolution is the convolution of the repeated image.
    """

    def __init__(
        self, filters: int, is_pooled: bool, n_repeats: int = 1, dropout: float = 0.0, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.is_pooled, self.n_repeats = filters, is_pooled, n_repeats
        self.dropout, self.seed = dropout, seed
        if dropout:
            self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        n_channels = input_shape[-1] * self.n_repeats  # type: ignore[operator]
        self.kernel = self.add_weight(
            name="kernel", shape=(3, 3, n_channels, self.filters), initializer="glorot_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, x: Any, training: bool = False) -> Any:
        has_dropout = training and self.dropout > 0
        scale = 1 / (1 - self.dropout) if has_dropout else 1
        y = ops.conv(x, ops.cast(self._summed_kernel() * scale, x.dtype), padding="same")
        bias = ops.cast(self.bias * scale, y.dtype)
        # Here the convolution adds it for nothing; its gradient is taken after pooling, from fewer values.
        y = y + ops.stop_gradient(bias)
        if self.is_pooled:
            y = ops.max_pool(y, 2, 2, padding="same")
        keep = keep_mask(ops.shape(y), self.dropout, self.seed_generator) if has_dropout else None
        return _relu(y, bias, keep)

    def _summed_kernel(self) -> Any:
        kernel = ops.convert_to_tensor(self.kernel)
        if self.n_repeats == 1:
            return kernel
        return ops.sum(ops.reshape(kernel, (3, 3, self.n_repeats, -1, self.filters)), axis=2)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        n, height, width, _ = input_shape
        if self.is_pooled:
            height, width = -(-height // 2), -(-width // 2)
        return (n, height, width, self.filters)

    def get_config(self) -> dict[str, Any]:
        own = ("filters", "is_pooled", "n_repeats", "dropout", "seed")
        return super().get_config() | {name: getattr(self, name) for name in own}


@keras.saving.register_keras_serializable("cxr")
class Dropout(keras.layers.Layer):  # type: ignore[misc]
    """Inverted dropout: each value is 0 with probability `rate`, else scaled by 1 / (1 - rate)."""

    def __init__(self, rate: float, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.seed = rate, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return x
        keep = keep_mask(ops.shape(x), self.rate, self.seed_generator)
        return x * (ops.cast(keep, x.dtype) * ops.cast(1 / (1 - self.rate), x.dtype))

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
