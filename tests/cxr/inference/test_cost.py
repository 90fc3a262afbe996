from cxr.inference.cost import flops_per_image
from cxr.networks import network, plain
from cxr.networks.backend import keras
from tests.cxr.networks.conftest import model_params


def test_flops_are_two_for_each_weight_at_each_place() -> None:
    params = model_params(layers="C4-P-C6-F-D5")
    first, second = 8 * 8 * 9 * 1 * 4, 4 * 4 * 9 * 4 * 6
    dense = 4 * 4 * 6 * 5 + 5
    fast = network.build(params, 8, precision="float32", seed=0)
    assert flops_per_image(fast) == 2 * (first + second + dense)
    # The plain network is fed three equal channels.
    slow = network.build(params, 8, precision="float32", seed=0, stack=plain.stack)
    assert flops_per_image(slow) == 2 * (3 * first + second + dense)


def test_a_stride_leaves_places_out() -> None:
    strided = keras.Sequential([keras.Input((9, 9, 2)), keras.layers.Conv2D(5, 3, strides=2, padding="same")])
    assert flops_per_image(strided) == 2 * 5 * 5 * 9 * 2 * 5


def test_depth_and_points_of_a_separable_convolution_both_count() -> None:
    separable = keras.Sequential([keras.Input((6, 6, 4)), keras.layers.SeparableConv2D(5, 3, padding="same")])
    assert flops_per_image(separable) == 2 * 6 * 6 * (9 * 4 + 4 * 5)
