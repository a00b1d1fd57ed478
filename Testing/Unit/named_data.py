"""Data for tests of names: a trunk with kidneys that one can see, spleen and liver that not, and a head."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from grey_model import ball, picture
from reading_model import LEFT, RIGHT, TRUTH
from region_cases import SHAPE

from LightSegLib.geometry import Volume

SOURCE = "totalseg_examples_ct"
"""A source whose labels the vocabulary knows."""
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])
NAMES = {"1": "right kidney", "2": "left kidney", "3": "spleen", "4": "liver"}


def write_named_data(root: Path) -> Path:
    """Write it, all of it for validation. The head shows the same as the trunk, where no kidney can be."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[ball(SHAPE, LEFT, 9)], labels[ball(SHAPE, RIGHT, 7)] = 1, 2
    labels[2:6, 2:6, 2:6], labels[80:84, 2:6, 2:6] = 3, 4
    heads = np.zeros(SHAPE, np.uint8)
    heads[40:44, 40:44, 40:44] = 1
    image = picture(TRUTH).array
    write_source(root / SOURCE, image, labels, NAMES)
    write_source(root / "hippocampus_mr", image, heads, {"1": "anterior hippocampus"})
    return write_split(root)


def write_source(folder: Path, image: np.ndarray, labels: np.ndarray, names: dict[str, str]) -> None:
    """Write a source with one case, "c1"."""
    for name, array in (("images", image), ("labels", labels)):
        (folder / name).mkdir(parents=True)
        Volume(array, AFFINE).write(folder / name / "c1.nii.gz")
    described = {"label_origin": "manual", "labels": names, "cases": [{"id": "c1"}]}
    (folder / "dataset.json").write_text(json.dumps(described))


def write_split(root: Path) -> Path:
    """Write a split in which all sources are for validation."""
    split = {path.parent.name: {"train": [], "val": ["c1"]} for path in sorted(root.glob("*/dataset.json"))}
    (root / "split.json").write_text(json.dumps(split))
    return root
