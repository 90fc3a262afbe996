"""The networks of keras.applications, with random weights or those learnt from ImageNet, for grey images."""

from typing import Any

from cxr.errors import UserError
from cxr.networks.backend import keras
from cxr.networks.params import APPLICATION_MODULES

# They were made for colour: each grey image as three equal channels.
N_CHANNELS = 3


def features(image: Any, name: str, weights: str, policy: str) -> Any:
    """The last feature map of the network `name`, from grey images `(n, height, width, 1)` in 0 to 255.

    `weights`: `none`, or `imagenet`, which Keras downloads once. Raises UserError where they cannot be had.
    """
    module = getattr(keras.applications, APPLICATION_MODULES[name])
    x = keras.layers.Concatenate(name="channels")([keras.layers.Rescaling(1.0, dtype="float32")(image)] * N_CHANNELS)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        found = getattr(module, name)(
            include_top=False,
            weights=None if weights == "none" else weights,
            input_tensor=module.preprocess_input(x),
        )
    except Exception as error:
        raise UserError(f"model.architecture {name}, model.weights {weights}: {error}") from None
    finally:
        keras.config.set_dtype_policy(before)
    return keras.layers.Activation("linear", dtype=policy, name="features")(found.output)
