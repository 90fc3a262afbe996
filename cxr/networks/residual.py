"""A small residual network: 3x3 convolutions in blocks that add to what they were given (He et al. 2016).

Nothing in it depends on the other images of a batch, nor on statistics gathered along the way: instead of normalising
activations it normalises kernels (Brock et al. 2021, "Characterizing signal propagation to close the performance gap in
unnormalized ResNets"). That halves the time of a step on a CPU, where batch normalisation is several passes over
memory, and leaves nothing to lag behind in a short training.
"""

from typing import Any

from cxr.networks.backend import keras

ops = keras.ops

# Standard deviation of relu(z), z standard normal, is sqrt((1 - 1 / pi) / 2): its inverse keeps the variance at 1.
RELU_GAIN = 1.7139588594436646
# What a block adds starts at 0; the variance grows all the same while it learns, by about this much (Brock et al.).
GROWTH = 0.2**2
# A grey in [0, 255] as a number about 0 with variance about 1.
MIDDLE_GREY, DEVIATION = 128, 64


@keras.saving.register_keras_serializable("cxr")
class NormalisedConvolution(keras.layers.Layer):  # type: ignore[misc]
    """Convolution whose kernel has mean 0 and variance scale^2 / fan-in in each filter, times a gain learnt; with bias.

    `(n, height, width, channels)` to `(n, height / stride, width / stride, filters)`, zeros around. `is_silent`: all
    gains start at 0, and so does what the layer gives.
    """

    def __init__(
        self, filters: int, width: int = 3, stride: int = 1, scale: float = 1.0, is_silent: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.width, self.stride = filters, width, stride
        self.scale, self.is_silent = scale, is_silent

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (self.width, self.width, input_shape[-1], self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="he_normal")
        gains = "zeros" if self.is_silent else "ones"
        self.gain = self.add_weight(name="gain", shape=(self.filters,), initializer=gains)
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, x: Any) -> Any:
        kernel = ops.convert_to_tensor(self.kernel)  # (width, width, channels, filters)
        fan_in = self.width * self.width * kernel.shape[2]
        mean, variance = ops.moments(kernel, axes=(0, 1, 2), keepdims=True)  # (1, 1, 1, filters)
        # The scale goes with the kernel, which holds fewer numbers than a map.
        kernel = (kernel - mean) * ops.rsqrt(variance * fan_in + 1e-4) * self.gain * self.scale
        y = ops.conv(x, ops.cast(kernel, x.dtype), strides=self.stride, padding="same")
        return y + ops.cast(self.bias, y.dtype)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        n, height, width, _ = input_shape
        return (n, -(-height // self.stride), -(-width // self.stride), self.filters)

    def get_config(self) -> dict[str, Any]:
        names = ("filters", "width", "stride", "scale", "is_silent")
        return super().get_config() | {name: getattr(self, name) for name in names}


def features(image: Any, widths: list[int], policy: str) -> Any:
    """The last feature map, `(n, height, width, widths[-1])`, of grey images `image` `(n, height, width, 1)`.

    `widths`: filters of the blocks in order. The first convolution, the stem, has half as many as the first block. It
    halves the map, and so does every block that is wider than what it is given.
    """
    layers = keras.layers
    x = layers.Rescaling(1 / DEVIATION, -MIDDLE_GREY / DEVIATION, dtype="float32", name="rescaling")(image)
    x = NormalisedConvolution(max(1, widths[0] // 2), stride=2, dtype=policy, name="stem")(x)
    variance = 1.0
    for i, width in enumerate(widths, start=1):
        x, variance = _block(x, width, 2 if width > x.shape[-1] else 1, variance, policy, f"block_{i}")
    return layers.ReLU(dtype=policy, name="features")(x)


def _block(x: Any, width: int, stride: int, variance: float, policy: str, name: str) -> tuple[Any, float]:
    """A block's output and its expected variance, from the input and its own; two convolutions and a way around."""
    layers = keras.layers
    y = layers.ReLU(dtype=policy, name=f"{name}_relu_1")(x)
    # Who reads a ReLU brings its values back to variance 1.
    scale = RELU_GAIN / variance**0.5
    if x.shape[-1] != width:
        # The way around must change its shape too: it takes the means of places that fall together.
        x = layers.AveragePooling2D(stride, padding="same", dtype=policy, name=f"{name}_pooling")(y)
        x = NormalisedConvolution(width, 1, scale=scale, dtype=policy, name=f"{name}_around")(x)
        variance = 1.0
    y = NormalisedConvolution(width, 3, stride, scale, dtype=policy, name=f"{name}_convolution_1")(y)
    y = layers.ReLU(dtype=policy, name=f"{name}_relu_2")(y)
    y = NormalisedConvolution(width, 3, 1, RELU_GAIN, True, dtype=policy, name=f"{name}_convolution_2")(y)
    return layers.Add(dtype=policy, name=name)([x, y]), variance + GROWTH
