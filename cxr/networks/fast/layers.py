"""The layers of the study, computed with fewer passes over memory. Same function, same gradients.

Around the convolutions a training step is bound by memory: bias, ReLU, pooling and dropout do next to no arithmetic,
but each reads and writes whole maps. So the layers do these on the smaller, pooled maps, several in one pass, and keep
nothing for the backward pass that the result itself tells.

Shapes: n images of a batch, h x w places of a map, c channels of the input, f filters.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr.networks.backend import fused, has_slow_kernel_gradients, keras
from cxr.networks.devices import first_place

ops = keras.ops

# Steps of a hash of 32 bits with little bias: C. Wellons, "Prospecting for hash functions" (2018), lowbias32.
HASH_STEPS = ((16, 0x7FEB352D), (15, 0x846CA68B))

# With fewer multiplications a product for a kernel's gradient costs more than it saves (measured on AVX2).
FEWEST_MULTIPLICATIONS = 10_000_000


def keep_mask(shape: tuple[Any, ...], rate: float, seed: Any) -> Any:
    """Which values of `shape` dropout keeps: bool, each False with probability `rate`.

    `seed`: two integers, as a SeedGenerator gives them. Whether a value is kept is a hash of its place and the seed:
    unlike a generator's stream it needs no memory, so that a compiler can make it within the pass that uses it.
    """
    # The seeds of layers and of steps are neighbours (1, 2, 3, ...), whose masks are to share nothing: so the seed is
    # hashed before a place is added to it.
    first, second = (ops.cast(half, "uint32") for half in ops.unstack(seed, 2))  # both ()
    key = _hash(_hash(first) + second)  # ()
    n_places = math.prod(shape)
    # 0, 1, 2, ... in the shape of the mask. From int32, which TensorFlow's arange knows on every device.
    places = ops.reshape(ops.cast(ops.arange(n_places, dtype="int32"), "uint32"), shape)
    # A device that has a share of a batch goes on from the places of the share before.
    places = places + ops.cast(first_place(n_places), "uint32")
    # A word is uniform in [0, 2**32): it lies below rate * 2**32 with probability `rate`.
    return _hash(places + key, salt=_hash(key)) >= np.uint32(rate * 2**32)


def _hash(words: Any, salt: Any = None) -> Any:
    """uint32 words of any shape, each mixed to one that looks random; `salt` `()` chooses one of many such functions.

    Without a salt two keys would give the same sequence, only shifted.
    """
    for i, (n_bits, multiplier) in enumerate(HASH_STEPS):
        if i and salt is not None:
            words = ops.bitwise_xor(words, salt)
        # Shifting carries the high bits into the low ones, multiplying (modulo 2**32) the low into the high.
        words = ops.bitwise_xor(words, ops.bitwise_right_shift(words, np.uint32(n_bits)))
        words = words * np.uint32(multiplier)
    return words


def _relu(x: Any, bias: Any, rate: float, seed: Any, techniques: "Techniques") -> Any:
    """ReLU of `x` `(n, h, w, f)`, 0 where dropout says so, with the gradient of the `bias` `(f,)` that `x` holds.

    `rate` and `seed` are dropout's; 0 and None without dropout.

    The backward pass needs the result y alone. Where y > 0 the value passed both ReLU and dropout, and so does its
    gradient; where y = 0 one of them stopped it, and the gradient is 0. So neither ReLU's input nor dropout's mask is
    kept between the passes.
    """
    fused, keep_mask = techniques.fused, techniques.keep_mask

    @ops.custom_gradient
    def relu(x: Any, bias: Any) -> tuple[Any, Any]:
        if rate:
            y = fused(lambda x, seed: _dropped(ops.relu(x), keep_mask(ops.shape(x), rate, seed)))(x, seed)
        else:
            y = ops.relu(x)

        def gradient(*args: Any, upstream: Any = None) -> tuple[Any, Any]:
            # Keras' backends give the gradient of y by position (TensorFlow, JAX) or by name (PyTorch).
            upstream = args[0] if upstream is None else upstream  # (n, h, w, f)
            passed = fused(lambda upstream, y: ops.where(y > 0, upstream, ops.zeros((), y.dtype)))(upstream, y)
            # The bias was added at every place: its gradient is the sum over all places, as a row of ones times a
            # matrix, since a product of matrices sums faster than a reduction over the first axis.
            by_channel = ops.reshape(passed, (-1, passed.shape[-1]))  # (n h w, f)
            n_places = ops.shape(by_channel)[0]
            return passed, ops.matmul(ops.ones((1, n_places), y.dtype), by_channel)[0]  # (n, h, w, f), (f,)

        return y, gradient

    return relu(x, bias)


def _dropped(x: Any, is_kept: Any) -> Any:
    """`x` where `is_kept`, else 0; both of one shape."""
    return ops.where(is_kept, x, ops.zeros((), x.dtype))


def convolve(x: Any, kernel: Any) -> Any:
    """Convolution of `x` `(n, h, w, c)`, zeros around, with `kernel` `(3, 3, c, f)`: `(n, h, w, f)`."""
    n_multiplications = math.prod(x.shape[1:]) * kernel.shape[-1]  # of one image and one tap of the kernel: h w c f
    is_worth_it = n_multiplications >= FEWEST_MULTIPLICATIONS and has_slow_kernel_gradients(x.dtype)
    return (_convolve_by_products if is_worth_it else convolve_as_given)(x, kernel)


def convolve_as_given(x: Any, kernel: Any) -> Any:
    """The convolution, and its gradients, as the library computes them."""
    return ops.conv(x, kernel, padding="same")


def _convolve_by_products(x: Any, kernel: Any) -> Any:
    """The convolution with the kernel's gradient as products of matrices, which run near the processor's full rate."""

    @ops.custom_gradient
    def convolution(x: Any, kernel: Any) -> tuple[Any, Any]:
        def gradient(*args: Any, upstream: Any = None) -> tuple[Any, Any]:
            upstream = args[0] if upstream is None else upstream  # (n, h, w, f)
            # The gradient of the input is itself a convolution, with the kernel turned by 180 degrees and the roles of
            # channels and filters exchanged.
            turned = ops.swapaxes(kernel[::-1, ::-1], 2, 3)  # (3, 3, f, c)
            return convolve_as_given(upstream, turned), _kernel_gradient(x, upstream)  # (n, h, w, c), (3, 3, c, f)

        return convolve_as_given(x, kernel), gradient

    return convolution(x, kernel)


def _kernel_gradient(x: Any, upstream: Any) -> Any:
    """Gradient `(3, 3, c, f)` of a kernel, from its input `x` `(n, h, w, c)` and `upstream` `(n, h, w, f)`.

    Tap (i, j) of the kernel meets each value of `upstream` with the one of `x` that lies (i - 1, j - 1) from it; its
    gradient is the sum of their products over all places. With the rows of a padded image laid end to end, that is the
    same distance, i * row + j, for all places at once: so each tap is one product of matrices per image.
    """
    _, height, width, n_in = x.shape
    n_out, row = upstream.shape[-1], width + 2
    # From the first place to the last; the zeros between two rows count too, and add nothing.
    n_places = height * row - 2

    def add(image: Any, total: Any) -> Any:
        # A ring of zeros around the input, so that every tap of every place lies within.
        left = ops.reshape(ops.pad(x[image], ((1, 1), (1, 1), (0, 0))), (-1, n_in))  # ((h + 2) row, c)
        # Two zeros after each row bring the gradients to the input's length of row.
        right = ops.reshape(ops.pad(upstream[image], ((0, 0), (0, 2), (0, 0))), (-1, n_out))[:n_places]
        right = ops.transpose(right)  # (f, n_places)
        starts = [i * row + j for i in range(3) for j in range(3)]
        return total + ops.stack([ops.matmul(right, left[at : at + n_places]) for at in starts])  # (9, f, c)

    # Image by image, so that the padded copies are of one image and not of the whole batch.
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
    """3x3 convolution, bias, ReLU, optionally 2x2 max pooling, dropout; `(n, h, w, c)` to `(n, h', w', f)`.

    Pooling comes before ReLU, which is the same function at a quarter of the work: max(relu(x)) = relu(max(x)), since
    ReLU is monotone.

    Dropout is inverted: what is kept is scaled by s = 1 / (1 - dropout). Kernel and bias are scaled instead, which
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
        # Summed and scaled in the weights' float32, then cast to the precision of the maps.
        y = self.techniques.convolve(x, ops.cast(self._summed_kernel() * scale, x.dtype))  # (n, h, w, f)
        bias = ops.cast(self.bias * scale, y.dtype)  # (f,)
        # Added here, where the convolution does it in the same pass. Its gradient is taken after pooling, by _relu,
        # from a quarter of the values: so none is to flow to it here.
        y = y + ops.stop_gradient(bias)
        if self.is_pooled:
            y = ops.max_pool(y, 2, 2, padding="same")  # (n, h / 2, w / 2, f), rounded up
        rate, seed = (self.dropout, self.seed_generator.next()) if has_dropout else (0.0, None)
        return _relu(y, bias, rate, seed, self.techniques)

    def _summed_kernel(self) -> Any:
        """The kernel for the given channels alone: `(3, 3, c, f)`, float32."""
        kernel = ops.convert_to_tensor(self.kernel)  # (3, 3, n_repeats c, f)
        if self.n_repeats == 1:
            return kernel
        return ops.sum(ops.reshape(kernel, (3, 3, self.n_repeats, -1, self.filters)), axis=2)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        n, height, width, _ = input_shape
        if self.is_pooled:
            height, width = -(-height // 2), -(-width // 2)
        return (n, height, width, self.filters)

    def get_config(self) -> dict[str, Any]:
        names = ("filters", "is_pooled", "n_repeats", "dropout", "seed")
        return super().get_config() | {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("cxr")
class Dropout(keras.layers.Layer):  # type: ignore[misc]
    """Inverted dropout of `x` of any shape: each value is 0 with probability `rate`, else scaled by 1 / (1 - rate)."""

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
