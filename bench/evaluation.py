"""Predicting the test part, and its intervals."""

import time

import numpy as np
import pandas as pd

from cxr import bootstrap, evaluation, network
from cxr.backend import resolve_precision

SIZE, N_IMAGES, N_GROUPS, N_DRAWS = 224, 624, 428, 2000
LAYERS = "C-P-C-P-C-P-C-P-F-D-D"


def measure() -> pd.DataFrame:
    """Seconds for as many images and patient groups as Kaggle's test folder has."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (N_IMAGES, SIZE, SIZE), dtype=np.uint8)
    params = network.ModelParams(layers=LAYERS, filters=[64, 128], dense_units=128, dropout=0.3)
    model = network.build(params, SIZE, precision=resolve_precision("auto"), seed=0)
    rows = np.arange(N_IMAGES)
    evaluation.predict(model, images, rows[:64])
    started = time.perf_counter()
    probabilities = evaluation.predict(model, images, rows)
    predicted = time.perf_counter()
    labels, groups = rng.integers(0, 2, N_IMAGES), rng.integers(0, N_GROUPS, N_IMAGES)
    bootstrap.draws(labels, probabilities, groups, 0.5, N_DRAWS, 0)
    drawn = time.perf_counter()
    return pd.DataFrame(
        [
            {"what": f"predict {N_IMAGES} images, layers-2", "seconds": predicted - started},
            {"what": f"{N_DRAWS} bootstrap draws of four figures", "seconds": drawn - predicted},
        ]
    )
