"""From a map of likeness to places: its peaks at the size of the example, apart from each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def stand_out(likeness: np.ndarray, radius_cells_kji: np.ndarray, contrast: float) -> np.ndarray:
    """Weigh a map at the size of an object: alike all over it, and more so than around it.

    Args:
        likeness: float32 (K, J, I), -1 to 1.
        radius_cells_kji: radius of a ball of the object's volume, in cells along each axis.
        contrast: how much the difference from the surroundings counts beside the likeness itself.

    Returns:
        float32 (K, J, I).
    """
    from scipy.ndimage import gaussian_filter

    inner: np.ndarray = gaussian_filter(likeness, 0.5 * radius_cells_kji, mode="nearest")
    if contrast == 0:
        return inner
    outer = gaussian_filter(likeness, 1.2 * radius_cells_kji, mode="nearest")
    inner += contrast * (inner - outer)
    return inner


def peaks(
    scores: np.ndarray, blocked: np.ndarray, distance_cells_kji: np.ndarray
) -> Iterator[tuple[tuple[int, int, int], float]]:
    """The peaks of a map, the highest first, each apart from all before.

    Args:
        scores: (K, J, I).
        blocked: bool (K, J, I), where no peak may be.
        distance_cells_kji: how far apart, in cells along each axis.

    Yields:
        The cell (k, j, i) and its score; it ends where nothing is left.
    """
    left = np.where(blocked, -np.inf, scores)
    reach = np.ceil(distance_cells_kji).astype(int)
    while True:
        k, j, i = (int(place) for place in np.unravel_index(int(np.argmax(left)), left.shape))
        score = float(left[k, j, i])
        if score == -np.inf:
            return
        yield (k, j, i), score
        near = tuple(
            slice(max(0, place - far), min(place + far + 1, length))
            for place, far, length in zip((k, j, i), reach, left.shape, strict=True)
        )
        offsets = np.ogrid[near]
        square = sum(
            ((axis - place) / far) ** 2
            for axis, place, far in zip(offsets, (k, j, i), np.maximum(distance_cells_kji, 0.5), strict=True)
        )
        left[near][square <= 1] = -np.inf
