"""Several images of one patient as the channels of one volume: PET with CT, several MR sequences.

The grid is that of the first image; the others are resampled to it by their affines. Nothing is registered:
the images have to lie in one frame already, as those of one examination usually do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from LightSegLib.errors import GeometryError, OutOfMemoryError, VolumeError
from LightSegLib.geometry import Volume
from LightSegLib.sampling import SamplingGrid, sample_grid

_SAME_PLACE = 1e-3
"""Voxels by which two grids may differ and still be taken as one."""
_LEAST_OVERLAP = 0.05


def stack_channels(volumes: Sequence[Volume | None]) -> Volume:
    """Put images on one grid, one after the other as channels.

    Args:
        volumes: in the order that the model's card names; None where an image was not acquired, which gives a
            channel of zeros. Volumes of several channels keep all of them.

    Returns:
        (C, K, J, I) on the grid of the first image that is there, of the smallest data type that holds all;
        an image that does not cover the whole grid goes on with its lowest value. A single volume comes back
        as it is.

    Raises:
        VolumeError: no image at all.
        GeometryError: an image shares less than 5 % of the grid with the first one.
        OutOfMemoryError: all channels together do not fit into memory.
    """
    present = [volume for volume in volumes if volume is not None]
    if not present:
        raise VolumeError("There is no image to stack", "Every channel is missing", "Give at least one image")
    if len(volumes) == 1:
        return present[0]
    frame = present[0]
    try:
        parts = [part for number, volume in enumerate(volumes) for part in _parts(volume, frame, number)]
        return Volume(np.stack(parts), frame.ijk_to_ras)
    except MemoryError as error:
        raise OutOfMemoryError(
            f"{len(volumes)} images of {frame.shape_ijk} voxels do not fit into memory together",
            "",
            "Crop the first image to the part that matters",
        ) from error


def _parts(volume: Volume | None, frame: Volume, number: int) -> list[NDArray[np.generic]]:
    """The channels of one image on the grid of another."""
    if volume is None:
        return [np.zeros(frame.shape_ijk[::-1], np.uint8)]
    if volume.shape_ijk == frame.shape_ijk and _apart(volume, frame) < _SAME_PLACE:
        return [volume.channel(c) for c in range(volume.channels)]
    share = _overlap(volume, frame)
    if share < _LEAST_OVERLAP:
        raise GeometryError(
            f"Image {number + 1} lies elsewhere in space than the first one",
            f"It covers {100 * share:.0f} % of it",
            "Register the images first, for example with Slicer's General Registration, "
            "and check that they are of the same patient",
        )
    return [_resampled(volume.channel(c), volume, frame) for c in range(volume.channels)]


def _corners(volume: Volume) -> NDArray[np.float64]:
    """The eight outermost voxel centres in RAS mm, (8, 3)."""
    last = np.array(volume.shape_ijk) - 1
    return volume.index_to_ras(np.array([*np.ndindex(2, 2, 2)]) * last)


def _apart(volume: Volume, frame: Volume) -> float:
    """The largest distance of corresponding corners, in voxels of the frame."""
    distance = frame.ras_to_index(_corners(volume)) - frame.ras_to_index(_corners(frame))
    return float(np.abs(distance).max())


def _overlap(volume: Volume, frame: Volume) -> float:
    """Share of the frame that an image covers, from 16 points along each axis."""
    axes = [np.linspace(0, n - 1, 16) for n in frame.shape_ijk]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    index = volume.ras_to_index(frame.index_to_ras(points))
    inside = (index >= -0.5) & (index <= np.array(volume.shape_ijk) - 0.5)
    return float(inside.all(axis=-1).mean())


def _resampled(array: NDArray[np.generic], volume: Volume, frame: Volume) -> NDArray[np.generic]:
    """One channel on the frame's grid, linearly interpolated, in its own data type.

    An image much finer than the frame is averaged first, so that nothing is skipped.
    """
    import SimpleITK as sitk  # noqa: N813 - the customary short name

    from LightSegLib.image_files import lps_frame, to_simpleitk

    array, volume = _no_finer_than(array, volume, frame)
    origin, spacing, direction = lps_frame(frame)
    moved = sitk.Resample(
        to_simpleitk(sitk, Volume(array, volume.ijk_to_ras)),
        frame.shape_ijk,
        sitk.Transform(),
        sitk.sitkLinear,
        origin,
        spacing,
        direction,
        float(array.min()),
    )
    result: NDArray[np.generic] = sitk.GetArrayFromImage(moved)
    return result


def _no_finer_than(
    array: NDArray[np.generic], volume: Volume, frame: Volume
) -> tuple[NDArray[np.generic], Volume]:
    """Average along the axes on which an image is finer than the frame's finest voxel."""
    step = np.maximum(1.0, min(frame.spacing_ijk) / np.array(volume.spacing_ijk))
    if step.max() < 1.5:
        return array, volume
    shape = np.maximum(2, np.ceil(np.array(volume.shape_ijk) / step)).astype(int)
    centre = (np.array(volume.shape_ijk) - 1) / 2
    grid = SamplingGrid.centred(centre.tolist(), step.tolist(), shape.tolist())
    affine = volume.ijk_to_ras.copy()
    affine[:3, 3] = volume.index_to_ras(np.array(grid.start_ijk))
    affine[:3, :3] = affine[:3, :3] * step
    coarse = sample_grid(array, grid)
    if array.dtype.kind in "iu":
        coarse = np.rint(coarse)
    return coarse.astype(array.dtype), Volume(coarse, affine)
