"""Which prompt says what in which slice."""

from __future__ import annotations

import numpy as np

from LightSegLib.errors import CapabilityError
from LightSegLib.geometry import IndexBox
from LightSegLib.looks import framed
from LightSegLib.prompts import Box, Point, Prompt, PromptSet, Scribble

MAX_SCRIBBLE_POINTS = 16
"""Points that all scribbles of one sign give in a slice; more of them tell a model little and take longer."""


class PlacedPrompts:
    """The prompts of a segment, seen slice by slice across an axis.

    Args:
        prompts: all prompts of the segment.
        axis: the index axis across the slices.
    """

    def __init__(self, prompts: PromptSet, axis: int) -> None:
        self.axis = axis
        self.prompts = prompts
        self.positive = prompts.positive_voxels()
        self.negative = prompts.negative_voxels()
        self._clicks = {point.ijk for point in prompts.points}

    def named_slices(self, prompt: Prompt) -> range:
        """The slices that a prompt is about: for a box the middle one.

        Raises:
            CapabilityError: a text, which names no slice.
        """
        if isinstance(prompt, Point):
            return range(prompt.ijk[self.axis], prompt.ijk[self.axis] + 1)
        if isinstance(prompt, Scribble):
            places = [point[self.axis] for point in prompt.points_ijk]
            return range(min(places), max(places) + 1)
        if isinstance(prompt, Box):
            middle = (prompt.lower_ijk[self.axis] + prompt.upper_ijk[self.axis] - 1) // 2
            return range(middle, middle + 1)
        raise CapabilityError(
            "A text names no slice to begin in",
            "Models of slices are asked with points, boxes and scribbles",
            "Click on the structure instead",
        )

    def all_named_slices(self) -> set[int]:
        """All slices that any prompt is about."""
        return {index for prompt in self.prompts for index in self.named_slices(prompt)}

    def inside_slices(self) -> set[int]:
        """The slices with a positive click or scribble, and the middles of boxes."""
        boxes = (self.named_slices(box)[0] for box in self.prompts.boxes)
        return {*self.positive[:, self.axis].tolist(), *boxes}

    def in_slice(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Voxels (N, 3), IJK, of clicks and along scribbles in a slice; labels int64 (N,), 1 or 0."""
        voxels = [
            self._thinned(signed[signed[:, self.axis] == index]) for signed in (self.positive, self.negative)
        ]
        labels = np.repeat(np.array([1, 0], np.int64), [len(part) for part in voxels])
        return np.concatenate(voxels), labels

    def box_in(self, index: int) -> Box | None:
        """The latest box that reaches into a slice."""
        for box in reversed(self.prompts.boxes):
            if box.lower_ijk[self.axis] <= index < box.upper_ijk[self.axis]:
                return box
        return None

    def binding_boxes(self) -> tuple[Box, ...]:
        """The boxes that the segment must stay in.

        None if one of them is a single slice thick, which says nothing of the other slices, or if there are
        positive clicks beyond them.
        """
        boxes = self.prompts.boxes
        flat = any(box.upper_ijk[self.axis] - box.lower_ijk[self.axis] == 1 for box in boxes)
        return () if flat or not framed(self.positive, boxes).all() else boxes

    def _thinned(self, voxels: np.ndarray) -> np.ndarray:
        """All clicked voxels, and some of the others, evenly."""
        clicked = np.array([tuple(voxel) in self._clicks for voxel in voxels.tolist()], dtype=bool)
        drawn = voxels[~clicked]
        if len(drawn) > MAX_SCRIBBLE_POINTS:
            drawn = drawn[np.linspace(0, len(drawn) - 1, MAX_SCRIBBLE_POINTS).round().astype(int)]
        return np.concatenate([voxels[clicked], drawn])


def named_box(prompt: Prompt) -> IndexBox:
    """The voxels that a prompt names; a single one for a text, which names none."""
    if isinstance(prompt, Box):
        return IndexBox(prompt.lower_ijk, prompt.upper_ijk)
    if isinstance(prompt, Point):
        return box_around(np.array([prompt.ijk]))
    if isinstance(prompt, Scribble):
        return box_around(np.array(prompt.points_ijk))
    return IndexBox((0, 0, 0), (1, 1, 1))


def box_around(voxels: np.ndarray) -> IndexBox:
    """The smallest box around voxels (N, 3), IJK; empty if there are none."""
    if not len(voxels):
        return IndexBox((0, 0, 0), (0, 0, 0))
    lower, upper = voxels.min(axis=0).tolist(), (voxels.max(axis=0) + 1).tolist()
    return IndexBox((lower[0], lower[1], lower[2]), (upper[0], upper[1], upper[2]))
