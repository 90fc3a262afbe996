import csv
import io

import numpy as np
import pytest

from cxr.errors import UserError
from cxr.networks import network
from cxr.networks.params import ModelParams
from tests.cxr.networks.conftest import model_params

# Layers and trainable parameters of the study's runs at 224 pixels.
STUDY = """C-C-P-C-C-P-F-D-D,51657153
C-P-C-P-C-P-C-P-F-D-D,3488193
C-P-C-P-C-C-F-D-D,51657153
C-C-P-F-D-D,102815937
C-P-C-F-D-D,102815937
"""


def params(layers: str, **changes: object) -> ModelParams:
    return model_params(**{"layers": layers, "filters": [64, 128], "dense_units": 128, **changes})


@pytest.mark.parametrize(("layers", "n_parameters"), list(csv.reader(io.StringIO(STUDY))))
def test_parameter_counts_are_the_studys(layers: str, n_parameters: str) -> None:
    built = network.build(params(layers), 224, precision="float32", seed=0)
    assert built.count_params() == int(n_parameters)


def test_too_many_poolings_are_refused() -> None:
    with pytest.raises(UserError, match="too many P"):
        network.build(params("P-P-P-F"), 4, precision="float32", seed=0)


def test_white_is_one_and_black_is_nothing() -> None:
    built = network.build(params("F"), 4, precision="float32", seed=0)
    logit = built.get_layer("logit")
    logit.kernel.assign(np.full(logit.kernel.shape, 1 / logit.kernel.shape[0]))
    images = np.array([255, 51, 0], np.uint8)[:, None, None, None] * np.ones((4, 4, 1), np.uint8)
    np.testing.assert_allclose(built.predict(images, verbose=0)[:, 0], [1, 0.2, 0], atol=1e-6)


def test_same_seed_same_weights() -> None:
    one, two, other = (network.build(params("C4-P-F-D4"), 8, precision="float32", seed=s) for s in (0, 0, 1))
    dropped = [{str(np.asarray(v)) for v in model.variables if "seed" in v.path} for model in (one, other)]
    assert [len(seeds) for seeds in dropped] == [2, 2], "each layer drops other values"
    assert not dropped[0] & dropped[1]
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(one.get_weights(), other.get_weights(), strict=True))
