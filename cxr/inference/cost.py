"""What a network costs."""

import math

from cxr.networks.backend import keras
from cxr.networks.fast.layers import PooledConvolution


def flops_per_image(network: keras.Model) -> int:
    """Multiplications and additions of one image's forward pass in convolutions and dense layers.

    Each of their weights is multiplied once at each place of the map that the layer computes.
    """
    return 2 * sum(_multiplications(layer) for layer in network.layers)


def _multiplications(layer: keras.Layer) -> int:
    # Biases, gains and normalisations are no matrices: what they do is next to nothing.
    n_weights = sum(math.prod(weights.shape) for weights in layer.trainable_weights if len(weights.shape) > 1)
    if n_weights == 0:
        return 0
    computed = layer.output
    if isinstance(layer, PooledConvolution):
        # It is computed at every place before it pools, and equal channels are summed up first.
        computed, n_weights = layer.input, n_weights // layer.n_repeats
    _, *places, _ = computed.shape
    return n_weights * math.prod(places)
