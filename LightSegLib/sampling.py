"""Crop, resample and paste back: the hot path between a volume and the cube that a network sees.

Sampling along the three index axes is separable, so each axis becomes one small matrix (samples x voxels) that BLAS multiplies. The
matrices are banded; they are applied in blocks of samples so that the zeros far from the band cost nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from LightSegLib.errors import GeometryError
from LightSegLib.index_box import IJK, IndexBox

FloatIJK = tuple[float, float, float]

_STRIDE_FROM_STEP = 3.0  # voxels per sample from which voxels are skipped before averaging
_BLOCK = 16  # samples per block of a banded product
_ROUNDING = 1e-6  # voxels; an index this close to a whole number is meant to be one


@dataclass(frozen=True)
class SamplingGrid:
    """A regular grid of samples along the index axes of a volume.

    Args:
        start_ijk: continuous index (i, j, k) of sample 0; a whole number is a voxel centre. May lie outside the volume.
        step_ijk: voxels per sample along i, j, k; above 0. Below 1: finer than the voxels.
        shape_ijk: number of samples along i, j, k; at least 1.

    Raises:
        GeometryError: not three finite numbers each, a step not above 0, a shape below 1.
    """

    start_ijk: FloatIJK
    step_ijk: FloatIJK
    shape_ijk: IJK

    def __post_init__(self) -> None:
        start, step = _floats(self.start_ijk, "start"), _floats(self.step_ijk, "step")
        shape = IndexBox.whole(self.shape_ijk).upper
        if min(step) <= 0:
            raise GeometryError(f"The step {step} of a sampling grid is not above 0 on every axis")
        if min(shape) < 1:
            raise GeometryError(f"A sampling grid of {shape} samples is empty")
        object.__setattr__(self, "start_ijk", start)
        object.__setattr__(self, "step_ijk", step)
        object.__setattr__(self, "shape_ijk", shape)

    @classmethod
    def centred(
        cls, center_ijk: Sequence[float], step_ijk: Sequence[float], shape_ijk: Sequence[int]
    ) -> SamplingGrid:
        """The grid whose middle is the continuous index `center_ijk`."""
        center, step, shape = _floats(center_ijk, "centre"), _floats(step_ijk, "step"), tuple(shape_ijk)
        i, j, k = (c - (n - 1) / 2 * s for c, s, n in zip(center, step, shape, strict=True))
        return cls((i, j, k), step, (shape[0], shape[1], shape[2]))

    def snapped(self) -> SamplingGrid:
        """The grid moved by at most half a voxel so that samples of step 1 fall on voxels: sampling is then an exact copy."""
        i, j, k = (
            math.floor(a + 0.5) if s == 1 else a for a, s in zip(self.start_ijk, self.step_ijk, strict=True)
        )
        return SamplingGrid((i, j, k), self.step_ijk, self.shape_ijk)

    def index_to_sample(self, points_ijk: ArrayLike) -> NDArray[np.float64]:
        """Continuous sample coordinates (..., 3) of continuous voxel indices (..., 3), both ordered i, j, k."""
        return (np.asarray(points_ijk, np.float64) - self.start_ijk) / self.step_ijk

    def sample_to_index(self, points: ArrayLike) -> NDArray[np.float64]:
        """Continuous voxel indices (..., 3) of continuous sample coordinates (..., 3), both ordered i, j, k."""
        return np.asarray(points, np.float64) * self.step_ijk + self.start_ijk

    def box(self, shape_ijk: Sequence[int]) -> IndexBox:
        """The voxels of an image of `shape_ijk` whose centre the grid covers; each sample covers half a step to either side."""
        lower, upper = [], []
        for start, step, count in zip(self.start_ijk, self.step_ijk, self.shape_ijk, strict=True):
            lower.append(math.ceil(start - step / 2 - _ROUNDING))
            upper.append(math.ceil(start + (count - 0.5) * step - _ROUNDING))
        return IndexBox((lower[0], lower[1], lower[2]), (upper[0], upper[1], upper[2])).clip(shape_ijk)


def sample_grid(array_kji: NDArray[Any], grid: SamplingGrid) -> NDArray[np.float32]:
    """Sample `array_kji` (K, J, I), of any real dtype, at the points of `grid`.

    Linear interpolation along each axis; outside the array the edge value goes on. Where a step exceeds 1 the interpolated
    signal is averaged over about one step, against aliasing, and from 3 voxels per sample on every second (third, ...) voxel is
    skipped first. Linear intensity ramps come through unchanged, and a whole-numbered start with step 1 is an exact copy.

    Returns:
        float32 (K, J, I) of the grid; only the voxels the grid needs are read and converted.

    Raises:
        GeometryError: the array has not three axes, or is empty.
    """
    if array_kji.ndim != 3 or array_kji.size == 0:
        raise GeometryError(
            f"An array of axes (K, J, I) with voxels is needed, not the shape {array_kji.shape}"
        )
    axes = [
        _read_axis(start, step, count, size)
        for start, step, count, size in zip(
            grid.start_ijk[::-1], grid.step_ijk[::-1], grid.shape_ijk[::-1], array_kji.shape, strict=True
        )
    ]
    crop = array_kji[tuple(axis.crop for axis in axes)]
    return _apply(np.ascontiguousarray(crop, np.float32), [axis.band for axis in axes])


def sample_back(values: NDArray[Any], grid: SamplingGrid, box: IndexBox) -> NDArray[np.float32]:
    """Interpolate `values` (K, J, I of `grid`) linearly at the voxel centres of `box`; outside the grid the edge value goes on.

    Returns:
        float32 (K, J, I) of the box.

    Raises:
        GeometryError: `values` has not the shape of the grid.
    """
    if values.shape != grid.shape_ijk[::-1]:
        raise GeometryError(
            f"Values of shape {values.shape} do not fit a grid of (K, J, I) {grid.shape_ijk[::-1]}"
        )
    if box.is_empty:
        return np.zeros(box.shape_ijk[::-1], np.float32)
    bands, crop = [], []
    for axis in (2, 1, 0):
        positions = (np.arange(box.lower[axis], box.upper[axis]) - grid.start_ijk[axis]) / grid.step_ijk[axis]
        band, first, end = _linear(positions).within(grid.shape_ijk[axis])
        bands.append(band)
        crop.append(slice(first, end))
    return _apply(np.ascontiguousarray(values[tuple(crop)], np.float32), bands)


@dataclass(frozen=True)
class _Band:
    """Rows of a sparse matrix: output n is the sum over t of weights[n, t] * input[columns[n, t]]. Columns never decrease with n."""

    columns: NDArray[np.int64]
    weights: NDArray[np.float64]

    def within(self, size: int) -> tuple[_Band, int, int]:
        """The same band on the inputs 0 <= column < size, edge inputs standing for those outside, and the range it reads."""
        columns = np.clip(self.columns, 0, size - 1)
        first, end = int(columns.min()), int(columns.max()) + 1
        return _Band(columns - first, self.weights), first, end

    @property
    def is_copy(self) -> bool:
        return self.weights.shape[1] == 1

    def blocks(self) -> list[tuple[slice, slice, NDArray[np.float32]]]:
        """(output rows, input columns, dense matrix) of each block of rows."""
        result = []
        count = len(self.columns)
        for first in range(0, count, _BLOCK):
            rows = slice(first, min(first + _BLOCK, count))
            columns, weights = self.columns[rows], self.weights[rows]
            low, high = int(columns.min()), int(columns.max()) + 1
            dense = np.zeros((rows.stop - first, high - low))
            np.add.at(dense, (np.arange(rows.stop - first)[:, None], columns - low), weights)
            result.append((rows, slice(low, high), dense.astype(np.float32)))
        return result


@dataclass(frozen=True)
class _Axis:
    """How one axis is read: which voxels, and the band that turns them into samples."""

    crop: slice
    band: _Band


def _read_axis(start: float, step: float, count: int, size: int) -> _Axis:
    positions = start + step * np.arange(count)
    if step == 1 and start == math.floor(start):
        band, first, end = _Band(positions.astype(np.int64)[:, None], np.ones((count, 1))).within(size)
        return _Axis(slice(first, end), band)
    stride = min(int(step / 2 + 0.5), size) if step >= _STRIDE_FROM_STEP else 1
    # The voxels that remain are numbered 0, 1, ... from `offset`, which leaves as much unread at either edge of the array.
    remaining = -(-size // stride)
    offset = (size - 1 - (remaining - 1) * stride) // 2
    positions, step = (positions - offset) / stride, step / stride
    # A voxel is an average over one voxel already; this width makes up the variance of an average over a whole step, and
    # goes to 0 as the step goes to 1, so that zooming out never jumps.
    width = math.sqrt(step * step - 1) if step > 1 + 1e-6 else 0.0
    band, first, end = (_averaged(positions, width) if width else _linear(positions)).within(remaining)
    return _Axis(slice(offset + first * stride, offset + (end - 1) * stride + 1, stride), band)


def _linear(positions: NDArray[np.float64]) -> _Band:
    """Linear interpolation at `positions`."""
    base = np.floor(positions)
    fraction = positions - base
    columns = base.astype(np.int64)
    return _Band(np.stack([columns, columns + 1], 1), np.stack([1 - fraction, fraction], 1))


def _averaged(positions: NDArray[np.float64], width: float) -> _Band:
    """The mean of the linear interpolant over `width` around each of `positions`: exact for ramps, unlike a sum of whole voxels."""
    first = np.floor(positions - width / 2).astype(np.int64)
    columns = first[:, None] + np.arange(math.ceil(width) + 2)
    distance = positions[:, None] - columns
    return _Band(columns, (_hat_integral(distance + width / 2) - _hat_integral(distance - width / 2)) / width)


def _hat_integral(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The integral from minus infinity to x of the triangle of height 1 on -1 .. 1."""
    x = np.clip(x, -1, 1)
    return 0.5 + x - 0.5 * x * np.abs(x)


