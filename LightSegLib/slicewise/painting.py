"""From slices back to a box of voxels: what a slice-wise segmenter answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LightSegLib.geometry import IndexBox
from LightSegLib.regions import Answer
from LightSegLib.slicewise.looking import Found
from LightSegLib.slicewise.window import slab


@dataclass(frozen=True)
class _Painted:
    """New content of a part of one slice; mask and probability are (K, J, I) of the box."""

    box: IndexBox
    mask: np.ndarray
    probability: np.ndarray
    confidence: float


class Painting:
    """New content for slices of a mask, gathered until the answer is whole; the mask itself is not changed.

    Args:
        axis: the index axis across the slices.
        current: bool (K, J, I) of the image, the segment's mask so far.
    """

    def __init__(self, axis: int, current: np.ndarray) -> None:
        self.axis = axis
        self.current = current
        self.shape_ijk = current.shape[::-1]
        self.held = IndexBox.of_mask(current)
        self._painted: list[_Painted] = []

    def held_in(self, index: int) -> IndexBox | None:
        """A box around the mask so far in a slice; None where it is empty."""
        if self.held is None:
            return None
        box = self.held.intersect(slab(self.axis, index, self.shape_ijk))
        tight = IndexBox.of_mask(self.current[box.slices])
        if tight is None:
            return None
        i, j, k = box.lower
        lower, upper = tight.lower, tight.upper
        return IndexBox(
            (lower[0] + i, lower[1] + j, lower[2] + k), (upper[0] + i, upper[1] + j, upper[2] + k)
        )

    def paint(self, found: Found) -> IndexBox | None:
        """Take what was found in a slice, in place of what the mask has there within the same window.

        Returns:
            A box around what was found; None if that is nothing.
        """
        window = found.window
        fresh = window.covered(found.mask, self.shape_ijk)
        held = self.held_in(window.index)
        area = IndexBox((0, 0, 0), (0, 0, 0))
        for part in (fresh, held):
            if part is not None:
                area = area.union(part.intersect(window.box(self.shape_ijk)))
        if not area.is_empty:
            logits = window.back(found.logits, area)
            probability = (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float16)
            self._painted.append(_Painted(area, logits > 0, probability, found.confidence))
        return fresh

    def clear(self, index: int) -> bool:
        """Empty a slice; false if it was empty already."""
        held = self.held_in(index)
        if held is None:
            return False
        shape = held.shape_ijk[::-1]
        self._painted.append(_Painted(held, np.zeros(shape, dtype=bool), np.zeros(shape, np.float16), 0.0))
        return True

    def answer(self, named: IndexBox, network_seconds: float) -> Answer:
        """All that was painted, in one box; where nothing was, the box `named`, unchanged.

        The confidence is the mean over the voxels inside.
        """
        box = IndexBox((0, 0, 0), (0, 0, 0))
        for part in self._painted:
            box = box.union(part.box)
        if box.is_empty:
            box = named
        mask = self.current[box.slices].copy()
        probability = mask.astype(np.float32)
        expected, voxels = 0.0, 0
        for part in self._painted:
            place = part.box.slices_in(box)
            mask[place] = part.mask
            probability[place] = part.probability
            count = int(part.mask.sum())
            expected += part.confidence * count
            voxels += count
        return Answer(box, mask, probability, expected / voxels if voxels else 0.0, network_seconds)
