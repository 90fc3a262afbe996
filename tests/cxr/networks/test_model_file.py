from pathlib import Path

import numpy as np
import pytest

from cxr.errors import UserError
from cxr.networks import model_file, network
from cxr.networks.backend import keras
from tests.cxr.networks.conftest import model_params

SIZE = 12


def build(size: int = SIZE, **target: str) -> keras.Model:
    return network.build(model_params(), size, precision="float32", seed=5, **target)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.keras"
    model_file.save(build(), build(), path)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as error:
        model_file.load(str(path), SIZE)
    assert str(error.value).startswith(f"{path} ")
    assert str(error.value).endswith("; train again with `dvc repro -f train`")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_equal_models_are_equal_files_and_predict_alike(path: Path) -> None:
    trained = build()
    model_file.save(trained, build(), path.with_name("two.keras"))
    assert path.read_bytes() == path.with_name("two.keras").read_bytes()
    images = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 1), dtype=np.uint8)
    loaded = model_file.load(str(path), SIZE)
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), trained.predict(images, verbose=0))


def test_a_truncated_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])
    assert "cannot be read (" in refusal(path)


def test_a_file_that_is_none_is_refused(path: Path) -> None:
    path.write_text("no model")
    assert "cannot be read (" in refusal(path)


def test_a_file_with_a_damaged_weight_is_refused(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(np.asarray(build().get_layer("dense_1").kernel).tobytes()[:64])
    content[at] ^= 255
    path.write_bytes(content)
    assert "cannot be read (Bad CRC-32" in refusal(path)


def test_a_file_that_brings_code_is_refused(path: Path) -> None:
    inputs = keras.Input((SIZE, SIZE, 1))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x[:, 0, 0])(inputs)).save(path)
    assert "cannot be read (" in refusal(path)


def test_a_network_of_three_outputs_is_refused(path: Path) -> None:
    build(target="etiology").save(path)
    assert "gives an output of shape (None, 3), not one logit of pneumonia for each image" in refusal(path)


def test_a_network_for_other_images_is_refused(path: Path) -> None:
    build(16).save(path)
    told = refusal(path)
    assert "takes images of shape (None, 16, 16, 1), and those here have (None, 12, 12, 1)" in told


def test_weights_that_are_no_numbers_are_refused(path: Path) -> None:
    spoilt = build()
    bias = spoilt.get_layer("dense_1").bias
    bias.assign(np.full(bias.shape, np.nan))
    spoilt.save(path)
    assert "has weights that are no numbers" in refusal(path)
