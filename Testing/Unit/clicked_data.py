"""A data set to click on: two sources with one case each, so small that whole evaluations take a moment."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from LightSegLib.geometry import Volume

SHAPE_KJI = (16, 18, 20)
SOURCES = {"alpha": {"1": "kidney", "2": "spleen"}, "beta": {"1": "kidney"}}


def write_clicked_data(root: Path) -> Path:
    """Write it, all of it for validation; what is labelled is brighter than the noise around it."""
    random = np.random.default_rng(0)
    for source, names in SOURCES.items():
        labels = np.zeros(SHAPE_KJI, np.uint8)
        labels[4:10, 5:12, 6:14] = 1
        if "2" in names:
            labels[11:15, 2:8, 2:8] = 2
        image = ((labels > 0) * 100 + random.integers(0, 30, SHAPE_KJI)).astype(np.int16)
        for name, array in (("images", image), ("labels", labels)):
            (root / source / name).mkdir(parents=True)
            Volume(array, np.eye(4)).write(root / source / name / "c1.nii.gz")
        described = {"label_origin": "manual", "labels": names, "cases": [{"id": "c1"}]}
        (root / source / "dataset.json").write_text(json.dumps(described))
    (root / "split.json").write_text(json.dumps({name: {"train": [], "val": ["c1"]} for name in SOURCES}))
    return root
