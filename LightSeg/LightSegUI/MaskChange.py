"""The change from one mask to another, as the segment writer takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from LightSegLib.geometry import IndexBox

if TYPE_CHECKING:
    import numpy as np

    from LightSegLib.session import Change


def replacement(segmentId: str, before: np.ndarray, after: np.ndarray) -> Change:
    """What has to be written for a segment to hold another mask.

    Args:
        segmentId: the segment.
        before, after: bool (K, J, I) of the whole image.
    """
    from LightSegLib.session import Change

    flips = before ^ after
    box = IndexBox.of_mask(flips) or IndexBox((0, 0, 0), (0, 0, 0))
    part = box.slices
    return Change(box, after[part], 0.0, 1.0, segmentId, flips[part])
