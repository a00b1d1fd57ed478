"""Half-open boxes of voxels: the unit in which regions, changes and writes are described."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from LightSegLib.errors import GeometryError

IJK = tuple[int, int, int]


@dataclass(frozen=True)
class IndexBox:
    """The voxels with lower <= index < upper on each axis.

    Args:
        lower: (i, j, k) of the first voxel.
        upper: (i, j, k) one past the last voxel; never below `lower`. Equal on an axis: the box is empty.

    Raises:
        GeometryError: not three whole numbers each, or upper below lower.
    """

    lower: IJK
    upper: IJK

    def __post_init__(self) -> None:
        lower, upper = _triple(self.lower, "lower corner"), _triple(self.upper, "upper corner")
        if any(high < low for low, high in zip(lower, upper, strict=True)):
            raise GeometryError(
                f"The box from {lower} to {upper} is inside out",
                "its upper corner lies below its lower corner",
                "Give the lower (i, j, k) corner first",
            )
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)

    @classmethod
    def whole(cls, shape_ijk: Sequence[int]) -> IndexBox:
        """The box of all voxels of an image of `shape_ijk` voxels along i, j, k."""
        return cls((0, 0, 0), _triple(shape_ijk, "shape"))

    @classmethod
    def of_mask(cls, mask_kji: NDArray[Any]) -> IndexBox | None:
        """The smallest box around the non-zero voxels of `mask_kji` (K, J, I), or None when there are none.

        Raises:
            GeometryError: the mask has not three axes.
        """
        if mask_kji.ndim != 3:
            raise GeometryError(f"A mask has the axes (K, J, I), not the shape {mask_kji.shape}")
        lower, upper = [0, 0, 0], [0, 0, 0]
        # Slices first: most of a mask is empty, and whole slices are the cheapest part to rule out.
        for axis, others in ((0, (1, 2)), (1, (0, 2)), (2, (0, 1))):
            hit = np.flatnonzero(mask_kji.any(axis=others))
            if hit.size == 0:
                return None
            first, end = int(hit[0]), int(hit[-1]) + 1
            lower[2 - axis], upper[2 - axis] = first, end
            mask_kji = mask_kji[(slice(None),) * axis + (slice(first, end),)]
        return cls((lower[0], lower[1], lower[2]), (upper[0], upper[1], upper[2]))

    @property
    def shape_ijk(self) -> IJK:
        """Voxels along i, j, k."""
        (i0, j0, k0), (i1, j1, k1) = self.lower, self.upper
        return (i1 - i0, j1 - j0, k1 - k0)

    @property
    def size(self) -> int:
        """Number of voxels in the box."""
        i, j, k = self.shape_ijk
        return i * j * k

    @property
    def is_empty(self) -> bool:
        """True when the box holds no voxel."""
        return self.size == 0

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Slices in array order (K, J, I). For a box that reaches outside the array, `clip` it first."""
        (i0, j0, k0), (i1, j1, k1) = self.lower, self.upper
        return (slice(k0, k1), slice(j0, j1), slice(i0, i1))

    def slices_in(self, outer: IndexBox) -> tuple[slice, slice, slice]:
        """Slices (K, J, I) of this box in the array of a box that contains it."""
        i, j, k = (
            slice(low - origin, high - origin)
            for low, high, origin in zip(self.lower, self.upper, outer.lower, strict=True)
        )
        return (k, j, i)

    def contains(self, ijk: Sequence[float]) -> bool:
        """True when the index (i, j, k) lies in the half-open box."""
        return all(low <= x < high for low, x, high in zip(self.lower, ijk, self.upper, strict=True))

    def intersect(self, other: IndexBox) -> IndexBox:
        """The voxels in both boxes; an empty box when they do not overlap."""
        lower = _combine(max, self.lower, other.lower)
        return IndexBox(lower, _combine(max, lower, _combine(min, self.upper, other.upper)))

    def union(self, other: IndexBox) -> IndexBox:
        """The smallest box around both; an empty box adds nothing."""
        if self.is_empty:
            return other
        if other.is_empty:
            return self
        return IndexBox(_combine(min, self.lower, other.lower), _combine(max, self.upper, other.upper))

    def expand(self, margin: int | Sequence[int]) -> IndexBox:
        """The box grown by `margin` voxels on every side (one number, or one each for i, j, k).

        A negative margin shrinks; a box shrunk past nothing is empty. The result may leave the image: see
        `clip`.
        """
        by = (margin, margin, margin) if isinstance(margin, int) else _triple(margin, "margin")
        lower = _combine(operator.sub, self.lower, by)
        return IndexBox(lower, _combine(max, lower, _combine(operator.add, self.upper, by)))

    def clip(self, shape_ijk: Sequence[int]) -> IndexBox:
        """The part of the box inside an image of `shape_ijk` voxels; an empty box when there is none."""
        end = _triple(shape_ijk, "shape")
        zero = (0, 0, 0)
        lower = _combine(min, _combine(max, self.lower, zero), end)
        return IndexBox(lower, _combine(max, lower, _combine(min, self.upper, end)))


def _combine(function: Callable[[int, int], int], first: IJK, second: IJK) -> IJK:
    return (function(first[0], second[0]), function(first[1], second[1]), function(first[2], second[2]))


def _triple(values: Any, name: str) -> IJK:
    try:
        i, j, k = (operator.index(value) for value in values)
    except (TypeError, ValueError) as error:
        raise GeometryError(f"The {name} {values!r} of a box is not three whole numbers (i, j, k)") from error
    return (i, j, k)
