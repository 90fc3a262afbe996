import csv
import io

import numpy as np
import pytest

from cxr.errors import UserError
from cxr.networks import network
from cxr.networks.params import ModelParams

# Layers and trainable parameters of the study's runs at 224 pixels.
STUDY = """C-C-P-C-C-P-F-D-D,51657153
C-P-C-P-C-P-C-P-F-D-D,3488193
C-P-C-P-C-C-F-D-D,51657153
C-C-P-F-D-D,102815937
C-P-C-F-D-D,102815937
"""


STACK = {"architecture": "stack", "weights": "none", "filters": [64, 128], "dense_units": 128, "dropout": 0.3}


def params(layers: str, **changes: object) -> ModelParams:
    return ModelParams(**{**STACK, "layers": layers, **changes})


@pytest.mark.parametrize(("layers", "n_parameters"), list(csv.reader(io.StringIO(STUDY))))
def test_parameter_counts_are_the_studys(layers: str, n_parameters: str) -> None:
    built = network.build(params(layers), 224, precision="float32", seed=0)
    assert built.count_params() == int(n_parameters)


def test_too_many_poolings_are_refused() -> None:
    with pytest.raises(UserError, match="too many P"):
        network.build(params("P-P-P-F"), 4, precision="float32", seed=0)


def test_same_seed_same_weights() -> None:
    one, two, other = (network.build(params("C4-P-F-D4"), 8, precision="float32", seed=s) for s in (0, 0, 1))
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(one.get_weights(), other.get_weights(), strict=True))
