"""Synthetic chest radiographs with known truth: drawn lungs, ribs, heart, spine and opacities.

They are no radiographs and carry no clinical meaning. They have the shape of Kaggle's data set and, each
switchable, its traps, so that splits, audits and networks can be tested on what was planted.
"""

import io
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from cxr.params import parse
from cxr.sources.archive import write
from cxr.sources.params import PhantomParams
from cxr.sources.source import KERMANY, Brought, Counts, Request, Source
from cxr.vocabulary import CLASSES, SPLITS
from cxr.workers import workers

N_VAL = 16
TEST_FRACTION = 0.2
RGB_FRACTION = 0.05
BACTERIA_FRACTION = 0.65
DUPLICATE_FRACTION = 0.01
MEAN_IMAGES_PER_GROUP = 1.4
LARGEST_GROUP = 30
BRIGHTNESS_SHIFT = 25.0

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Phantom:
    """All that determines one phantom file. `patient` and `image` seed the anatomy and the exposure."""

    path: str
    etiology: str
    patient: tuple[int, ...]
    image: tuple[int, ...]
    width: int
    height: int
    mode: str
    quality: int
    brightness: float


def bring(raw: Path, request: Request) -> Brought:
    """Draw the phantoms of section `phantom` on all cores, as many as planned."""
    params = parse(PhantomParams, "phantom", request.params.get("phantom"))
    phantoms = plan(params)
    with workers() as pool:
        files = pool.map(partial(encode, opacity=params.opacity), phantoms, chunksize=8)
        for phantom, content in tqdm(zip(phantoms, files, strict=True), total=len(phantoms), desc="phantoms"):
            write(raw / phantom.path, content)
    return Brought(KERMANY, expected_counts(phantoms))


def plan(params: PhantomParams) -> list[Phantom]:
    """The data set to draw, one entry per file; no patient group stands in both train and test."""
    rng = np.random.default_rng([params.seed, 0])
    n_test = round(params.n_images * TEST_FRACTION)
    sizes = {"train": params.n_images - n_test - N_VAL, "val": N_VAL, "test": n_test}
    prevalence = {"train": 0.74, "val": 0.5, "test": 0.625} if params.prevalence_trap else dict.fromkeys(sizes, 0.5)
    counters = {"normal": 0, "bacteria": 0, "virus": 0}
    phantoms: list[Phantom] = []
    for split, n_images in sizes.items():
        n_pneumonia = round(n_images * prevalence[split])
        n_bacteria = round(n_pneumonia * BACTERIA_FRACTION)
        per_etiology = {
            "normal": n_images - n_pneumonia,
            "bacteria": n_bacteria,
            "virus": n_pneumonia - n_bacteria,
        }
        for etiology, n in per_etiology.items():
            phantoms += _plan_etiology(params, split, etiology, n, counters, rng)
    return _with_duplicates(phantoms, rng) if params.duplicate_trap else phantoms


def _plan_etiology(
    params: PhantomParams, split: str, etiology: str, n_images: int, counters: dict[str, int], rng: np.random.Generator
) -> list[Phantom]:
    """`n_images` phantoms of one etiology in one split, in patient groups of one to many images."""
    phantoms: list[Phantom] = []
    while len(phantoms) < n_images:
        counters[etiology] += 1
        number = counters[etiology]
        wanted = min(int(rng.geometric(1 / MEAN_IMAGES_PER_GROUP)), LARGEST_GROUP)
        for k in range(1, min(wanted, n_images - len(phantoms)) + 1):
            longer = params.pixels * float(np.exp(rng.normal(0, 0.2)))
            aspect = float(np.clip(rng.normal(1.35, 0.15), 0.9, 2.2))
            is_bright = params.brightness_trap and split == "test"
            is_fine = params.quality_trap and split == "train" and etiology == "normal"
            phantoms.append(
                Phantom(
                    path=f"{split}/{_folder(etiology)}/{_name(etiology, number, k)}",
                    etiology=etiology,
                    patient=(params.seed, 1, sorted(counters).index(etiology), number),
                    image=(params.seed, 2, sorted(counters).index(etiology), number, k),
                    width=round(longer),
                    height=round(longer / aspect),
                    mode="RGB" if rng.random() < RGB_FRACTION else "L",
                    quality=95 if is_fine else 75,
                    brightness=BRIGHTNESS_SHIFT if is_bright else 0.0,
                )
            )
    return phantoms


