"""Baseline: 3D Slicer's "Grow from seeds", driven by clicks.

It runs Slicer's own `vtkImageGrowCutSegment` from the slicer-core package (`pip install slicer-core`; inside
Slicer it is there already). Every click becomes a ball of seeds, and the outermost voxels of the volume are
background seeds, as a user would have to paint them. A later ball overwrites an earlier one, and a ball
overwrites the border.

The filter counts on a margin: it never grows out of the outermost voxels of what it is given. Handed the bare
volume, the background seeds on its border are inert, and the first click fills the whole volume (Dice near
0.1). So the volume is given a margin of one voxel here, which lets the border grow and makes the baseline
far stronger on the first clicks. `GrowFromSeeds(live_border=False)` is the bare volume, for comparison with
numbers that were measured that way.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from LightSegLib.errors import CapabilityError, PromptError, SessionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from LightSegLib.geometry import Volume

SEED_RADIUS_VOXELS = 2
_OBJECT, _BACKGROUND = 1, 2


class GrowFromSeeds:
    """Slicer's grow-from-seeds with the calls of a session: set_image, reset, add_point, mask.

    Args:
        live_border: let the background seeds on the border grow (see the module).
        incremental: hand new seeds to the filter that already grew the old ones. This is faster, and what
            Slicer's effect does between two previews, but where a seed overwrites another the result depends
            on the order of the clicks. By default each click grows all seeds afresh.

    Raises:
        CapabilityError: slicer-core is not installed.
    """

    def __init__(self, live_border: bool = True, incremental: bool = False) -> None:
        self._filter_class = _growcut_class()
        self._incremental = incremental
        self._margin = 1 if live_border else 0
        self._filter: Any = None
        self._image: Any = None
        self._spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
        self._seeds = np.zeros((0, 0, 0), dtype=np.uint8)
        self._mask = np.zeros((0, 0, 0), dtype=bool)

    def set_image(self, volume: Volume) -> None:
        """Take a volume; of several channels the first is used."""
        array = volume.channel(0)
        self._spacing = volume.spacing_ijk
        self._image = _to_vtk(np.pad(array, self._margin, mode="edge"), self._spacing)
        self._seeds = np.zeros(array.shape, dtype=np.uint8)
        self.reset()

    def reset(self) -> None:
        """Forget all clicks and start on another object of the same image.

        Raises:
            SessionError: no image is set.
        """
        self._require_image()
        self._seeds[:] = _BACKGROUND
        self._seeds[1:-1, 1:-1, 1:-1] = 0
        self._mask = np.zeros(self._seeds.shape, dtype=bool)
        self._filter = self._fresh_filter()

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """The current mask, bool (K, J, I).

        Raises:
            SessionError: no image is set.
        """
        self._require_image()
        return self._mask

    def add_point(self, ijk: tuple[int, int, int], positive: bool = True) -> None:
        """Paint a ball of seeds at a voxel index (IJK) and grow; the mask is empty until a positive click.

        Raises:
            SessionError: no image is set.
            PromptError: the voxel lies outside the volume.
        """
        self._require_image()
        centre, shape = tuple(ijk)[::-1], self._seeds.shape
        if not all(0 <= value < length for value, length in zip(centre, shape, strict=True)):
            raise PromptError(
                f"The point {tuple(ijk)} lies outside the volume of {shape[::-1]} voxels",
                "A seed needs a voxel",
                "Click inside the volume.",
            )
        _paint_ball(self._seeds, centre, _OBJECT if positive else _BACKGROUND)
        self._mask = self._grow()

    def _grow(self) -> npt.NDArray[np.bool_]:
        from vtkmodules.util.numpy_support import vtk_to_numpy

        if not np.any(self._seeds == _OBJECT):
            return np.zeros(self._seeds.shape, dtype=bool)
        if not self._incremental:
            self._filter = self._fresh_filter()
        seeds = np.pad(self._seeds, self._margin)
        self._filter.SetSeedLabelVolume(_to_vtk(seeds, self._spacing))
        self._filter.Update()
        labels = vtk_to_numpy(self._filter.GetOutput().GetPointData().GetScalars())
        grown: npt.NDArray[np.bool_] = labels.reshape(seeds.shape) == _OBJECT
        inner = slice(self._margin, -self._margin or None)
        return grown[inner, inner, inner]

    def _fresh_filter(self) -> Any:
        grow = self._filter_class()
        grow.SetIntensityVolume(self._image)
        return grow

    def _require_image(self) -> None:
        if self._image is None:
            raise SessionError(
                "Grow-from-seeds has no image", "There is nothing to grow in", "Call set_image first."
            )


def baselines() -> dict[str, Callable[[], GrowFromSeeds]]:
    """Return the baselines by name, as `evaluate` takes them: with a live border, and the bare volume."""
    return {
        "grow-from-seeds": GrowFromSeeds,
        "grow-from-seeds (bare)": partial(GrowFromSeeds, live_border=False),
    }


def slicer_core_is_available() -> bool:
    """Say whether Slicer's grow-cut class can be imported (this imports VTK)."""
    try:
        _growcut_class()
    except CapabilityError:
        return False
    return True


def _growcut_class() -> Any:
    try:
        from slicer import vtkImageGrowCutSegment
    except ImportError as error:
        message = "The baseline grow-from-seeds cannot run"
        why = f"slicer-core, which brings Slicer's vtkImageGrowCutSegment, cannot be imported ({error})"
        raise CapabilityError(
            message, why, "Run `pip install slicer-core`, or leave the baseline out."
        ) from error
    return vtkImageGrowCutSegment


def _to_vtk(array: npt.NDArray[Any], spacing_ijk: tuple[float, float, float]) -> Any:
    """Copy an array (K, J, I) into a vtkImageData."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData

    image = vtkImageData()
    image.SetDimensions(*array.shape[::-1])
    image.SetSpacing(*spacing_ijk)
    # VTK has no half floats, no booleans and no foreign byte order.
    native: dict[str, np.dtype[Any]] = {"e": np.dtype(np.float32), "?": np.dtype(np.uint8)}
    numbers = array.astype(native.get(array.dtype.char, array.dtype.newbyteorder("=")), copy=False)
    image.GetPointData().SetScalars(numpy_to_vtk(numbers.ravel(), deep=True))
    return image


def _paint_ball(seeds: npt.NDArray[np.uint8], centre_kji: tuple[int, ...], label: int) -> None:
    """Write a label into the voxels within SEED_RADIUS_VOXELS of a voxel, in place."""
    reach = np.arange(-SEED_RADIUS_VOXELS, SEED_RADIUS_VOXELS + 1)
    offsets = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1).reshape(-1, 3)
    offsets = offsets[(offsets**2).sum(axis=1) <= SEED_RADIUS_VOXELS**2]
    voxels = offsets + np.asarray(centre_kji)
    inside = np.all((voxels >= 0) & (voxels < seeds.shape), axis=1)
    seeds[tuple(voxels[inside].T)] = label
