"""The layers of the study, computed with fewer passes over memory. Same function, same gradients."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr.networks.backend import fused, has_slow_kernel_gradients, keras

ops = keras.ops

# Steps of a hash of 32 bits with little bias: C. Wellons, "Prospecting for hash functions" (2018), lowbias32.
HASH_STEPS = ((16, 0x7FEB352D), (15, 0x846CA68B))

# With fewer multiplications a product for a kernel's gradient costs more than it saves (measured on AVX2).
FEWEST_MULTIPLICATIONS = 10_000_000


def keep_mask(shape: tuple[Any, ...], rate: float, seed: Any) -> Any:
    """Which values of `shape` dropout keeps: bool, each False with probability `rate`.

    `seed`: two integers, as a SeedGenerator gives them. A value's fate is a hash of its place and the seed: unlike a
    generator's stream it needs no memory, so that a compiler can make it within the pass that uses it.
    """
    # A seed's neighbours, of another layer or the next step, are to share nothing: so it is hashed first.
    first, second = (ops.cast(each, "uint32") for each in ops.unstack(seed, 2))
    key = _hash(_hash(first) + second)
    places = ops.reshape(ops.cast(ops.arange(math.prod(shape), dtype="int32"), "uint32"), shape)
    return _hash(places + key, salt=_hash(key)) >= np.uint32(rate * 2**32)


def _hash(words: Any, salt: Any = None) -> Any:
    """Words of 32 bits, mixed; `salt` chooses one of many such functions."""
    for i, (n_bits, multiplier) in enumerate(HASH_STEPS):
        if i and salt is not None:
            words = ops.bitwise_xor(words, salt)
        words = ops.bitwise_xor(words, ops.bitwise_right_shift(words, np.uint32(n_bits)))
        words = words * np.uint32(multiplier)
    return words


def _relu(x: Any, bias: Any, rate: float, seed: Any, techniques: "Techniques") -> Any:
    """ReLU of `x`, 0 where dropout says so, with the gradient of the `bias` that `x` already holds.

    The result alone tells where the gradient passes, so no mask waits for it, and a product with ones sums it for the
    bias.
    """
    fused, keep_mask = techniques.fused, techniques.keep_mask

    @ops.custom_gradient
    def relu(x: Any, bias: Any) -> tuple[Any, Any]:
        if rate:
            y = fused(lambda x, seed: _dropped(ops.relu(x), keep_mask(ops.shape(x), rate, seed)))(x, seed)
        else:
            y = ops.relu(x)

        def gradient(*args: Any, upstream: Any = None) -> tuple[Any, Any]:
            upstream = args[0] if upstream is None else upstream
            passed = fused(lambda upstream, y: ops.where(y > 0, upstream, ops.zeros((), y.dtype)))(upstream, y)
            by_channel = ops.reshape(passed, (-1, passed.shape[-1]))
            n_places = ops.shape(by_channel)[0]
            return passed, ops.matmul(ops.ones((1, n_places), y.dtype), by_channel)[0]

        return y, gradient

    return relu(x, bias)


def _dropped(x: Any, is_kept: Any) -> Any:
    """`x` where `is_kept`, else 0; both of one shape."""
    return ops.where(is_kept, x, ops.zeros((), x.dtype))


def convolve(x: Any, kernel: Any) -> Any:
    """Convolution of `x` `(n, h, w, n_in)`, zeros around, with `kernel` `(3, 3, n_in, n_out)`: `(n, h, w, n_out)`."""
    n_multiplications = math.prod(x.shape[1:]) * kernel.shape[-1]
    is_worth_it = n_multiplications >= FEWEST_MULTIPLICATIONS and has_slow_kernel_gradients(x.dtype)
    return (_convolve_by_products if is_worth_it else convolve_as_given)(x, kernel)


def convolve_as_given(x: Any, kernel: Any) -> Any:
    return ops.conv(x, kernel, padding="same")


def _convolve_by_products(x: Any, kernel: Any) -> Any:
    """The convolution with the kernel's gradient as products of matrices, which run near the processor's full rate."""

    @ops.custom_gradient
    def convolution(x: Any, kernel: Any) -> tuple[Any, Any]:
        def gradient(*args: Any, upstream: Any = None) -> tuple[Any, Any]:
            upstream = args[0] if upstream is None else upstream
            turned = ops.swapaxes(ops.flip(kernel, (0, 1)), 2, 3)
            return convolve_as_given(upstream, turned), _kernel_gradient(x, upstream)

        return convolve_as_given(x, kernel), gradient

    return convolution(x, kernel)


def _kernel_gradient(x: Any, upstream: Any) -> Any:
    """Gradient of the 3x3 kernel by which `x` was convolved, `upstream` that of the result.

    Tap (i, j) meets each value of `upstream` with the one of `x` that lies (i - 1, j - 1) from it. With rows of equal
    length laid end to end, zeros between, that is the same distance for all values: one product per tap and image.
    """
    _, height, width, n_in = x.shape
    n_out, row = upstream.shape[-1], width + 2
    n_places = height * row - 2

    def add(image: Any, total: Any) -> Any:
        left = ops.reshape(ops.pad(x[image], ((1, 1), (1, 1), (0, 0))), (-1, n_in))
        right = ops.reshape(ops.pad(upstream[image], ((0, 0), (0, 2), (0, 0))), (-1, n_out))[:n_places]
        right = ops.transpose(right)
        starts = [i * row + j for i in range(3) for j in range(3)]
        return total + ops.stack([ops.matmul(right, left[at : at + n_places]) for at in starts])

    total = ops.fori_loop(0, ops.shape(x)[0], add, ops.zeros((9, n_out, n_in), x.dtype))
    return ops.reshape(ops.swapaxes(total, 1, 2), (3, 3, n_in, n_out))


@dataclass(frozen=True)
class Techniques:
    """What makes the layers fast. Another can be given for each, to measure what it is worth."""

    fused: Callable[..., Any] = fused
    keep_mask: Callable[..., Any] = keep_mask
    convolve: Callable[..., Any] = convolve


FAST = Techniques()


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
        self,
        filters: int,
        is_pooled: bool,
        n_repeats: int = 1,
        dropout: float = 0.0,
        seed: int = 0,
        techniques: Techniques = FAST,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.is_pooled, self.n_repeats = filters, is_pooled, n_repeats
        self.dropout, self.seed, self.techniques = dropout, seed, techniques
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
        y = self.techniques.convolve(x, ops.cast(self._summed_kernel() * scale, x.dtype))
        bias = ops.cast(self.bias * scale, y.dtype)
        # Here the convolution adds it for nothing; its gradient is taken after pooling, from fewer values.
        y = y + ops.stop_gradient(bias)
        if self.is_pooled:
            y = ops.max_pool(y, 2, 2, padding="same")
        rate, seed = (self.dropout, self.seed_generator.next()) if has_dropout else (0.0, None)
        return _relu(y, bias, rate, seed, self.techniques)

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

    def __init__(self, rate: float, seed: int, techniques: Techniques = FAST, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.seed, self.techniques = rate, seed, techniques
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return x
        scale = ops.cast(1 / (1 - self.rate), x.dtype)

        def drop(x: Any, seed: Any) -> Any:
            return _dropped(x * scale, self.techniques.keep_mask(ops.shape(x), self.rate, seed))

        return self.techniques.fused(drop)(x, self.seed_generator.next())

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
