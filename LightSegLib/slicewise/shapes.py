"""Where to point at in a mask of a slice."""

from __future__ import annotations

import numpy as np


def deepest_points(mask: np.ndarray, parts: int) -> np.ndarray:
    """The pixels farthest from the border, one of each of the largest separate parts.

    Args:
        mask: bool (H, W).
        parts: how many parts at most.

    Returns:
        float64 (N, 2), x and y, the largest part first.
    """
    from scipy import ndimage

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size or not parts:
        return np.zeros((0, 2))
    top, left = int(rows[0]), int(columns[0])
    # The border of the array is a border of the mask, too.
    crop = np.pad(mask[top : rows[-1] + 1, left : columns[-1] + 1], 1)
    labels, count = ndimage.label(crop)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    depth = ndimage.distance_transform_edt(crop)
    chosen = 1 + np.argsort(-sizes, kind="stable")[:parts]
    places = np.array(ndimage.maximum_position(depth, labels, chosen), dtype=np.float64)
    return places[:, ::-1] + (left - 1, top - 1)
