"""Objects that look like an example, proposed and not yet part of any segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from LightSegLib.geometry import IJK, IndexBox

if TYPE_CHECKING:
    from LightSegLib.segments import Knowledge

ALIKE_OVERLAP = 0.3
"""Share of the smaller of two proposals that they may have in common."""


@dataclass(frozen=True)
class SimilarObject:
    """One object that looks like the example.

    Attributes:
        place_ijk: the voxel where the model was asked, inside the object.
        box: tight half-open IJK box around the mask.
        mask: bool (K, J, I) of the box, read-only.
        similarity: likeness of its grey values to the example's, 0 to 1.
        shape: Dice coefficient of both, laid over each other and not turned, 0 to 1.
        size_ratio: its volume over the example's.
        expected_dice: the Dice coefficient that the model expects of the mask, 0 to 1.
        confidence: all of these in one number, 0 to 1, by which proposals are sorted.
        example: name of the segment that it looks like.
        knowledge: what a session that takes it knows of it: the click, and how to go on from there.
        image_number: which of its session's images it was found in.
    """

    place_ijk: IJK
    box: IndexBox
    mask: np.ndarray
    similarity: float
    shape: float
    size_ratio: float
    expected_dice: float
    confidence: float
    example: str
    knowledge: Knowledge
    image_number: int

    def overlap(self, other: SimilarObject) -> float:
        """Voxels in common with another one, as a share of the smaller of both."""
        common = self.box.intersect(other.box)
        if common.is_empty:
            return 0.0
        both = self.mask[common.slices_in(self.box)] & other.mask[common.slices_in(other.box)]
        return float(both.sum()) / max(1, min(int(self.mask.sum()), int(other.mask.sum())))


def best_of(candidates: list[SimilarObject], limit: int) -> list[SimilarObject]:
    """The candidates of highest confidence that are not the same object, at most `limit`, sorted."""
    chosen: list[SimilarObject] = []
    for candidate in sorted(candidates, key=lambda found: -found.confidence):
        if all(candidate.overlap(better) <= ALIKE_OVERLAP for better in chosen):
            chosen.append(candidate)
    return chosen[:limit]
