"""Carry voxels between the grid of an image and the grid a segmentation is kept in.

Usually both are the same. They differ when the segmentation has a geometry of its own (cropped, finer,
oblique) or stands under another transform than the image. Where the two grids share their voxels, up to
order, direction and offset of the axes, voxels are carried one to one; otherwise each voxel takes the value
of the nearest voxel of the other grid, so that what is carried change by change equals what would be carried
as a whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from LightSegLib.errors import GeometryError
from LightSegLib.geometry import IJK, IndexBox, round_half_up

# Voxels by which no corner of the image may miss a voxel of the other grid for the two to count as shared.
_SHARED = 0.05
_Bools = NDArray[np.bool_]
_Floats = NDArray[np.float64]


class GridMap:
    """From one grid of voxels to another.

    Args:
        matrix: 4x4, from continuous index (i, j, k, 1) in the source grid to that in the target grid.
        source: the box of all voxels of the source; where the map has to be right.

    Raises:
        GeometryError: the matrix is singular or not finite.
    """

    def __init__(self, matrix: _Floats, source: IndexBox) -> None:
        matrix = np.asarray(matrix, np.float64)
        if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
            raise GeometryError(
                "Image and segmentation cannot be brought to one grid",
                "A transform between them is singular",
                "Check the transforms of both in the Transforms module",
            )
        self.matrix = matrix
        self._inverse = np.linalg.inv(matrix).astype(np.float64)
        self._whole = _whole_numbers(matrix, source)

    @property
    def shares_voxels(self) -> bool:
        """Whether every voxel of the source is a voxel of the target grid."""
        return self._whole is not None

    def box(self, box: IndexBox) -> IndexBox:
        """The target voxels that lie in a box of the source, with one voxel to spare if none are shared."""
        if box.is_empty:
            return IndexBox((0, 0, 0), (0, 0, 0))
        if self._whole is not None:
            first, last = np.array(box.lower, float), np.array(box.upper, float) - 1
            ends = np.rint(_transformed(_corners(first, last), self._whole))
            return _box(ends.min(0), ends.max(0))
        # From face to face of the outermost voxels, and a little more against rounding.
        first, last = np.array(box.lower, float) - 0.5, np.array(box.upper, float) - 0.5
        ends = _transformed(_corners(first, last), self.matrix)
        return _box(np.floor(ends.min(0) - 1e-6), np.ceil(ends.max(0) + 1e-6))

    def carry(self, content: _Bools, box: IndexBox, target: IndexBox) -> _Bools:
        """The content of a box of the source as seen from the target grid.

        Args:
            content: bool (K, J, I) of `box`; everything outside is taken as false.
            box: where it lies in the source.
            target: the voxels asked for.

        Returns:
            bool (K, J, I) of `target`.
        """
        result: _Bools = np.zeros(target.shape_ijk[::-1], dtype=bool)
        if box.is_empty or target.is_empty:
            return result
        if self._whole is None:
            self._sample(content, box, target, result)
            return result
        turned = _turned(content, self._whole)
        place = self.box(box)
        common = place.intersect(target)
        if not common.is_empty:
            result[common.slices_in(target)] = turned[common.slices_in(place)]
        return result

    def _sample(self, content: _Bools, box: IndexBox, target: IndexBox, result: _Bools) -> None:
        """Fill `result` with the nearest source voxels, slice by slice to keep memory small."""
        i, j = (np.arange(low, high) for low, high in zip(target.lower[:2], target.upper[:2], strict=True))
        rows = [self._inverse[axis] for axis in range(3)]
        shape = box.shape_ijk
        for slot, k in enumerate(range(target.lower[2], target.upper[2])):
            inside: _Bools = np.ones((j.size, i.size), dtype=bool)
            picked = []
            for axis, row in enumerate(rows):
                index = (row[1] * j + (row[2] * k + row[3] - box.lower[axis]))[:, None] + (row[0] * i)[
                    None, :
                ]
                nearest = round_half_up(index)
                inside &= (nearest >= 0) & (nearest < shape[axis])
                picked.append(nearest)
            if inside.any():
                x, y, z = (nearest[inside] for nearest in picked)
                result[slot][inside] = content[z, y, x]


def moved(box: IndexBox, by: IJK) -> IndexBox:
    """A box moved by (i, j, k) voxels."""
    (i0, j0, k0), (i1, j1, k1), (i, j, k) = box.lower, box.upper, by
    return IndexBox((i0 + i, j0 + j, k0 + k), (i1 + i, j1 + j, k1 + k))


def _turned(content: _Bools, whole: _Floats) -> _Bools:
    """An array (K, J, I) with its axes in the order and direction of the target."""
    rotation = whole[:3, :3]
    order = np.abs(rotation).argmax(1).tolist()
    steps = tuple(
        slice(None, None, 1 if rotation[row, column] > 0 else -1) for row, column in enumerate(order)
    )
    return content.transpose(2, 1, 0).transpose(order)[steps].transpose(2, 1, 0)


def _whole_numbers(matrix: _Floats, source: IndexBox) -> _Floats | None:
    """The matrix in whole numbers, if it maps voxels to voxels all over the source; None if not."""
    whole: _Floats = np.rint(matrix)
    turn = np.abs(whole[:3, :3])
    if not (np.all(turn.sum(0) == 1) and np.all(turn.sum(1) == 1)):
        return None
    missed = _transformed(_corners(np.array(source.lower), np.array(source.upper)), matrix - whole)
    return whole if float(np.abs(missed).max()) < _SHARED else None


def _corners(first: NDArray[Any], last: NDArray[Any]) -> NDArray[Any]:
    """The eight corners (8, 3) between two."""
    return np.stack(np.meshgrid(*zip(first, last, strict=True), indexing="ij"), -1).reshape(-1, 3)


def _transformed(points: NDArray[Any], matrix: _Floats) -> _Floats:
    result: _Floats = points @ matrix[:3, :3].T + matrix[:3, 3]
    return result


def _box(first: _Floats, last: _Floats) -> IndexBox:
    """The box of the voxels from `first` to `last`, both inside."""
    (i0, j0, k0), (i1, j1, k1) = first.astype(int).tolist(), last.astype(int).tolist()
    return IndexBox((i0, j0, k0), (i1 + 1, j1 + 1, k1 + 1))
