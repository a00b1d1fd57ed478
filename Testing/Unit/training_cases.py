"""For tests of training: made-up cases, a bright ball on a darker ground, and the smallest recipe."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace

import numpy as np
from tiny_model import ARCHITECTURE, PATCH

from LightSegLib.errors import Cancelled
from LightSegLib.training import trainer as training
from LightSegLib.training.pack import PackedCase
from LightSegLib.training.recipe import Recipe

BRIGHT, DARK = 200, 60


def mm_from(shape, spacing, point):
    """Distance of every voxel centre from a point in mm along the axes, array order."""
    axes = [np.arange(n) * mm - p for n, mm, p in zip(shape, spacing, point, strict=True)]
    k, j, i = np.meshgrid(*axes, indexing="ij")
    return np.sqrt(k**2 + j**2 + i**2)


def ball_case(
    shape=(24, 30, 36), spacing=(3.0, 1.5, 1.0), centre=(40.0, 20.0, 22.0), radius=8.0, source="balls", seed=0
):
    """A case with one ball, label 1; positions in mm along the case's axes, array order."""
    ball = mm_from(shape, spacing, centre) <= radius
    noise = np.random.default_rng(seed).integers(-15, 16, shape)
    return PackedCase(
        source=source,
        identifier=f"{source}-{seed}",
        group=f"person-{seed}",
        spacing_kji=spacing,
        labels={1: "ball"},
        modality="CT",
        licence="CC0-1.0",
        origin="made up",
        image=(np.where(ball, BRIGHT, DARK) + noise).astype(np.uint8),
        label_map=ball.astype(np.uint8),
    )


def tiny_recipe(**entries):
    """A recipe of the smallest network that is one."""
    usual = {
        "model_id": "tiny",
        "title": "Tiny",
        "architecture": ARCHITECTURE,
        "patch": PATCH,
        "minutes": 10.0,
        "batch": 1,
    }
    return Recipe(**{**usual, **entries})


class TenStepsPerSecond:
    """A clock for the trainer by which every step takes a tenth of a second.

    Args:
        monkeypatch: pytest's, which takes the clock away again.
    """

    def __init__(self, monkeypatch):
        ticks = count()
        clock = SimpleNamespace(perf_counter=lambda: next(ticks) / 10)
        monkeypatch.setattr(training, "time", clock)

    @staticmethod
    def minutes(steps):
        """The time in which that many steps are made, and no more."""
        return (steps - 0.5) / 600


def stop_after(steps):
    """For `Trainer.run`: cancel when that many steps were made."""
    left = iter(range(steps - 1))

    def check():
        if next(left, None) is None:
            raise Cancelled("Stopped")

    return check
