"""From looks on coarse grids back to voxels: the proposed mask of one box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from LightSegLib.geometry import IndexBox, sample_back
from LightSegLib.looks import Look
from LightSegLib.prompts import Box
from LightSegLib.zoom import covered


def paste(
    looks: Sequence[Look], current: np.ndarray, held: IndexBox | None
) -> tuple[IndexBox, np.ndarray, np.ndarray]:
    """Paste looks into the smallest box around everything they may change; later looks win.

    The logits are interpolated linearly, inside that box only, and then thresholded, so a coarse answer
    still has a smooth border.

    Args:
        looks: the coarsest first.
        current: bool (K, J, I) of the image.
        held: a box around `current`, None if it is empty.

    Returns:
        The box, bool (K, J, I) mask and float32 (K, J, I) probability of it.
    """
    shape_ijk = current.shape[::-1]
    box = IndexBox((0, 0, 0), (0, 0, 0))
    for look in looks:
        region = look.grid.box(shape_ijk)
        for part in (covered(look.logits > 0, look.grid, shape_ijk), held):
            if part is not None:
                box = box.union(part.intersect(region))
    mask = current[box.slices].copy()
    probability = mask.astype(np.float32)
    for look in looks:
        part = look.grid.box(shape_ijk).intersect(box)
        if not part.is_empty:
            logits = sample_back(look.logits, look.grid, part)
            place = part.slices_in(box)
            mask[place] = logits > 0
            probability[place] = 0.5 * (1 + np.tanh(0.5 * logits))
    return box, mask, probability


def cut_to_boxes(
    box: IndexBox, mask: np.ndarray, current: np.ndarray, drawn: Sequence[Box], slack: float
) -> None:
    """Take away what is new and beyond every drawn box, grown by `slack` of its size; changes `mask`."""
    allowed = current[box.slices].copy()
    for prompt in drawn:
        frame = IndexBox(prompt.lower_ijk, prompt.upper_ijk)
        frame = frame.expand([int(np.ceil(n * slack)) for n in frame.shape_ijk]).intersect(box)
        if not frame.is_empty:
            allowed[frame.slices_in(box)] = True
    mask &= allowed