def _apply(values: NDArray[np.float32], bands: Sequence[_Band]) -> NDArray[np.float32]:
    """Apply one band per axis of `values` (K, J, I), in the order that needs the fewest multiplications."""
    for axis in (axis for axis in range(3) if bands[axis].is_copy):
        values = _copy_axis(values, axis, bands[axis].columns[:, 0])
    plans = {axis: bands[axis].blocks() for axis in range(3) if not bands[axis].is_copy}
    for axis in _cheapest_order(values.shape, plans):
        values = _multiply_axis(values, axis, plans[axis])
    return values


def _copy_axis(values: NDArray[np.float32], axis: int, columns: NDArray[np.int64]) -> NDArray[np.float32]:
    unchanged = len(columns) == values.shape[axis] and bool((np.diff(columns) == 1).all())
    return values if unchanged else np.take(values, columns, axis)


_Plan = list[tuple[slice, slice, NDArray[np.float32]]]


def _cheapest_order(shape: Sequence[int], plans: dict[int, _Plan]) -> tuple[int, ...]:
    def cost(order: tuple[int, ...]) -> float:
        sizes, total = list(shape), 0.0
        for axis in order:
            others = math.prod(sizes) / sizes[axis]
            total += others * sum(dense.size for _, _, dense in plans[axis])
            sizes[axis] = plans[axis][-1][0].stop
        return total

    return min(itertools.permutations(plans), key=cost)


def _multiply_axis(values: NDArray[np.float32], axis: int, plan: _Plan) -> NDArray[np.float32]:
    shape = list(values.shape)
    shape[axis] = plan[-1][0].stop
    out = np.empty(shape, np.float32)
    for rows, columns, dense in plan:
        if axis == 0:
            flat = values[columns].reshape(columns.stop - columns.start, -1)
            np.matmul(dense, flat, out=out[rows].reshape(rows.stop - rows.start, -1))
        elif axis == 1:
            np.matmul(dense, values[:, columns], out=out[:, rows])
        else:
            np.matmul(values[:, :, columns], dense.T, out=out[:, :, rows])
    return out


def _floats(values: Any, name: str) -> FloatIJK:
    try:
        i, j, k = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise GeometryError(f"The {name} {values!r} is not three numbers (i, j, k)") from error
    if not all(map(math.isfinite, (i, j, k))):
        raise GeometryError(f"The {name} {(i, j, k)} is not finite")
    return (i, j, k)
