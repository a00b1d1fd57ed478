"""Does an accepted segment stay as it is, bit for bit, whatever is clicked elsewhere afterwards?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from LightSegLib.geometry import IJK, IndexBox

if TYPE_CHECKING:
    from LightSegLib.session import InteractiveSession

FAR_CLICKS = 10
FAR_VOXELS = (10, 5, 1, 0)
"""Outside the segment's box, grown by so many voxels; the next number where an image has no such place."""
_TRIES = 2000


def far_clicks_change_nothing(
    session: InteractiveSession, random: np.random.Generator, clicks: int = FAR_CLICKS
) -> bool | None:
    """Accept the active segment, click elsewhere in another one, and compare.

    The first click is positive, the others are positive or negative at random. Afterwards the session is as
    it was: the other segment is gone, the first one active and open.

    Args:
        session: its active segment is judged.
        random: where the numbers come from.
        clicks: how many.

    Returns:
        Whether every voxel of the accepted segment is what it was; None if the segment is empty or leaves no
        voxel outside its box.
    """
    name = session.active_segment
    before = session.mask.copy()
    box = IndexBox.of_mask(before)
    voxels = [] if box is None else far_voxels(box, before.shape[::-1], random, clicks)
    if not voxels:
        return None
    session.accept(name)
    other = session.add_segment()
    try:
        for number, voxel in enumerate(voxels):
            session.add_point(voxel, positive=number == 0 or bool(random.integers(2)))
        return bool(np.array_equal(before, session.segment_mask(name)))
    finally:
        session.remove_segment(other)
        session.reopen(name)
        session.active_segment = name


def far_voxels(
    box: IndexBox, shape_ijk: tuple[int, ...], random: np.random.Generator, count: int
) -> list[IJK]:
    """Draw voxels of an image that lie far from a box.

    Args:
        box: what to stay away from.
        shape_ijk: of the image.
        random: where the numbers come from.
        count: how many; the same voxel may come twice.

    Returns:
        None of them if the box leaves (nearly) nothing of the image.
    """
    drawn = random.integers(0, shape_ijk, size=(_TRIES, 3))
    for margin in FAR_VOXELS:
        near = box.expand(margin)
        far = drawn[np.any((drawn < near.lower) | (drawn >= near.upper), axis=1)]
        if len(far) >= count:
            return [(i, j, k) for i, j, k in far[:count].tolist()]
    return []
