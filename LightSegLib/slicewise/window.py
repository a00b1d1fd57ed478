"""A square of samples in one slice: pixels of a 2D model on one side, voxels of the volume on the other.

A slice is a plane of voxels across one index axis. Its arrays are (H, W): x, the columns, runs along the
faster of the two remaining axes (i before j before k), y, the rows, along the slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from LightSegLib.geometry import IndexBox, SamplingGrid, sample_back, sample_grid
from LightSegLib.intensities import PreparedImage
from LightSegLib.zoom import covered


def plane_axes(axis: int) -> tuple[int, int]:
    """The index axes (x, y) of slices across `axis`; 0, 1, 2 are i, j, k."""
    x, y = (other for other in range(3) if other != axis)
    return x, y


def slab(axis: int, index: int, shape_ijk: Sequence[int]) -> IndexBox:
    """All voxels of a slice."""
    lower, upper = [0, 0, 0], list(shape_ijk)
    lower[axis], upper[axis] = index, index + 1
    return IndexBox((lower[0], lower[1], lower[2]), (upper[0], upper[1], upper[2]))


@dataclass(frozen=True)
class Window:
    """What the model sees of one slice. Equal windows show the same pixels.

    Attributes:
        axis: the index axis across the slice.
        grid: where the pixels lie: one sample along `axis`, square along the others.
    """

    axis: int
    grid: SamplingGrid

    @property
    def index(self) -> int:
        """Which slice."""
        return int(self.grid.start_ijk[self.axis])

    @property
    def size(self) -> int:
        """Pixels along the edge."""
        return self.grid.shape_ijk[plane_axes(self.axis)[0]]

    def box(self, shape_ijk: Sequence[int]) -> IndexBox:
        """The voxels it shows of an image of `shape_ijk` voxels."""
        return self.grid.box(shape_ijk)

    def image(self, image: PreparedImage) -> np.ndarray:
        """The pixels, float32 (C, H, W), -1 to 1; -1 beyond the image."""
        pixels = image.sample(self.grid).squeeze(3 - self.axis)
        pixels[:, ~self._inside(image.volume.shape_ijk)] = -1.0
        return pixels

    def mask(self, mask_kji: np.ndarray) -> np.ndarray:
        """A mask of the image, bool (K, J, I), on the pixels: float32 (H, W), 0 to 1, 0 beyond the image."""
        sampled = self._flat(sample_grid(mask_kji, self.grid))
        sampled[~self._inside(mask_kji.shape[::-1])] = 0.0
        return sampled

    def pixels(self, points_ijk: np.ndarray) -> np.ndarray:
        """Pixels (N, 2), x and y, of continuous indices (N, 3), IJK; float32, and maybe beyond the square."""
        places = self.grid.index_to_sample(points_ijk)[:, list(plane_axes(self.axis))]
        pixels: np.ndarray = places.astype(np.float32)
        return pixels

    def places(self, pixels: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """Continuous indices (N, 3), IJK, of pixels (N, 2), x and y, of values of `shape` (H, W)."""
        points = np.zeros((len(pixels), 3))
        points[:, list(plane_axes(self.axis))] = pixels
        indices: np.ndarray = self.spread(shape).sample_to_index(points)
        return indices

    def rectangle(self, box: IndexBox) -> np.ndarray:
        """The edges of a box of voxels in the slice, in pixels: float32 (4,), x, y, x, y."""
        corners = self.pixels(np.array([box.lower, box.upper]) - 0.5)
        edges: np.ndarray = np.clip(corners, -0.5, self.size - 0.5).astype(np.float32).reshape(4)
        return edges

    def spread(self, shape: Sequence[int]) -> SamplingGrid:
        """The grid of values (H, W) that cover the square evenly."""
        start, step, count = list(self.grid.start_ijk), list(self.grid.step_ijk), [1, 1, 1]
        for a, n in zip(plane_axes(self.axis), shape[::-1], strict=True):
            share = self.grid.shape_ijk[a] / n
            start[a] += (share - 1) / 2 * step[a]
            step[a] *= share
            count[a] = n
        return SamplingGrid(
            (start[0], start[1], start[2]), (step[0], step[1], step[2]), (count[0], count[1], count[2])
        )

    def covered(self, mask: np.ndarray, shape_ijk: Sequence[int]) -> IndexBox | None:
        """A box of the voxels under the true pixels of a mask (H, W); None where there are none."""
        box = covered(self._solid(mask), self.spread(mask.shape), shape_ijk)
        return None if box is None else box.intersect(self.box(shape_ijk))

    def back(self, values: np.ndarray, box: IndexBox) -> np.ndarray:
        """Values (H, W) interpolated at the voxels of a box in the slice: float32 (K, J, I) of the box."""
        return sample_back(self._solid(values), self.spread(values.shape), box)

    def carried(self, values: np.ndarray, target: Window, beyond: float) -> np.ndarray:
        """Values (H, W) as pixels of another slice's window, as many; `beyond` where this square ends."""
        mine, theirs = self.spread(values.shape), target.spread(values.shape)
        axes = plane_axes(self.axis)
        start, step = mine.index_to_sample(theirs.start_ijk), np.divide(theirs.step_ijk, mine.step_ijk)
        if all(start[a] == 0 and step[a] == 1 for a in axes):
            return values
        start[self.axis], step[self.axis] = 0.0, 1.0
        relative = SamplingGrid(tuple(start.tolist()), tuple(step.tolist()), theirs.shape_ijk)
        sampled = self._flat(sample_grid(self._solid(values), relative))
        places = [start[a] + step[a] * np.arange(n) for a, n in zip(axes, values.shape[::-1], strict=True)]
        x, y = ((p > -0.5) & (p < n - 0.5) for p, n in zip(places, values.shape[::-1], strict=True))
        values_there: np.ndarray = np.where(y[:, None] & x[None, :], sampled, np.float32(beyond))
        return values_there

    @staticmethod
    def at_resolution(values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """Values (H, W) that cover a square evenly, at another resolution `shape`, (H, W)."""
        rows, columns = np.divide(values.shape, shape).tolist()
        grid = SamplingGrid(
            ((columns - 1) / 2, (rows - 1) / 2, 0), (columns, rows, 1), (shape[1], shape[0], 1)
        )
        resampled: np.ndarray = sample_grid(values[None], grid)[0]
        return resampled

    def reaches_beyond(self, mask: np.ndarray, shape_ijk: Sequence[int]) -> bool:
        """Whether a mask (H, W) touches a side of the square behind which the slice goes on."""
        for a, array_axis in zip(plane_axes(self.axis), (1, 0), strict=True):
            start, step, count = self.grid.start_ijk[a], self.grid.step_ijk[a], self.grid.shape_ijk[a]
            if start - step > -0.5 and mask.take(0, axis=array_axis).any():
                return True
            if start + step * count < shape_ijk[a] - 0.5 and mask.take(-1, axis=array_axis).any():
                return True
        return False

    def _inside(self, shape_ijk: Sequence[int]) -> np.ndarray:
        """Which pixels lie in the image, bool (H, W)."""
        along = []
        for a in plane_axes(self.axis):
            places = self.grid.start_ijk[a] + self.grid.step_ijk[a] * np.arange(self.size)
            along.append((places > -0.5) & (places < shape_ijk[a] - 0.5))
        x, y = along
        inside: np.ndarray = y[:, None] & x[None, :]
        return inside

    def _flat(self, array_kji: np.ndarray) -> np.ndarray:
        return array_kji.squeeze(2 - self.axis)

    def _solid(self, array: np.ndarray) -> np.ndarray:
        return np.expand_dims(array, 2 - self.axis)
