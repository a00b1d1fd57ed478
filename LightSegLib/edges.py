"""Snapping the border of a mask to the edges of the image, voxel by voxel.

A network draws borders on its own grid, and a little smoother than organs are. Around the border the mask is
explained by the grey values, as locally as the object is small: f = a I + b, least squares in a Gaussian
window (guided filter, He, Sun and Tang, "Guided Image Filtering", IEEE TPAMI 35, 2013, equations 5 to 8).
Of the voxels on both sides of the border those with the highest f belong to the object, as many as before,
so that it neither grows nor shrinks. Voxels that would then stand alone, as noise makes them, stay where they
were.

The coefficients vary slowly, so large objects get them on a coarser grid (the same authors' "Fast Guided
Filter", arXiv 1505.00996).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

WINDOW = 0.15
"""Standard deviation of the window over the object's thickness, which is the radius of a ball."""
WINDOW_RANGE = (0.6, 3.0)
"""Smallest and largest standard deviation in voxels."""
FLATNESS = 0.03
"""Variance of grey values, -1 to 1, below which a place has no edge to snap to."""
STAY = 0.02
"""What keeps a voxel on its side where the image tells nothing."""
COMPANY = 3
"""Of the six voxels that share a face with one that moves, at least so many are on its new side."""
_CUT = 2.5
"""Standard deviations after which a window ends."""

Grey = Callable[[NDArray[Any]], NDArray[np.float32]]


def snap_to_edges(mask: NDArray[np.bool_], image: NDArray[Any], normalise: Grey) -> NDArray[np.bool_]:
    """Move the border of a mask by at most one voxel to where the image has its edge.

    Args:
        mask: bool (K, J, I).
        image: grey values (K, J, I) of any real type; read around the border and on a coarse grid only.
        normalise: from grey values to -1 to 1.

    Returns:
        Bool (K, J, I), with about as many voxels as `mask`; `mask` itself where it is empty or full.
    """
    band = border_band(mask)
    voxels = np.nonzero(band)
    inside = mask[voxels]
    count = int(np.count_nonzero(inside))
    if not 0 < count < len(inside):
        return mask
    thickness = 3 * np.count_nonzero(mask) / count  # of a ball of radius r, 4/3 pi r^3 over 4 pi r^2
    window = float(np.clip(WINDOW * thickness, *WINDOW_RANGE))
    step = max(1, int(window))
    coarse = (slice(None, None, step),) * 3
    slope, offset = _coefficients(mask[coarse].astype(np.float32), normalise(image[coarse]), window / step)
    places = np.stack(voxels) / step
    value = _at(slope, places, step) * normalise(image[voxels]) + _at(offset, places, step)
    value += STAY * inside
    chosen = np.zeros(len(inside), bool)
    chosen[np.argpartition(value, -count)[-count:]] = True
    snapped = mask.copy()
    snapped[voxels] = chosen
    moved = tuple(axis[chosen != inside] for axis in voxels)
    alone = _company(snapped, moved) < COMPANY
    back = tuple(axis[alone] for axis in moved)
    snapped[back] = mask[back]
    return snapped


def _company(mask: NDArray[np.bool_], voxels: tuple[NDArray[np.intp], ...]) -> NDArray[np.intp]:
    """How many of the six voxels beside each one are on its side of the border; what lies beyond the array
    is as its outermost voxels.
    """
    side = mask[voxels]
    count = np.zeros(len(side), np.intp)
    for axis, length in enumerate(mask.shape):
        for step in (-1, 1):
            beside = list(voxels)
            beside[axis] = np.clip(voxels[axis] + step, 0, length - 1)
            count += mask[tuple(beside)] == side
    return count


def border_band(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels (K, J, I) that share a face with one on the other side of the border."""
    band = np.zeros_like(mask)
    for axis in range(3):
        before = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        after = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        crossing = mask[before] ^ mask[after]
        band[before] |= crossing
        band[after] |= crossing
    return band


def _coefficients(
    mask: NDArray[np.float32], grey: NDArray[np.float32], window: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Slope and offset of the local explanation, each averaged over the window once more."""
    mean_grey, mean_mask = _smooth(grey, window), _smooth(mask, window)
    covariance = _smooth(grey * mask, window) - mean_grey * mean_mask
    variance = _smooth(grey * grey, window) - mean_grey * mean_grey
    slope = (covariance / (variance + FLATNESS)).astype(np.float32, copy=False)
    offset = (mean_mask - slope * mean_grey).astype(np.float32, copy=False)
    return _smooth(slope, window), _smooth(offset, window)


def _smooth(values: NDArray[np.float32], window: float) -> NDArray[np.float32]:
    from scipy import ndimage

    smooth: NDArray[np.float32] = ndimage.gaussian_filter(values, window, mode="nearest", truncate=_CUT)
    return smooth


def _at(values: NDArray[np.float32], places: NDArray[np.float64], step: int) -> NDArray[np.float32]:
    """Values of the coarse grid, interpolated linearly at places (3, N) in its own coordinates."""
    from scipy import ndimage

    if step == 1:
        whole: NDArray[np.float32] = values[tuple(places.astype(np.intp))]
        return whole
    found: NDArray[np.float32] = ndimage.map_coordinates(values, places, order=1, mode="nearest")
    return found
