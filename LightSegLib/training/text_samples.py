"""Samples with a text: a structure by its name, upright, from afar or close; or the name of an absent one."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from LightSegLib.training import poses
from LightSegLib.training.companions import Shown, acquired, seen
from LightSegLib.training.names import Names
from LightSegLib.training.pack import PackedCase
from LightSegLib.training.sample import MIN_TARGET_VOXELS, Closer, Sample, SamplingPlan, closer_cube
from LightSegLib.training.scenes import Scene, View
from LightSegLib.training.text_plan import TextPlan
from LightSegLib.zoom import ZoomSettings

REFINED = (0.25, 1.1)
"""Longest extent of the object over the cube's edge where a session refines what a text found."""
SMALLEST_FIELD = 0.5
"""A look from afar shows at least this share of the field of view's longest edge."""
LEAST_CLOSER = 1.2


class Beginning(NamedTuple):
    """How an interaction begins.

    Attributes:
        structure: id of what the text names.
        prompted: whether a first prompt comes with the text.
    """

    structure: str
    prompted: bool


class TextSamples:
    """Draws samples with a text.

    Args:
        names: of the structures.
        plan: of all samples.
        text: of those with a text.
    """

    def __init__(self, names: Names, plan: SamplingPlan, text: TextPlan) -> None:
        self.names = names
        self.plan = plan
        self.text = text

    def beginning(self, case: PackedCase, value: int, random: np.random.Generator) -> Beginning | None:
        """Whether and how a text begins the interaction on a structure; None for one without text."""
        chance = random.random()
        structure = self.names.of(case, value)
        if structure is None or chance >= self.text.alone + self.text.with_prompt:
            return None
        return Beginning(structure.id, chance >= self.text.alone)

    def draw(
        self, case: PackedCase, value: int, beginning: Beginning, plain: bool, random: np.random.Generator
    ) -> Sample | None:
        """One sample, or None when the random pose shows too little of the structure.

        Args:
            case, value: the structure.
            beginning: what `beginning` said of it.
            plain: show it as a session does, upright and in the case's own contrast; else tilted a little, in
                a random contrast.
            random: source of all randomness.
        """
        size = self.plan.size
        whole = not beginning.prompted and random.random() < self.text.whole
        scene = draw_text_scene(case, value, size, random, whole=whole, plain=plain)
        view = scene.render(size)
        if whole and view.target.sum() < MIN_TARGET_VOXELS:  # nobody could find it from that far
            whole = False
            scene = draw_text_scene(case, value, size, random, whole=whole, plain=plain)
            view = scene.render(size)
        if view.target.sum() < MIN_TARGET_VOXELS:
            return None
        seed = None if plain else int(random.integers(2**31))
        shown = acquired(view, random) if self.plan.channels > 1 else None
        image, companions = seen(view, seed, shown)
        sample = Sample(image, view.target, view.valid, None, companions, prompted=beginning.prompted)
        if not beginning.prompted and random.random() < self.text.wrong:
            absent = self.names.absent(case, scene, random)
            if absent is not None:
                text = self.names.draw(absent, self.text.noise, random)
                return replace(sample, target=torch.zeros_like(view.target), text=text)
        closer = None
        if whole or random.random() < self.plan.closer:
            closer = _refined(scene, view, size, seed, shown, random)
        text = self.names.draw(beginning.structure, self.text.noise, random)
        return replace(sample, closer=closer, text=text)


def draw_text_scene(
    case: PackedCase, value: int, size: int, random: np.random.Generator, *, whole: bool, plain: bool
) -> Scene:
    """Draw a pose for a structure that is told by its name: upright and never mirrored, as names have sides.

    Args:
        case: where the structure is.
        value: its label.
        size: samples along the cube's edge.
        random: source of all randomness.
        whole: show all of the case, or most of it, with the object anywhere; else the object from a quarter
            to a little more than the cube's edge.
        plain: exactly upright, with thick slices as a session shows them; else tilted and stretched a little.
    """
    spacing = np.array(case.spacing_kji, dtype=np.float32)
    inside = np.argwhere(case.label_map == value)
    lower, upper = inside.min(axis=0), inside.max(axis=0) + 1
    field = spacing * case.label_map.shape
    finest = float(spacing.min()) * ZoomSettings.finest * size
    widest = max(float(field.max()), finest)
    if whole:
        edge = widest * (1.0 if random.random() < 0.5 else float(random.uniform(SMALLEST_FIELD, 1.0)))
        reach = edge / 2 * random.uniform(-0.9, 0.9, 3)
        centre = inside[random.integers(len(inside))] * spacing + reach
    else:
        share = float(np.exp(random.uniform(*np.log(REFINED))))
        edge = min(float(((upper - lower) * spacing).max()) / share, widest)
        centre = (lower + upper - 1) / 2 * spacing + random.normal(0, 0.08, 3) * edge
    edge = max(edge, finest)
    rotation = poses.upright(case.orientation)
    stretch = poses.session_stretch(np.abs(rotation).T @ spacing, edge / size)
    half = np.abs(rotation) @ stretch * edge / 2
    centre = _looking_inside(centre, half, spacing, field)
    if not plain:
        rotation, stretch = poses.nearly_upright(case.orientation, random), poses.random_stretch(random)
    return Scene.of(case, value, rotation, stretch, centre, edge)


def _looking_inside(
    centre: np.ndarray, half: np.ndarray, spacing: np.ndarray, field: np.ndarray
) -> np.ndarray:
    """The centre (3,) in mm moved so that the cube looks beyond the case as little as it can, as a session
    moves its regions.
    """
    low, high = half - spacing / 2, field - spacing / 2 - half
    return np.where(low <= high, np.clip(centre, low, np.maximum(low, high)), (low + high) / 2)


def _refined(
    scene: Scene, view: View, size: int, seed: int | None, shown: Shown | None, random: np.random.Generator
) -> Closer | None:
    """The region that a session looks at next, fitted to the object; None if that is no closer."""
    voxels = view.target.nonzero()
    lower, upper = voxels.amin(dim=0).numpy(), voxels.amax(dim=0).numpy()
    share = float(np.exp(random.uniform(*np.log(REFINED))))
    closest = scene.edge / (size * float(scene.spacing.min()) * ZoomSettings.finest)
    zoom = min(share * size / float((upper - lower + 1).max()), closest)
    if zoom < LEAST_CLOSER:
        return None
    centre = (lower + upper) / 2 + random.normal(0, 0.08, 3) * size / zoom
    return closer_cube(scene, size, centre, zoom, seed, shown)
