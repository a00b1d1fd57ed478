"""Crop, resample and paste back: the hot path between a volume and the cube that a network sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from LightSegLib.bands import Band, apply_bands, averaged, copied, interpolated
from LightSegLib.errors import GeometryError
from LightSegLib.index_box import IJK, IndexBox

FloatIJK = tuple[float, float, float]

_STRIDE_FROM_STEP = 3.0  # voxels per sample from which voxels are skipped before averaging
_ROUNDING = 1e-6  # voxels; an index this close to a whole number is meant to be one


@dataclass(frozen=True)
class SamplingGrid:
    """A regular grid of samples along the index axes of a volume.

    Args:
        start_ijk: continuous index (i, j, k) of sample 0, a whole number at a voxel centre; may lie outside.
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
        if max(map(abs, start)) + max(s * n for s, n in zip(step, shape, strict=True)) > 2**53:
            raise GeometryError(
                f"A sampling grid from {start} in steps of {step} is too far away to have indices"
            )
        object.__setattr__(self, "start_ijk", start)
        object.__setattr__(self, "step_ijk", step)
        object.__setattr__(self, "shape_ijk", shape)

    @classmethod
    def centred(
        cls, center_ijk: Sequence[float], step_ijk: Sequence[float], shape_ijk: Sequence[int]
    ) -> SamplingGrid:
        """The grid whose middle is the continuous index `center_ijk`."""
        center, step = _floats(center_ijk, "centre"), _floats(step_ijk, "step")
        shape = IndexBox.whole(shape_ijk).upper
        i, j, k = (c - (n - 1) / 2 * s for c, s, n in zip(center, step, shape, strict=True))
        return cls((i, j, k), step, shape)

    def snapped(self) -> SamplingGrid:
        """The grid moved by up to half a voxel on each axis of step 1, so that sampling is an exact copy."""
        i, j, k = (
            math.floor(a + 0.5) if s == 1 else a for a, s in zip(self.start_ijk, self.step_ijk, strict=True)
        )
        return SamplingGrid((i, j, k), self.step_ijk, self.shape_ijk)

    def index_to_sample(self, points_ijk: ArrayLike) -> NDArray[np.float64]:
        """Continuous sample coordinates (..., 3) of continuous indices (..., 3), both ordered i, j, k."""
        return (np.asarray(points_ijk, np.float64) - self.start_ijk) / self.step_ijk

    def sample_to_index(self, points: ArrayLike) -> NDArray[np.float64]:
        """Continuous indices (..., 3) of continuous sample coordinates (..., 3), both ordered i, j, k."""
        return np.asarray(points, np.float64) * self.step_ijk + self.start_ijk

    def box(self, shape_ijk: Sequence[int]) -> IndexBox:
        """The voxels of an image of `shape_ijk` whose centre the grid covers.

        Each sample covers half a step to either side. Where the grid lies outside, the box is empty.
        """
        lower, upper = [], []
        for start, step, count in zip(self.start_ijk, self.step_ijk, self.shape_ijk, strict=True):
            lower.append(math.ceil(start - step / 2 - _ROUNDING))
            upper.append(math.ceil(start + (count - 0.5) * step - _ROUNDING))
        return IndexBox((lower[0], lower[1], lower[2]), (upper[0], upper[1], upper[2])).clip(shape_ijk)


def sample_grid(array_kji: NDArray[Any], grid: SamplingGrid) -> NDArray[np.float32]:
    """Sample `array_kji` (K, J, I), of any real dtype, at the points of `grid`.

    Linear interpolation along each axis; outside the array the edge value goes on. Where a step exceeds 1
    the interpolated signal is averaged over about one step, against aliasing. From 3 voxels per sample on,
    only every second (third, ...) voxel is read, and the outermost of them gives the edge value. Linear
    intensity ramps come through unchanged, and a whole-numbered start with step 1 is an exact copy.

    Returns:
        float32 (K, J, I) of the grid, a new array; only the voxels the grid needs are read and converted.

    Raises:
        GeometryError: the array has not three axes, or is empty.
    """
    if array_kji.ndim != 3 or array_kji.size == 0:
        raise GeometryError(f"The shape {array_kji.shape} is not that of an image (K, J, I) with voxels")
    crop, bands = [], []
    for axis, size in zip((2, 1, 0), array_kji.shape, strict=True):
        voxels, band = _read_axis(grid.start_ijk[axis], grid.step_ijk[axis], grid.shape_ijk[axis], size)
        crop.append(voxels)
        bands.append(band)
    return _own(apply_bands(array_kji[tuple(crop)], bands), array_kji)


def sample_back(values: NDArray[Any], grid: SamplingGrid, box: IndexBox) -> NDArray[np.float32]:
    """Interpolate `values` (K, J, I of `grid`) linearly at the voxel centres of `box`.

    Outside the grid the edge value goes on.

    Returns:
        float32 (K, J, I) of the box, a new array.

    Raises:
        GeometryError: `values` has not the shape of the grid.
    """
    expected = grid.shape_ijk[::-1]
    if values.shape != expected:
        raise GeometryError(f"Values of shape {values.shape} do not fit a grid of shape (K, J, I) {expected}")
    if box.is_empty:
        return np.zeros(box.shape_ijk[::-1], np.float32)
    crop, bands = [], []
    for axis in (2, 1, 0):
        voxels = np.arange(box.lower[axis], box.upper[axis])
        positions = (voxels - grid.start_ijk[axis]) / grid.step_ijk[axis]
        whole = bool((positions == np.floor(positions)).all())
        band, first, end = (copied if whole else interpolated)(positions).within(grid.shape_ijk[axis])
        crop.append(slice(first, end))
        bands.append(band)
    return _own(apply_bands(values[tuple(crop)], bands), values)


def _read_axis(start: float, step: float, count: int, size: int) -> tuple[slice, Band]:
    """Which voxels of an axis of `size` to read, and the band that turns them into `count` samples."""
    positions = start + step * np.arange(count)
    if step == 1 and start == math.floor(start):
        band, first, end = copied(positions).within(size)
        return slice(first, end), band
    stride = min(int(step / 2 + 0.5), size) if step >= _STRIDE_FROM_STEP else 1
    # The voxels that are read are numbered 0, 1, ... from `offset`, which skips as many at both ends of the
    # axis.
    remaining = -(-size // stride)
    offset = (size - 1 - (remaining - 1) * stride) // 2
    positions, step = (positions - offset) / stride, step / stride
    # A voxel is a mean over one voxel already; this width makes up the variance of a mean over a whole
    # step, and goes to 0 as the step goes to 1, so that zooming out never jumps.
    width = math.sqrt(step * step - 1) if step > 1 + 1e-6 else 0.0
    band, first, end = (averaged(positions, width) if width else interpolated(positions)).within(remaining)
    return slice(offset + first * stride, offset + (end - 1) * stride + 1, stride), band


def _own(result: NDArray[np.float32], source: NDArray[Any]) -> NDArray[np.float32]:
    """The result as an array that shares no memory with its source, which plain copies of float32 would."""
    return result.copy() if np.may_share_memory(result, source) else result


def _floats(values: Any, name: str) -> FloatIJK:
    try:
        i, j, k = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise GeometryError(f"The {name} {values!r} is not three numbers (i, j, k)") from error
    if not all(map(math.isfinite, (i, j, k))):
        raise GeometryError(f"The {name} {(i, j, k)} is not finite")
    return (i, j, k)
