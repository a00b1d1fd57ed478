"""A training sample: one cube to learn from, perhaps a closer one, perhaps a name; and how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from LightSegLib.models.build import image_channels
from LightSegLib.training.companions import Shown, seen
from LightSegLib.training.recipe import Recipe
from LightSegLib.training.scenes import Scene
from LightSegLib.training.text_plan import TextPlan

MIN_TARGET_VOXELS = 30


@dataclass(frozen=True)
class Closer:
    """A second, closer cube of the same scene, as refinement sees it.

    Attributes:
        image, target, valid: as in `Sample`.
        centre_kji: its centre in samples of the wider cube.
        zoom: how many of its samples fit into one sample of the wider cube.
        companions: as in `Sample`.
    """

    image: Tensor
    target: Tensor
    valid: Tensor
    centre_kji: np.ndarray
    zoom: float
    companions: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One cube to learn from: image -1 to 1, target and valid 0 or 1, float32 (D, H, W) each.

    `companions` are the further channels of the image; one that was not acquired is -1 everywhere. `text` is
    the embedding (T,) of a name, or None; the target is empty where it names something that is not there.
    `prompted` tells whether the interaction begins with a click or the like, and not with the text alone.
    """

    image: Tensor
    target: Tensor
    valid: Tensor
    closer: Closer | None
    companions: tuple[Tensor, ...] = ()
    text: Tensor | None = None
    prompted: bool = True


@dataclass(frozen=True)
class SamplingPlan:
    """How samples are drawn.

    Attributes:
        size: samples along the cube's edge.
        kinds: probability of "real", "recoloured", "supervoxel" and "shapes".
        source_weights: relative frequency of a source; 1 where none is given.
        closer: probability that a real sample comes with a closer cube.
        extent_range: see `draw_scene`.
        plain: share of the real samples that look as in a session: upright, in the case's own contrast.
        channels: of the image, 1 or 2; see `training.companions` for what the second one shows.
        text: how real samples are named; None for training without text.
    """

    size: int
    kinds: Mapping[str, float]
    source_weights: Mapping[str, float]
    closer: float = 0.35
    extent_range: Sequence[float] = (0.15, 1.15)
    plain: float = 0.0
    channels: int = 1
    text: TextPlan | None = None

    @classmethod
    def of(cls, recipe: Recipe) -> SamplingPlan:
        """The plan of a recipe."""
        return cls(
            recipe.patch,
            recipe.kinds,
            recipe.source_weights,
            recipe.closer,
            recipe.extent_range,
            recipe.plain,
            image_channels(recipe.architecture),
            TextPlan.of(recipe.text),
        )


def closer_cube(
    scene: Scene, size: int, centre_kji: np.ndarray, zoom: float, seed: int | None, shown: Shown | None
) -> Closer | None:
    """A closer cube of a scene; None if it shows too little of the structure.

    Args:
        scene: as the wider cube shows it.
        size: samples along the edge of either cube.
        centre_kji: its centre in samples of the wider cube.
        zoom: how much closer.
        seed, shown: as the wider cube was shown, see `companions.seen`.
    """
    step = scene.edge / size
    offset = torch.from_numpy((centre_kji - (size - 1) / 2).astype(np.float32)) * step
    middle = scene.centre + (scene.rotation * scene.stretch[None, :]) @ offset
    near = scene.render(size, middle, scene.edge / zoom)
    if near.target.sum() < MIN_TARGET_VOXELS:
        return None
    image, companions = seen(near, seed, shown)
    return Closer(image, near.target, near.valid, centre_kji, zoom, companions)
