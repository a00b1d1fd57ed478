"""Overlap and surface distance between two binary masks.

Masks are arrays (K, J, I), read as boolean (non-zero is inside). Spacing is given in IJK order in mm, as
`Volume.spacing_ijk` has it. A surface voxel is a mask voxel with at least one of its six face neighbours
outside the mask; beyond the edge of the array everything is outside, so a mask cut by the edge has a surface
there.

Both masks empty is perfect agreement (Dice 1, surface Dice 1, HD95 0 mm); exactly one empty is none at all
(Dice 0, surface Dice 0, HD95 infinite).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from LightSegLib.errors import GeometryError, VolumeError
from LightSegLib.geometry import IndexBox

if TYPE_CHECKING:
    from collections.abc import Sequence

Mask = npt.NDArray[Any]
BoolMask = npt.NDArray[np.bool_]


def dice(a: Mask, b: Mask) -> float:
    """Return twice the intersection over the sum of sizes, in [0, 1].

    Args:
        a: first mask (K, J, I).
        b: second mask of the same shape; the order of the two does not matter.

    Raises:
        VolumeError: the shapes differ.
    """
    first, second = _same_shape(a, b)
    size = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    if size == 0:
        return 1.0
    return 2.0 * int(np.count_nonzero(first & second)) / size


def hd95(a: Mask, b: Mask, spacing_ijk: Sequence[float]) -> float:
    """Return the 95th percentile Hausdorff distance in mm: the larger of the two directed 95th percentiles.

    Args:
        a: first mask (K, J, I).
        b: second mask of the same shape.
        spacing_ijk: voxel size in mm along i, j, k.

    Raises:
        VolumeError: the shapes differ.
        GeometryError: the spacing is not three positive finite numbers.
    """
    distances = _surface_distances(a, b, spacing_ijk)
    if distances is None:
        return 0.0
    if not (distances[0].size and distances[1].size):
        return math.inf
    return float(max(np.percentile(directed, 95) for directed in distances))


def surface_dice(a: Mask, b: Mask, spacing_ijk: Sequence[float], tolerance_mm: float = 1.0) -> float:
    """Return the share of both surfaces' voxels that lie within a tolerance of the other surface, in [0, 1].

    Args:
        a: first mask (K, J, I).
        b: second mask of the same shape.
        spacing_ijk: voxel size in mm along i, j, k.
        tolerance_mm: largest distance that counts as agreement, at least 0.

    Raises:
        VolumeError: the shapes differ.
        GeometryError: the spacing is not three positive finite numbers, or the tolerance is negative.
    """
    if not tolerance_mm >= 0:
        raise GeometryError(
            f"The surface tolerance is {tolerance_mm} mm",
            "A tolerance cannot be negative",
            "Give a tolerance of 0 mm or more.",
        )
    distances = _surface_distances(a, b, spacing_ijk)
    if distances is None:
        return 1.0
    if not (distances[0].size and distances[1].size):
        return 0.0
    close = sum(int(np.count_nonzero(directed <= tolerance_mm)) for directed in distances)
    return close / sum(directed.size for directed in distances)


def spacing_kji(spacing_ijk: Sequence[float]) -> tuple[float, float, float]:
    """Return the spacing in array order, checked.

    Raises:
        GeometryError: it is not three positive finite numbers.
    """
    values = tuple(float(value) for value in spacing_ijk)
    if len(values) != 3 or not all(math.isfinite(value) and value > 0 for value in values):
        raise GeometryError(
            f"The voxel spacing is {values}", "It must be three positive lengths in mm along i, j, k"
        )
    return values[2], values[1], values[0]


def _surface_distances(
    a: Mask, b: Mask, spacing_ijk: Sequence[float]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Return mm from each surface voxel of a to b's surface and the reverse; None when both masks are empty.

    When one mask is empty both arrays are empty.
    """
    from scipy.ndimage import distance_transform_edt

    sampling = spacing_kji(spacing_ijk)
    first, second = _same_shape(a, b)
    boxes = [IndexBox.of_mask(mask) for mask in (first, second)]
    if boxes[0] is None and boxes[1] is None:
        return None
    if boxes[0] is None or boxes[1] is None:
        return np.empty(0), np.empty(0)
    # Both surfaces lie inside the union of the two boxes, so the distances there are exact.
    window = boxes[0].union(boxes[1]).slices
    edges = [_surface(mask[window]) for mask in (first, second)]
    to_first, to_second = (distance_transform_edt(~edge, sampling=sampling) for edge in edges)
    return to_second[edges[0]], to_first[edges[1]]


def _surface(mask: BoolMask) -> BoolMask:
    from scipy.ndimage import binary_erosion

    inner: BoolMask = binary_erosion(mask, border_value=0)
    return mask & ~inner


def _same_shape(a: Mask, b: Mask) -> tuple[BoolMask, BoolMask]:
    first, second = (np.asarray(mask).astype(bool, copy=False) for mask in (a, b))
    if first.shape != second.shape or first.ndim != 3:
        raise VolumeError(
            f"The masks to compare have the shapes {first.shape} and {second.shape}",
            "Both must be (K, J, I) on the same grid",
            "Resample one of them onto the other's grid.",
        )
    return first, second
