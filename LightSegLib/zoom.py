"""Which cube to look at: sampling grids of a model's patch size at the zoom that suits an object.

A zoom is the step between samples in mm. Grids are aligned with the volume's index axes, so that sampling is
separable and no voxel is read twice. Along an axis with thick slices the step is larger, because blowing
slices up adds no information.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from LightSegLib.geometry import IndexBox, SamplingGrid, Volume

MIN_LEVEL_RATIO = 1.7


@dataclass(frozen=True)
class ZoomSettings:
    """How regions are chosen.

    Attributes:
        fill: the object's longest extent over the cube's edge that a region aims at.
        finest: smallest step, as a share of the finest voxel spacing.
        slice_ratio: thick slices are interpolated at most this many times.
        levels: zooms that are tried at most for a first click.
        refit: a region is looked at again when a better zoom differs by more than this factor.
    """

    fill: float = 0.62
    finest: float = 0.6
    slice_ratio: float = 2.5
    levels: int = 3
    refit: float = 1.3


class Zoomer:
    """Makes grids for one volume and one patch size.

    Args:
        volume: the image.
        patch_kji: samples of a region, array order.
        settings: see `ZoomSettings`.
    """

    def __init__(self, volume: Volume, patch_kji: Sequence[int], settings: ZoomSettings) -> None:
        self.settings = settings
        self.shape_ijk = volume.shape_ijk
        self.spacing = np.array(volume.spacing_ijk)
        self.patch = np.array(patch_kji[::-1])
        extent = self.spacing * np.array(volume.shape_ijk)
        self.finest = float(self.spacing.min()) * settings.finest
        self.widest = max(float((extent / self.patch).max()), self.finest)

    def grid(self, centre_ijk: Sequence[float], zoom: float) -> SamplingGrid:
        """The cube around a continuous index at a zoom, moved so that it looks beyond the image as little as
        it can.
        """
        step_mm = np.maximum(zoom, self.spacing / self.settings.slice_ratio)
        step = step_mm / self.spacing
        half = step * self.patch / 2
        shape = np.array(self.shape_ijk)
        low, high = half - 0.5, shape - 0.5 - half
        middle = (shape - 1) / 2
        centre = np.where(low <= high, np.clip(centre_ijk, low, np.maximum(low, high)), middle)
        return SamplingGrid.centred(centre.tolist(), step.tolist(), self.patch.tolist())

    def fitting(self, box: IndexBox) -> float:
        """The zoom at which a box fills the wanted share of the cube, within what the image allows."""
        extent = np.array(box.shape_ijk) * self.spacing / self.patch
        return float(np.clip(extent.max() / self.settings.fill, self.finest, self.widest))

    def ladder(self) -> list[float]:
        """Zooms for a first click, from a close look to the whole image."""
        closest = max(self.finest, min(float(self.spacing.min()), self.widest))
        span = self.widest / closest
        count = int(
            np.clip(1 + np.ceil(np.log(span) / np.log(MIN_LEVEL_RATIO) - 1e-6), 1, self.settings.levels)
        )
        return [float(zoom) for zoom in np.geomspace(closest, self.widest, count)]


def reaches_beyond(mask_kji: np.ndarray, grid: SamplingGrid, shape_ijk: Sequence[int]) -> bool:
    """Whether a mask on a grid touches a side of the cube behind which the image goes on.

    Args:
        mask_kji: bool (K, J, I) of the grid.
        grid: where it lies.
        shape_ijk: voxels of the image.
    """
    for axis in range(3):
        array_axis = 2 - axis
        first = grid.start_ijk[axis] - grid.step_ijk[axis]
        last = grid.start_ijk[axis] + grid.step_ijk[axis] * grid.shape_ijk[axis]
        if first > -0.5 and mask_kji.take(0, axis=array_axis).any():
            return True
        if last < shape_ijk[axis] - 0.5 and mask_kji.take(-1, axis=array_axis).any():
            return True
    return False


def covered(mask_kji: np.ndarray, grid: SamplingGrid, shape_ijk: Sequence[int]) -> IndexBox | None:
    """The voxels that the positive samples of a grid cover, one sample wider; None where there are none."""
    samples = IndexBox.of_mask(mask_kji)
    if samples is None:
        return None
    corners = grid.sample_to_index([np.array(samples.lower) - 1.0, np.array(samples.upper) * 1.0])
    lower = np.floor(corners[0]).astype(int)
    upper = np.ceil(corners[1]).astype(int) + 1
    box = IndexBox(tuple(np.minimum(lower, upper).tolist()), tuple(upper.tolist()))
    return box.clip(shape_ijk)
