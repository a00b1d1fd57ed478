"""Which plane to slice a volume in, and which square of a slice to show to a model."""

from __future__ import annotations

import math

import numpy as np

from LightSegLib.errors import VolumeError
from LightSegLib.geometry import IndexBox, SamplingGrid, Volume
from LightSegLib.slicewise.window import Window, plane_axes

AXES = "ijk"
MIN_VOXELS = 4
"""Voxels along either axis below which a plane of voxels is a strip and no image."""
WIDENING = 1.5
MARGIN = 0.1
"""Share of the square that is left free on each side of what it is chosen for."""


def choose_axis(volume: Volume, plane: int | None, size: int) -> int:
    """The index axis across which the volume is sliced.

    Args:
        volume: the image.
        plane: the wish of the user, 0, 1, 2 for i, j, k; None for the axis with the largest distance between
            voxels, which is k where axes are alike.
        size: pixels along the edge of the square that a slice fills.

    Raises:
        VolumeError: the slices are too narrow to be images.
    """
    if plane is not None:
        reason = _useless(volume, plane, size)
        if reason:
            raise VolumeError(
                f"The image cannot be segmented in slices across its {AXES[plane]} axis",
                reason,
                "Choose another plane, or a model for volumes",
            )
        return plane
    usable = [axis for axis in (2, 1, 0) if not _useless(volume, axis, size)]
    if not usable:
        raise VolumeError(
            "The image cannot be segmented slice by slice",
            _useless(volume, 2, size),
            "Load an image with more voxels, or a model for volumes",
        )
    # Rounded, so that noise in the last digits of a header does not choose.
    return max(usable, key=lambda axis: round(math.log(volume.spacing_ijk[axis]), 2))


def _useless(volume: Volume, axis: int, size: int) -> str:
    """Why slices across an axis are no images; empty if they are."""
    x, y = plane_axes(axis)
    shape, spacing = volume.shape_ijk, volume.spacing_ijk
    if min(shape[x], shape[y]) < MIN_VOXELS:
        return f"Its slices have only {shape[x]} x {shape[y]} voxels; {MIN_VOXELS} along each side are needed"
    extent = sorted((shape[x] * spacing[x], shape[y] * spacing[y]))
    if extent[0] * size < extent[1] * MIN_VOXELS:
        return f"Its slices are strips of {extent[0]:.4g} x {extent[1]:.4g} mm"
    return ""


class Windows:
    """Squares of the slices of one volume across one axis.

    Pixels are square in mm. A slice that fits at full resolution is shown whole, from its first voxel on, as
    large as the square allows; so that all prompts on it share one window. Of a larger slice the part around
    a place is shown, at full resolution if that suffices.

    Args:
        volume: the image.
        axis: the index axis across the slices.
        size: pixels along the edge of the square.
    """

    def __init__(self, volume: Volume, axis: int, size: int) -> None:
        self.axis = axis
        self.size = size
        self.shape_ijk = volume.shape_ijk
        self.spacing_ijk = volume.spacing_ijk
        axes = plane_axes(axis)
        native = min(self.spacing_ijk[a] for a in axes)
        whole = max(self.spacing_ijk[a] * self.shape_ijk[a] for a in axes) / size
        count = max(0, math.ceil(math.log(whole / native) / math.log(WIDENING) - 1e-6))
        self.steps = (*(native * WIDENING**n for n in range(count)), whole)
        """Millimetres per pixel to choose from, the last one shows a whole slice."""

    def level(self, area: IndexBox) -> int:
        """Which of the `steps` is the finest that shows the whole area, with a margin."""
        extent = max(area.shape_ijk[a] * self.spacing_ijk[a] for a in plane_axes(self.axis))
        needed = extent / self.size / (1 - 2 * MARGIN)
        return next((n for n, step in enumerate(self.steps) if step >= needed), len(self.steps) - 1)

    def window(self, index: int, area: IndexBox, level: int) -> Window:
        """The square of slice `index` around an area, of which only the extent in the plane counts."""
        start, step, count = [0.0] * 3, [1.0] * 3, [1] * 3
        start[self.axis] = float(index)
        for a in plane_axes(self.axis):
            step[a] = self.steps[level] / self.spacing_ijk[a]
            count[a] = self.size
            edge = self._edge((area.lower[a] + area.upper[a]) / 2, step[a] * self.size, self.shape_ijk[a])
            start[a] = edge + (step[a] - 1) / 2
        grid = SamplingGrid(
            (start[0], start[1], start[2]), (step[0], step[1], step[2]), (count[0], count[1], count[2])
        )
        return Window(self.axis, grid)

    @staticmethod
    def _edge(centre: float, extent: float, voxels: int) -> float:
        """Where the square begins along an axis, in voxels from the edge of the image.

        Only on a coarse lattice, so that clicks near to each other share a window.
        """
        if extent >= voxels:
            return 0.0
        lattice = extent / 8
        return float(np.clip(round((centre - extent / 2) / lattice) * lattice, 0.0, voxels - extent))
