from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from cxr.inference import gallery, pictures
from cxr.inference.pictures import Tile, in_words, write_grid
from cxr.vocabulary import CLASSES

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8)


def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    labels = np.arange(40) % 2
    return pd.DataFrame(
        {
            "row": np.arange(40),
            "path": [f"test/{'PNEUMONIA' if label else 'NORMAL'}/{i:02d}.jpeg" for i, label in enumerate(labels)],
            "label": labels,
            "patient_group": [f"p{i}" for i in range(40)],
            "probability": rng.random(40),
        }
    ).assign(called=lambda t: (t["probability"] >= 0.5).astype(int))


def test_equal_tiles_are_equal_files(tmp_path: Path) -> None:
    tiles = {"a row": [Tile(IMAGES[0], "a caption")] * 2, "none such": []}
    for name in ("one.png", "two.png"):
        write_grid(tmp_path / name, "A title", tiles, 2)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert not {"Software", "Date"} & set(picture.info)


def test_the_most_confident_errors_come_first_and_are_counted() -> None:
    test = table()
    for name, tiles in gallery.errors(IMAGES, test, CLASSES, 3).items():
        label = int(name.startswith("pneumonia"))
        wrong = test[(test["label"] == label) & (test["called"] != label)].sort_values(
            "probability", ascending=label == 1
        )
        assert name.endswith(f"{len(wrong)} of 20")
        end = "lowest" if label else "highest"
        assert [tile.caption.split("\n")[0] for tile in tiles] == [
            f"p {p:.3f}, {end} {rank} of 20" for rank, p in enumerate(wrong["probability"][:3], start=1)
        ]


def test_saliency_is_of_images_of_the_outcome_that_is_named() -> None:
    test = table().set_index("patient_group", drop=False)
    rows = gallery.saliency(IMAGES, test, lambda images: np.ones((len(images), 2, 2), np.float32), CLASSES, 3, 0)
    assert len(rows) == 4
    for name, tiles in rows.items():
        shown = test.loc[[tile.caption.split("\n")[1] for tile in tiles]]
        label, called = [word.startswith("pneumonia") for word in name.split(", called ")]
        assert len(shown) == 3
        assert (shown["label"] == label).all()
        assert (shown["called"] == called).all()
        assert all(np.array_equal(tile.image, IMAGES[row]) for tile, row in zip(tiles, shown["row"], strict=True))


def test_samples_are_of_their_part_and_class_and_the_same_for_the_same_seed() -> None:
    test = table()
    manifest = test.assign(width=30, height=20)
    parts = {"train": test[:20], "test": test[20:]}
    drawn = [gallery.samples(IMAGES, manifest, parts, CLASSES, 4, seed) for seed in (0, 0, 1)]
    captions = [{name: [tile.caption for tile in tiles] for name, tiles in rows.items()} for rows in drawn]
    assert captions[0] == captions[1] != captions[2]
    assert list(captions[0]) == ["train, NORMAL", "train, PNEUMONIA", "test, NORMAL", "test, PNEUMONIA"]
    for name, of_row in captions[0].items():
        start = 0 if name.startswith("train") else 20
        for caption in of_row:
            number = int(caption[:2])
            assert start <= number < start + 20
            assert number % 2 == name.endswith("PNEUMONIA")
            assert caption.endswith("30 x 20")


def test_a_dollar_is_a_dollar_and_a_mask_of_nothing_has_no_outline(tmp_path: Path) -> None:
    nothing = Tile(np.zeros((1, 1), np.uint8), "patient $P_1^$", None, np.zeros((1, 1), bool))
    write_grid(tmp_path / "one.png", "a$b^^$.png", {"no$^$al": [nothing], "$_$": []}, 2)
    assert (tmp_path / "one.png").stat().st_size


def test_a_row_without_tiles_takes_a_line(tmp_path: Path) -> None:
    tiles, heights = [Tile(IMAGES[0], "a caption")], []
    for rows in ({"a row": tiles}, {"none such": [], "a row": tiles}, {"a row": tiles, "another": tiles}):
        write_grid(tmp_path / "one.png", "A title", rows, 2)
        with Image.open(tmp_path / "one.png") as picture:
            heights.append(picture.height)
    one, empty, two = heights
    assert 0 < empty - one < (two - one) / 5


def test_a_file_name_of_the_studys_stands_in_one_line_within_its_tile() -> None:
    for name in ("person1352_bacteria_3444.jpeg", "NORMAL2-IM-0105-0001.jpeg"):
        canvas = FigureCanvasAgg(Figure(dpi=pictures.DOTS_PER_INCH))
        axes = canvas.figure.add_axes((0, 0, 1, 1))
        pictures._draw(axes, Tile(IMAGES[0], f"{name}\n224 x 224"))
        assert axes.get_xlabel() == f"{name}\n224 x 224"
        width = axes.xaxis.label.get_window_extent(canvas.get_renderer()).width
        assert width < pictures.INCHES * pictures.DOTS_PER_INCH


def test_a_pictures_words_are_its_title_its_rows_and_what_stands_under_the_tiles() -> None:
    tile = Tile(IMAGES[0], "p 0.1\nsomebody")
    rows = {"missed": [tile, Tile(IMAGES[0], "p 0.2")], "plain": [Tile(IMAGES[0], "")], "no": []}
    assert in_words("Errors", rows) == "Errors. missed: p 0.1, somebody; p 0.2. plain: 1. no: none."
