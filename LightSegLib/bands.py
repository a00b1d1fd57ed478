"""Resampling along the three axes of an array, as one banded matrix per axis.

Each matrix has few non-zero weights per row, close to its diagonal. It is applied in blocks of rows, each a
small dense product for BLAS, so that the zeros far from the band cost nothing. This is the inner part of
`sampling`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Rows per dense product when there are fewer rows than columns, and when there are more; measured to be about
# the fastest for cubes of 48 to 96 samples.
_SHRINKING_BLOCK, _GROWING_BLOCK = 8, 24

Block = tuple[slice, slice, NDArray[np.float32]]  # output rows, input columns, dense matrix


@dataclass(frozen=True)
class Band:
    """A sparse matrix: output n is the sum over t of weights[n, t] * input[columns[n, t]].

    Columns never fall as n grows. A band with one column per row copies its inputs.
    """

    columns: NDArray[np.int64]
    weights: NDArray[np.float64]

    def within(self, size: int) -> tuple[Band, int, int]:
        """The band for an input of `size` values, edge values going on outside, and the range it reads.

        Returns:
            the band, its columns counted from the first input that is read; that input; one past the last.
        """
        columns = np.clip(self.columns, 0, size - 1)
        first, end = int(columns.min()), int(columns.max()) + 1
        return Band(columns - first, self.weights), first, end

    @property
    def is_copy(self) -> bool:
        """True when each output is one input."""
        return bool(self.weights.shape[1] == 1)

    def blocks(self) -> list[Block]:
        """The matrix cut into dense blocks of rows."""
        count, result = len(self.columns), []
        most = _GROWING_BLOCK if count > self.columns.max() else _SHRINKING_BLOCK
        for first in range(0, count, most):
            rows = slice(first, min(first + most, count))
            columns = self.columns[rows]
            low, high = int(columns.min()), int(columns.max()) + 1
            dense = np.zeros((len(columns), high - low))
            np.add.at(dense, (np.arange(len(columns))[:, None], columns - low), self.weights[rows])
            result.append((rows, slice(low, high), dense.astype(np.float32)))
        return result


def copied(positions: NDArray[Any]) -> Band:
    """The values at whole-numbered `positions`."""
    return Band(positions.astype(np.int64)[:, None], np.ones((len(positions), 1)))


def interpolated(positions: NDArray[Any]) -> Band:
    """Linear interpolation at `positions`."""
    base = np.floor(positions)
    fraction = positions - base
    columns = base.astype(np.int64)
    return Band(np.stack([columns, columns + 1], 1), np.stack([1 - fraction, fraction], 1))


def averaged(positions: NDArray[np.float64], width: float) -> Band:
    """The mean of the linear interpolant over `width` around each of `positions`.

    Unlike an average of whole values it gives back a linear ramp exactly, wherever the positions lie.
    """
    first = np.floor(positions - width / 2).astype(np.int64)
    columns = first[:, None] + np.arange(math.ceil(width) + 2)
    distance = positions[:, None] - columns
    weights = (_hat_integral(distance + width / 2) - _hat_integral(distance - width / 2)) / width
    return Band(columns, weights)


def _hat_integral(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The integral from minus infinity to x of the triangle of height 1 on -1 .. 1."""
    x = np.clip(x, -1, 1)
    return 0.5 + x - 0.5 * x * np.abs(x)


def apply_bands(values: NDArray[Any], bands: Sequence[Band]) -> NDArray[np.float32]:
    """Apply one band per axis of `values` (any real dtype, three axes), the cheapest axis first."""
    for axis in (axis for axis in range(3) if bands[axis].is_copy):
        values = _copy_axis(values, axis, bands[axis].columns[:, 0])
    plans = {axis: bands[axis].blocks() for axis in range(3) if not bands[axis].is_copy}
    order = _cheapest_order(values.shape, plans)
    if order[:1] != (0,):
        values = _float32(values)
    for axis in order:
        values = _multiply_axis(values, axis, plans[axis])
    return values


def _copy_axis(values: NDArray[Any], axis: int, columns: NDArray[np.int64]) -> NDArray[Any]:
    unchanged = len(columns) == values.shape[axis] and bool((np.diff(columns) == 1).all())
    return values if unchanged else np.take(values, columns, axis)


def _cheapest_order(shape: Sequence[int], plans: dict[int, list[Block]]) -> tuple[int, ...]:
    """The order of axes with the fewest multiplications."""

    def cost(order: tuple[int, ...]) -> float:
        sizes, total = list(shape), 0.0
        for axis in order:
            others = math.prod(sizes) / sizes[axis]
            total += others * sum(dense.size for _, _, dense in plans[axis])
            sizes[axis] = plans[axis][-1][0].stop
        return total

    return min(itertools.permutations(plans), key=cost)


def _multiply_axis(values: NDArray[Any], axis: int, blocks: list[Block]) -> NDArray[np.float32]:
    """Multiply along one axis; `values` are contiguous float32, for axis 0 of any dtype and layout."""
    shape = list(values.shape)
    shape[axis] = blocks[-1][0].stop
    out = np.empty(shape, np.float32)
    for rows, columns, dense in blocks:
        if axis == 0:
            # Converted block by block: what BLAS reads next is then still in the processor's cache.
            planes = _float32(values[columns]).reshape(dense.shape[1], -1)
            np.matmul(dense, planes, out=out[rows].reshape(dense.shape[0], -1))
        elif axis == 1:
            np.matmul(dense, values[:, columns], out=out[:, rows])
        else:
            np.matmul(values[:, :, columns], dense.T, out=out[:, :, rows])
    return out


def _float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """A contiguous float32 array of `values`."""
    if values.strides[-1] != values.itemsize:
        values = np.ascontiguousarray(
            values
        )  # gathering first and converting then is faster than both in one
    return np.ascontiguousarray(values, np.float32)
