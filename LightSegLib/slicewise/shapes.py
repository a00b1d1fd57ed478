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


def refused_parts(before: np.ndarray, now: np.ndarray, clicks: np.ndarray, deep: float) -> np.ndarray:
    """What a model leaves of parts that somebody clicked away near their middle.

    Args:
        before: bool (H, W), the mask that was clicked.
        now: bool (H, W), the model's answer. Where it keeps less than half of a part it has given way, and
            nothing more is refused.
        clicks: (N, 2), x and y of the clicks, in the mask's pixels; those beside it refuse nothing.
        deep: how deep a click must lie, as a share of the depth of its part's innermost pixel.

    Returns:
        Bool (H, W), the parts of the answer that touch such a part.
    """
    from scipy import ndimage

    refused = np.zeros_like(now)
    height, width = before.shape
    columns, rows = np.round(clicks).astype(int).T
    within = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    places = [place for place in zip(rows[within], columns[within], strict=True) if before[place]]
    if not places:
        return refused
    parts, parts_now = ndimage.label(before)[0], ndimage.label(now)[0]
    depth = ndimage.distance_transform_edt(np.pad(before, 1))[1:-1, 1:-1]
    for place in places:
        part = parts == parts[place]
        kept = part & now
        if depth[place] >= deep * depth[part].max() and 2 * kept.sum() > part.sum():
            refused |= np.isin(parts_now, parts_now[kept])
    return refused
