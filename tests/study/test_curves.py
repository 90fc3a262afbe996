import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


@pytest.fixture
def history(tmp_path: Path) -> Path:
    epochs = np.arange(1, 6)
    table = pd.DataFrame({"epoch": epochs, "loss": 1 / epochs, "val_loss": 1.1 / epochs})
    path = tmp_path / "history.csv"
    table.assign(accuracy=1 - table["loss"] / 2, val_accuracy=0.7).to_csv(path, index=False)
    return path


def draw(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "study.curves", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_curves_of_both_parts_are_drawn_beside_the_studys(history: Path, tmp_path: Path) -> None:
    alone, beside = tmp_path / "alone.png", tmp_path / "beside.png"
    assert draw(str(alone), f"mine={history}").returncode == 0
    assert draw(str(beside), f"mine={history}", "--notebook", "layers-2").returncode == 0
    widths = {}
    for path in (alone, beside):
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            widths[path] = image.width
            pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
        for colour in ((0, 0x72, 0xB2), (0xD5, 0x5E, 0)):
            assert (np.abs(pixels - colour).max(axis=1) < 8).sum() > 50
    assert widths[beside] > 1.4 * widths[alone]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["mine=nowhere.csv"], "is no training history"),
        (["mine={history}", "--notebook", "layers-9"], "the study has no run 'layers-9'"),
    ],
)
def test_refused(words: list[str], told: str, history: Path, tmp_path: Path) -> None:
    done = draw(str(tmp_path / "out.png"), *(word.format(history=history) for word in words))
    assert done.returncode == 1
    assert told in done.stderr
    assert not (tmp_path / "out.png").exists()