def _folder(etiology: str) -> str:
    return CLASSES[etiology != "normal"]


def _name(etiology: str, number: int, k: int) -> str:
    """A file name as Kaggle's; every third normal patient is of the second series, numbered on its own."""
    if etiology != "normal":
        return f"person{number}_{etiology}_{number * 10 + k}.jpeg"
    series = "NORMAL2-IM" if number % 3 == 0 else "IM"
    suffix = f"-{k - 1:04d}" if k > 1 else ""
    return f"{series}-{number:04d}-0001{suffix}.jpeg"


def _with_duplicates(phantoms: list[Phantom], rng: np.random.Generator) -> list[Phantom]:
    """Let some phantoms of the training split be exact copies of one of the same class and mode of storage."""
    phantoms = list(phantoms)
    train = [i for i, phantom in enumerate(phantoms) if phantom.path.startswith("train/")]
    n_copies = max(2, round(len(phantoms) * DUPLICATE_FRACTION))
    for etiology in ("bacteria", "normal"):
        same = [i for i in train if phantoms[i].etiology == etiology]
        chosen = rng.choice(same, size=min(n_copies, len(same) // 2 * 2) // 2 * 2, replace=False).reshape(-1, 2)
        for original, copy in chosen:
            phantoms[copy] = replace(phantoms[original], path=phantoms[copy].path)
    return phantoms


def expected_counts(phantoms: list[Phantom]) -> Counts:
    """Images per split and class of a plan."""
    counts = {split: dict.fromkeys(CLASSES, 0) for split in SPLITS}
    for phantom in phantoms:
        split, class_name, _ = phantom.path.split("/")
        counts[split][class_name] += 1
    return counts


def encode(phantom: Phantom, opacity: float) -> bytes:
    """The phantom's JPEG file."""
    grey = Image.fromarray(draw(phantom, opacity))
    stored = io.BytesIO()
    grey.convert(phantom.mode).save(stored, "JPEG", quality=phantom.quality)
    return stored.getvalue()


def draw(phantom: Phantom, opacity: float) -> NDArray[np.uint8]:
    """A phantom as grey uint8 `(height, width)`; `opacity` scales the contrast of the pneumonia sign."""
    patient, exposure = np.random.default_rng(phantom.patient), np.random.default_rng(phantom.image)
    y, x = np.meshgrid(
        np.linspace(-1, 1, phantom.height, dtype=np.float32),
        np.linspace(-1, 1, phantom.width, dtype=np.float32),
        indexing="ij",
    )
    shift, scale = exposure.normal(0, 0.03, 2), exposure.normal(1, 0.03)
    y, x = (y - np.float32(shift[0])) * np.float32(scale), (x - np.float32(shift[1])) * np.float32(scale)
    lungs = _lungs(y, x, patient)
    image = _torso(y, x, patient) - 75 * lungs + _ribs(y, x, patient) + _heart_and_spine(y, x, patient)
    image += opacity * lungs * _opacities(y, x, phantom.etiology, exposure)
    contrast = np.float32(exposure.normal(1, 0.05))
    image = 120 + contrast * (image - 120) + np.float32(exposure.normal(0, 6) + phantom.brightness)
    image += _film_noise(image.shape, exposure)
    return np.clip(image, 0, 255).astype(np.uint8)


def _ellipse(y: Plane, x: Plane, centre: tuple[float, float], radii: tuple[float, float], edge: float) -> Plane:
    """1 inside, 0 outside, with a soft border of relative width `edge`."""
    distance = ((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2
    return np.asarray(1 / (1 + np.exp(np.clip((distance - 1) / edge, -30, 30))), dtype=np.float32)


def _torso(y: Plane, x: Plane, rng: np.random.Generator) -> Plane:
    """Soft tissue, brighter to the abdomen, on a dark background."""
    body = _ellipse(y, x, (0.35, 0.0), (1.6, rng.normal(0.97, 0.04)), 0.06)
    shoulders = _ellipse(y, x, (-0.75, 0.0), (0.35, 1.2), 0.2)
    return np.asarray(15 + 115 * np.maximum(body, 0.8 * shoulders) + 25 * np.clip(y, 0, 1), dtype=np.float32)


def _lungs(y: Plane, x: Plane, rng: np.random.Generator) -> Plane:
    """How much of each pixel is lung; the left lung is the narrower one."""
    height, width = rng.normal(0.68, 0.05), rng.normal(0.32, 0.025)
    offset, lift = rng.normal(0.43, 0.02), rng.normal(-0.08, 0.03)
    right = _ellipse(y, x, (lift, -offset), (height, width), 0.12)
    left = _ellipse(y, x, (lift, offset), (height * 0.97, width * 0.9), 0.12)
    return np.maximum(right, left)


def _ribs(y: Plane, x: Plane, rng: np.random.Generator) -> Plane:
    """Bright arcs that fall off to the sides of the chest."""
    n_ribs, phase, slope = rng.normal(8, 0.6), rng.uniform(0, 2 * np.pi), rng.normal(0.5, 0.06)
    arcs = np.cos(np.pi * n_ribs * (y - slope * x**2) + phase)
    chest = _ellipse(y, x, (-0.05, 0.0), (0.8, 0.85), 0.1)
    return np.asarray(rng.normal(14, 2) * np.clip(arcs, 0, 1) ** 2 * chest, dtype=np.float32)


def _heart_and_spine(y: Plane, x: Plane, rng: np.random.Generator) -> Plane:
    """The bright shadow in the middle, bulging to the patient's left (the image's right)."""
    heart = _ellipse(y, x, (0.28, rng.normal(0.12, 0.02)), (rng.normal(0.36, 0.03), rng.normal(0.33, 0.03)), 0.15)
    spine = np.exp(-((x / rng.normal(0.09, 0.008)) ** 2)) * (1 + 0.12 * np.cos(22 * y))
    return np.asarray(55 * heart + 40 * spine * (1 - 0.5 * heart), dtype=np.float32)


def _opacities(y: Plane, x: Plane, etiology: str, rng: np.random.Generator) -> Plane:
    """Bacterial: one dense focus in one lung. Viral: faint patches in both. Normal: nothing."""
    if etiology == "normal":
        return np.zeros_like(y)
    n, radius, density = (1, 0.24, 60.0) if etiology == "bacteria" else (7, 0.13, 34.0)
    opacity = np.zeros_like(y)
    for _ in range(n):
        centre = rng.uniform(-0.5, 0.4), rng.choice([-1, 1]) * rng.uniform(0.3, 0.55)
        size = radius * rng.uniform(0.8, 1.3)
        opacity += density * np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / size**2)
    return opacity


def _film_noise(shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """Grain of single pixels, and slow unevenness that a network must see past."""
    # Here and not above: SciPy takes longer to load than all of params.yaml to check.
    from scipy.ndimage import gaussian_filter, zoom

    grain = rng.standard_normal(shape, dtype=np.float32) * 4
    coarse = gaussian_filter(rng.standard_normal((12, 12), dtype=np.float32), 1) * 22
    slow = zoom(coarse, (shape[0] / 12, shape[1] / 12), order=1)[: shape[0], : shape[1]]
    padded = np.pad(slow, [(0, shape[0] - slow.shape[0]), (0, shape[1] - slow.shape[1])], mode="edge")
    return grain + padded


SOURCE = Source(
    address="section phantom of params.yaml",
    licence="none needed",
    images="synthetic",
    knows_etiology=True,
    bring=bring,
)
