"""Windows side by side over a whole volume, and the coarse map that their cells make up together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from LightSegLib.geometry import IJK, FloatIJK, SamplingGrid, Volume

OVERLAP = 1 / 3
"""Share of a window that it has in common with the next one: near its sides a network has seen little."""
RISE = 0.25
"""Share of a window's edge over which it begins to count."""


@dataclass(frozen=True)
class WindowLattice:
    """Where the windows lie.

    Attributes:
        start_ijk: continuous voxel index of the first sample of the first window.
        step_ijk: voxels per sample.
        stride: samples per cell, along every axis.
        window_ijk: cells of a window.
        hop_ijk: cells from one window to the next.
        count_ijk: windows along each axis.
    """

    start_ijk: FloatIJK
    step_ijk: FloatIJK
    stride: int
    window_ijk: IJK
    hop_ijk: IJK
    count_ijk: IJK

    @classmethod
    def over(
        cls, volume: Volume, step_ijk: Sequence[float], patch_kji: Sequence[int], stride: int
    ) -> WindowLattice:
        """Cover a volume.

        Args:
            volume: the image; the lattice is laid around its middle and ends beyond its sides.
            step_ijk: voxels per sample.
            patch_kji: samples of a window, array order; multiples of the stride.
            stride: samples per cell.
        """
        window = [length // stride for length in patch_kji[::-1]]
        hops, counts = [], []
        for voxels, step, cells in zip(volume.shape_ijk, step_ijk, window, strict=True):
            beyond = max(0.0, voxels / step / stride - cells)
            count = 1 + math.ceil(beyond / max(1, int(cells * (1 - OVERLAP))) - 1e-9)
            counts.append(count)
            hops.append(0 if count == 1 else max(1, math.ceil(beyond / (count - 1) - 1e-9)))
        lattice = cls((0.0, 0.0, 0.0), _floats(step_ijk), stride, _ints(window), _ints(hops), _ints(counts))
        samples = stride * np.array(lattice.shape_ijk)
        start = (np.array(volume.shape_ijk) - 1) / 2 - (samples - 1) / 2 * np.array(step_ijk)
        return cls(
            _floats(start), lattice.step_ijk, stride, lattice.window_ijk, lattice.hop_ijk, _ints(counts)
        )

    @property
    def shape_ijk(self) -> IJK:
        """Cells of the whole map."""
        hops = zip(self.window_ijk, self.hop_ijk, self.count_ijk, strict=True)
        return _ints([window + hop * (count - 1) for window, hop, count in hops])

    def __len__(self) -> int:
        return math.prod(self.count_ijk)

    @property
    def cells(self) -> SamplingGrid:
        """The middles of all cells as a grid over the volume."""
        middle = np.array(self.start_ijk) + (self.stride - 1) / 2 * np.array(self.step_ijk)
        return SamplingGrid(_floats(middle), _floats(np.array(self.step_ijk) * self.stride), self.shape_ijk)

    def corner(self, number: int) -> IJK:
        """First cell (i, j, k) of a window, by its number from 0."""
        places = np.unravel_index(number, self.count_ijk[::-1])[::-1]
        return _ints([int(place) * hop for place, hop in zip(places, self.hop_ijk, strict=True)])

    def slices(self, number: int) -> tuple[slice, slice, slice]:
        """Where a window's cells lie in the map, array order (K, J, I)."""
        i, j, k = (slice(a, a + n) for a, n in zip(self.corner(number), self.window_ijk, strict=True))
        return (k, j, i)

    def grid(self, number: int) -> SamplingGrid:
        """What a window samples of the volume."""
        samples = np.array(self.corner(number)) * self.stride
        start = np.array(self.start_ijk) + samples * np.array(self.step_ijk)
        shape = _ints([length * self.stride for length in self.window_ijk])
        return SamplingGrid(_floats(start), self.step_ijk, shape)

    def weights(self) -> np.ndarray:
        """How much each cell of a window counts where windows overlap: float32 (K, J, I), above 0 to 1."""
        k, j, i = (_taper(length) for length in self.window_ijk[::-1])
        weights: np.ndarray = k[:, None, None] * j[None, :, None] * i[None, None, :]
        return weights


def _taper(length: int) -> np.ndarray:
    rise = max(1, round(length * RISE))
    place = np.arange(length)
    weights: np.ndarray = (np.minimum(np.minimum(place, length - 1 - place) + 1, rise) / rise).astype(
        np.float32
    )
    return weights


def _floats(values: Sequence[float] | np.ndarray) -> FloatIJK:
    i, j, k = (float(value) for value in values)
    return (i, j, k)


def _ints(values: Sequence[int]) -> IJK:
    i, j, k = values
    return (i, j, k)
