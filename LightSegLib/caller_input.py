"""What callers of a session hand in, before it means anything: masks of any kind, positions of any number
type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from LightSegLib.errors import GeometryError, PromptError

if TYPE_CHECKING:
    from LightSegLib.geometry import IJK, Volume


def as_mask(initial: ArrayLike, shape_ijk: IJK) -> np.ndarray:
    """Read a mask given by the caller.

    Args:
        initial: array (K, J, I): bool, or integer with nonzero inside, or floating point with only 0 and 1.
        shape_ijk: the shape it must have, in IJK order.

    Returns:
        bool (K, J, I), the array itself where it is bool already.

    Raises:
        PromptError: another shape, data type or fractional values.
    """
    array = np.asarray(initial)
    expected = shape_ijk[::-1]
    if array.shape != expected:
        raise PromptError(
            f"The mask has the shape {array.shape}",
            f"The image has the shape {expected} (K, J, I)",
            "Resample the mask to the image, or check the order of the axes",
        )
    if array.dtype.kind == "b":
        return array
    if array.dtype.kind in "iu":
        return np.asarray(array != 0)
    if array.dtype.kind == "f":
        inside = np.asarray(array == 1)
        if bool(np.all(inside | (array == 0))):
            return inside
        why = "It holds values other than 0 and 1"
    else:
        why = "Masks are bool or integer"
    raise PromptError(f"An array of {array.dtype} is not a mask", why, "Threshold it first: mask > 0.5")


def whole(points_ijk: Any, name: str) -> Any:
    """Refuse voxel indices between two voxels; everything else about them is checked later.

    Args:
        points_ijk: one index (i, j, k) or several, integers or floats.
        name: what they are, for the message: "point".

    Returns:
        The same, to be validated as part of a prompt.

    Raises:
        PromptError: a finite number that is not whole.
    """
    try:
        values = np.asarray(points_ijk, dtype=np.float64)
    except (TypeError, ValueError):
        return points_ijk
    finite = values[np.isfinite(values)]
    if bool(np.any(finite != np.rint(finite))):
        raise PromptError(
            f"The {name} {values.tolist()} lies between voxels",
            "Indices (i, j, k) are whole numbers",
            "Round it, or give a position in mm with add_point_ras",
        )
    return points_ijk


def voxel_at(volume: Volume, ras: ArrayLike) -> IJK:
    """The voxel nearest to a position in mm, halves rounded up; it may lie outside the image.

    Args:
        volume: the image.
        ras: position (r, a, s) in mm.

    Raises:
        PromptError: the position is not three finite numbers.
    """
    try:
        return volume.ras_to_voxel(ras)
    except GeometryError as error:
        why = error.why or "A position is three finite numbers (r, a, s) in mm"
        raise PromptError(error.what, why, "Place the point inside the image") from error
