from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.errors import UserError
from cxr.inference import explain, foreign
from cxr.inference.predict import predict
from cxr.networks.backend import keras
from cxr.networks.network import build
from cxr.networks.params import ModelParams

SIZE = 16


def pooled_network(seed: int = 0) -> keras.Model:
    """Convolution, mean over the map, one dense unit: Grad-CAM is its weights on the channels."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="features")(x)
    return keras.Model(image, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x)))


def images(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, SIZE, SIZE), dtype=np.uint8)


def probabilities(network: keras.Model, some: np.ndarray) -> np.ndarray:
    return predict(network, some, np.arange(len(some)))


def table(network: keras.Model, some: np.ndarray, threshold: float = 0.5) -> pd.DataFrame:
    called = probabilities(network, some) >= threshold
    return pd.DataFrame({"row": np.arange(len(some)), "label": 1, "called": called.astype(int)})


def test_grad_cam_of_a_mean_and_a_dense_unit_is_the_class_activation_map() -> None:
    """Zhou et al. (2016): with global average pooling the map is the weighted sum of the channels."""
    network, some = pooled_network(), images(40)
    features = keras.Model(network.input, network.get_layer("features").output).predict(some[..., None], verbose=0)
    weights = network.layers[-1].kernel.numpy()[:, 0]
    expected = np.maximum((features * weights).sum(axis=-1), 0) / SIZE**2
    np.testing.assert_allclose(explain.GradCam(network)(some), expected, atol=1e-6)


def test_a_network_without_a_feature_map_is_refused() -> None:
    image = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    flat = keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))))
    with pytest.raises(UserError, match="no convolution"):
        explain.GradCam(flat)


@pytest.mark.parametrize("layers", ["F-D", "P-F-D"])
def test_of_a_stack_without_a_convolution_there_is_no_map_and_the_rest_is_measured(layers: str) -> None:
    """Its last map is the image, and Grad-CAM would show that."""
    params = ModelParams("stack", "none", layers, [4, 4], 4, 0.3)
    network, some = build(params, SIZE, precision="float32", seed=0), images(4)
    with pytest.raises(UserError, match="no convolution"):
        explain.GradCam(network)
    assert foreign.Features(network)(some).shape == (4, foreign.n_features(network))
    found = explain.measure(network, some, table(network, some, 0.0), partial(probabilities, network), seed=0)
    assert found["share_in_lungs"]["all"] is found["share_in_lungs"]["called_pneumonia"] is None
    assert found["agreement_random"] is None
    assert found["probability_drop"]["lungs"] is not None


def test_maps_are_scaled_to_their_peak_and_a_map_of_zeros_stays_so() -> None:
    maps = np.stack([np.arange(16, dtype=np.float32).reshape(4, 4), np.zeros((4, 4), np.float32)])
    large = explain.resized(maps, SIZE)
    assert large.shape == (2, SIZE, SIZE)
    assert large[0].max() == 1
    assert not large[1].any()


def test_a_convolution_with_one_filter_is_a_feature_map() -> None:
    image = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    x = keras.layers.Conv2D(1, 3, name="features")(keras.layers.Rescaling(1 / 255)(image))
    network = keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(x)))
    assert explain.feature_map(network) is network.get_layer("features").output


def test_images_of_one_pixel_are_explained_as_far_as_they_can_be() -> None:
    keras.utils.set_random_seed(0)
    image = keras.Input((1, 1, 1), dtype="uint8")
    x = keras.layers.Conv2D(2, 1)(keras.layers.Rescaling(1 / 255)(image))
    network = keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(x)))
    some = images(4)[:, :1, :1]
    found = explain.measure(network, some, table(network, some, 0.0), partial(probabilities, network), seed=0)
    assert found["probability_drop"]["frame"] is None
    assert found["probability_drop"]["lungs"] == 0


@given(st.integers(4, 64))
def test_lungs_and_frame_are_apart_and_alike_on_both_sides(size: int) -> None:
    lungs, border = explain.lung_field(size), explain.frame(size)
    assert (lungs == lungs[:, ::-1]).all()
    assert (border == border[::-1]).all()
    assert not (lungs & border).any()
    if size >= 16:
        assert 0.25 < lungs.mean() < 0.4


@given(st.integers(0, 1000))
def test_shares_inside_and_outside_are_one_together(seed: int) -> None:
    maps = np.random.default_rng(seed).random((3, SIZE, SIZE), dtype=np.float32)
    maps[2] = 0
    inside, outside = (explain.share_inside(maps, mask) for mask in (explain.frame(SIZE), ~explain.frame(SIZE)))
    np.testing.assert_allclose((inside + outside)[:2], 1)
    assert np.isnan(inside[2])


def test_blanking_touches_the_mask_alone_and_sets_it_to_the_mean_of_the_rest() -> None:
    some, border = images(3), explain.frame(SIZE)
    filled = explain.blanked(some, border)
    assert (filled[:, ~border] == some[:, ~border]).all()
    assert [set(image[border]) for image in filled] == [{int(image[~border].mean())} for image in some]


def test_maps_agree_with_themselves_and_not_with_those_of_random_weights() -> None:
    network, some = pooled_network(), images(30)
    maps = explain.GradCam(network)(some)
    # Of the network's own seed: they are not the weights that its training began with.
    other = explain.GradCam(explain.with_random_weights(network, seed=0))(some)
    assert explain.agreement(maps, maps) == pytest.approx(np.ones(30))
    assert explain.agreement(maps, other).mean() < 0.9
    assert np.isnan(explain.agreement(maps, np.ones_like(maps))).all()


def test_a_test_part_is_measured_a_few_at_a_time_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network, some = pooled_network(), images(40)
    test = table(network, some, float(np.median(probabilities(network, some))))

    def measured() -> dict:
        return explain.measure(network, some, test, partial(probabilities, network), seed=0)

    at_once = measured()
    other = explain.with_random_weights(network, seed=0)
    maps, random = (explain.resized(explain.GradCam(one)(some), SIZE) for one in (network, other))
    shares, is_called = explain.share_inside(maps, explain.lung_field(SIZE)), test["called"] == 1
    assert at_once["share_in_lungs"] == pytest.approx(
        {
            "all": np.nanmean(shares),
            "called_pneumonia": np.nanmean(shares[is_called]),
            "chance": explain.lung_field(SIZE).mean(),
        }
    )
    assert at_once["agreement_random"] == pytest.approx(np.nanmean(explain.agreement(maps, random)))
    assert len({*at_once["share_in_lungs"].values(), at_once["agreement_random"], 1.0}) == 5, "of different numbers"
    monkeypatch.setattr(explain, "N_MEASURED_AT_ONCE", 7)
    few = measured()
    assert few["share_in_lungs"] == pytest.approx(at_once["share_in_lungs"])
    assert few["probability_drop"] == pytest.approx(at_once["probability_drop"])
    assert few["agreement_random"] == pytest.approx(at_once["agreement_random"])


def test_a_network_that_reads_the_frame_is_found_out() -> None:
    """Its logit is the brightness of the frame: blanking that changes the probability, blanking the lungs does not."""
    border = explain.frame(SIZE)
    image = keras.Input((SIZE, SIZE, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(2, 1, name="features")(x)
    network = keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(x)))
    network.get_layer("features").set_weights([np.array([[[[1.0, 0.0]]]]), np.zeros(2)])
    kernel = np.zeros((SIZE, SIZE, 2))
    kernel[border, 0] = 1
    network.layers[-1].set_weights([kernel.reshape(-1, 1), np.array([-20.0])])
    some = images(20) // 4
    some[:, border] = 255
    test = table(network, some)
    found = explain.measure(network, some, test, partial(probabilities, network), seed=0)
    assert found["n_called_pneumonia"] == 20
    assert found["probability_drop"]["frame"] > 0.9
    assert abs(found["probability_drop"]["lungs"]) < 1e-6


def test_where_nothing_is_called_pneumonia_nothing_is_made_up() -> None:
    network, some = pooled_network(), images(4)
    found = explain.measure(network, some, table(network, some, threshold=2.0), partial(probabilities, network), seed=0)
    assert found["n_called_pneumonia"] == 0
    assert found["probability_drop"] == {"lungs": None, "frame": None}
