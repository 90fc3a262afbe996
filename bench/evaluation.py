"""Predicting the test part, and its intervals: ours, and as users write it with Keras and scikit-learn."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

from bench import networks, ways
from cxr.inference.predict import predict
from cxr.networks import network
from cxr.networks.backend import resolve_precision
from cxr.statistics.estimate import sample

SIZE, N_IMAGES, N_GROUPS, N_DRAWS = 224, 624, 428, 2000
LAYERS = "C-P-C-P-C-P-C-P-F-D-D"
THRESHOLD = 0.5
N_ROUNDS = 3


def measure() -> pd.DataFrame:
    """Seconds for as many images and patient groups as Kaggle's test folder has; the ways take turns."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (N_IMAGES, SIZE, SIZE), dtype=np.uint8)
    labels, groups = rng.integers(0, 2, N_IMAGES), rng.integers(0, N_GROUPS, N_IMAGES)
    probabilities = rng.random(N_IMAGES)
    model = network.build(networks.model_params(LAYERS), SIZE, precision=resolve_precision("auto"), seed=0)
    plain, plain_images = ways.notebook_network(LAYERS, SIZE), ways.notebook_images(images)
    rows = np.arange(N_IMAGES)
    return pd.DataFrame(
        _turns(
            f"predict {N_IMAGES} images, layers-2",
            {
                "notebook": lambda: plain.predict(plain_images, verbose=0),
                "ours": lambda: predict(model, images, rows),
            },
        )
        + _turns(
            f"{N_DRAWS} bootstrap draws of four figures",
            {
                "scikit-learn in a loop": lambda: in_a_loop(labels, probabilities, groups),
                "ours": lambda: sample(labels, probabilities, THRESHOLD, groups, N_DRAWS, 0),
            },
        )
    )


def _turns(what: str, named: dict[str, Callable[[], Any]]) -> list[dict[str, Any]]:
    """A row per way with its least seconds of a few rounds, after one not counted; ratios are to the first."""
    seconds: dict[str, list[float]] = {way: [] for way in named}
    for i in range(N_ROUNDS + 1):
        for way, run in named.items():
            started = time.perf_counter()
            run()
            seconds[way] += [time.perf_counter() - started] if i else []
    best = {way: min(measured) for way, measured in seconds.items()}
    return [
        {"what": what, "way": way, "seconds": least, "times_as_fast": next(iter(best.values())) / least}
        for way, least in best.items()
    ]


def in_a_loop(labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
    """The figures of N_DRAWS draws, `(N_DRAWS,)` each."""
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    draws = []
    for _ in range(N_DRAWS):
        drawn = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        truth, predicted = labels[drawn], probabilities[drawn] >= THRESHOLD
        draws.append(
            {
                "accuracy": metrics.accuracy_score(truth, predicted),
                "sensitivity": metrics.recall_score(truth, predicted),
                "specificity": metrics.recall_score(truth, predicted, pos_label=0),
                "auroc": metrics.roc_auc_score(truth, probabilities[drawn]),
            }
        )
    return {name: np.array([draw[name] for draw in draws]) for name in draws[0]}
