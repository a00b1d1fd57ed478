"""Drawing slices to learn from: of the same cases, and of the same kinds, as samples of volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from LightSegLib.errors import VolumeError
from LightSegLib.training import synthesis
from LightSegLib.training.appearance import vary
from LightSegLib.training.companions import ABSENT, seen
from LightSegLib.training.samples import Sample, SampleStream
from LightSegLib.training.scenes import View
from LightSegLib.training.slice_scenes import SliceScene, draw_slice

MIN_TARGET_PIXELS = 24
LAST = 0.4
"""Share of the samples with a neighbour that show where the structure ends: a session follows it until there,
and the network has to say so.
"""
FARTHEST = 6
"""Slices that a sample goes on for at most: in a session errors add up from slice to slice, and the network
has to have met its own.
"""


@dataclass(frozen=True)
class SliceSample(Sample):
    """One slice to learn from. As in `Sample`, but (H, W) each, and there is no closer one.

    Attributes:
        beside: the neighbouring slice in the same square, as propagation comes to it, and so on; its target
            is empty where the structure has ended, which is the last one. None if the sample goes no further.
    """

    beside: SliceSample | None = None


class SliceStream(SampleStream):
    """An endless stream of slices; every worker draws its own. See `SampleStream`."""

    def draw(self, random: np.random.Generator) -> SliceSample | None:
        """One sample, or None when the square shows too little of the structure."""
        kind = str(random.choice(list(self.plan.kinds), p=self.kind_probability))
        if kind == "shapes":
            image, target = synthesis.shape_world(self.plan.size, random, axes=2)
            return _made_up(image, target, torch.ones_like(target), random)
        plain = kind == "real" and random.random() < self.plan.plain
        onwards = int(random.choice([-1, 1])) if random.random() < self.plan.closer else 0
        last = onwards if random.random() < LAST else 0
        case, value = self._structure(random)
        try:
            scene = draw_slice(
                case,
                value,
                self.plan.size,
                random,
                extent_range=self.plan.extent_range,
                upright=plain,
                last=last,
            )
        except VolumeError:  # too narrow to be sliced; there are other cases
            return None
        view = scene.render(self.plan.size)
        if kind == "supervoxel":
            region = synthesis.supervoxel(view.image, random)
            target = torch.zeros_like(view.valid) if region is None else region * view.valid
            return _made_up(view.image, target, view.valid, random)
        if kind == "recoloured":
            image = synthesis.recolour(view.image, view.labels, random)
            return _made_up(image, view.target, view.valid, random)
        return self._sliced(scene, view, plain, onwards, random)

    def _sliced(
        self, scene: SliceScene, view: View, plain: bool, onwards: int, random: np.random.Generator
    ) -> SliceSample | None:
        if view.target.sum() < MIN_TARGET_PIXELS:
            return None
        seed = None if plain else int(random.integers(2**31))
        beside = None
        if onwards:
            steps = [onwards * step for step in range(1, 2 + int(random.integers(FARTHEST)))]
            beside = _following(scene, view, steps, seed)
        return SliceSample(_shown(view, seed), view.target, view.valid, closer=None, beside=beside)


def _following(scene: SliceScene, view: View, steps: Sequence[int], seed: int | None) -> SliceSample | None:
    """The slices that many steps away from a scene's own, one behind the other, up to the first without the
    structure or the image's end.
    """
    planes = scene.case.image.shape[2 - scene.axis]
    if not steps or not 0 <= scene.index + steps[0] < planes:
        return None
    there = scene.render(view.image.shape[-1], scene.index + steps[0])
    ended = not there.target.any()
    # Contrast is kept where the structure was last seen: next door it may have ended.
    image = _shown(replace(there, target=view.target) if ended else there, seed)
    beside = None if ended else _following(scene, there, steps[1:], seed)
    return SliceSample(image, there.target, there.valid, closer=None, beside=beside)


def _shown(view: View, seed: int | None) -> Tensor:
    """The image of a view as the network sees it, in the appearance of a seed; in its own without one."""
    return _framed(seen(view, seed, None)[0], view.valid)


def _framed(image: Tensor, valid: Tensor) -> Tensor:
    """An image, and beyond its edges what a session shows there."""
    return image.masked_fill(valid < 0.5, ABSENT)


def _made_up(image: Tensor, target: Tensor, valid: Tensor, random: np.random.Generator) -> SliceSample | None:
    if target.sum() < MIN_TARGET_PIXELS:
        return None
    return SliceSample(_framed(vary(image, target, random), valid), target, valid, closer=None)
