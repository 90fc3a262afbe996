"""What a network costs."""

import math

from cxr.networks.backend import keras
from cxr.networks.fast.layers import PooledConvolution


def flops_per_image(network: keras.Model) -> int:
    """Multiplications and additions of one image's forward pass in convolutions and dense layers."""
    flops = 0
    for layer in network.layers:
        if (kernel := getattr(layer, "kernel", None)) is not None:
            *window, _, n_out = kernel.shape
            # Where it pools, a convolution is computed at every place of its input first.
            _, *places, _ = (layer.input if isinstance(layer, PooledConvolution) else layer.output).shape
            flops += 2 * math.prod(window) * layer.input.shape[-1] * n_out * math.prod(places)
    return flops
