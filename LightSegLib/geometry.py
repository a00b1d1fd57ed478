"""Where voxels are in the patient: the one place that knows both index and millimetre frames.

IJK is the voxel index, i fastest; RAS is millimetres towards the patient's right, front (anterior) and head
(superior), as in 3D Slicer. Arrays are (K, J, I) or (C, K, J, I). A continuous index is whole at a voxel
centre.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from LightSegLib.errors import GeometryError, VolumeError
from LightSegLib.index_box import IJK, IndexBox
from LightSegLib.sampling import FloatIJK, SamplingGrid, sample_back, sample_grid

__all__ = [
    "IJK",
    "FloatIJK",
    "IndexBox",
    "SamplingGrid",
    "Volume",
    "round_half_up",
    "sample_back",
    "sample_grid",
]

_SHEAR_TOLERANCE = 1e-3  # cosine between two axes; headers in single precision stay well below
_FLAT_TOLERANCE = 1e-6  # volume of the parallelepiped of the unit axes; below, the axes do not span space


def round_half_up(points: ArrayLike) -> NDArray[np.int64]:
    """The nearest whole index of each continuous index, halves upwards.

    One rule for every border crossing; Python and numpy round halves to even, which makes neighbouring voxels
    unequal. A billionth of a voxel is forgiven, so that a half that went through an affine and back is
    still a half.
    """
    return np.floor(np.asarray(points, np.float64) + (0.5 + 1e-9)).astype(np.int64)


class Volume:
    """An image and its place in space; immutable.

    Args:
        array: (K, J, I), or (C, K, J, I) with channels first; boolean, integer or real floating point, of
            any byte order and memory layout. It is not copied: do not change it while the volume is in use.
        ijk_to_ras: 4x4 affine from voxel index (i, j, k, 1) to RAS in mm. Any rotation, spacing and flip.

    Raises:
        VolumeError: not three or four axes, an axis with fewer than two voxels, values that are not real
            numbers.
        GeometryError: not 4x4, not finite, singular, projective, or sheared: axes not at right angles, with a
            cosine above 0.001.
    """

    __slots__ = ("_array", "_ijk_to_ras", "_ras_to_ijk")

    def __init__(self, array: ArrayLike, ijk_to_ras: ArrayLike) -> None:
        view = np.asarray(array).view()
        _check_array(view)
        view.flags.writeable = False
        matrix = _checked_affine(ijk_to_ras)
        inverse: NDArray[np.float64] = np.linalg.inv(matrix).astype(np.float64)
        matrix.flags.writeable = inverse.flags.writeable = False
        self._array: NDArray[Any] = view
        self._ijk_to_ras = matrix
        self._ras_to_ijk = inverse

    @classmethod
    def read(cls, path: str | os.PathLike[str], series: str | None = None) -> Volume:
        """Read a NIfTI, NRRD or MHA file or a folder with one DICOM series; see `image_files.read_volume`."""
        from LightSegLib.image_files import read_volume

        return read_volume(path, series)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write to NIfTI, NRRD or MHA, chosen by the file name; see `image_files.write_volume`."""
        from LightSegLib.image_files import write_volume

        write_volume(self, path)

    @property
    def array(self) -> NDArray[Any]:
        """The voxels as a read-only view, (K, J, I) or (C, K, J, I), in the dtype they came in."""
        return self._array

    @property
    def ijk_to_ras(self) -> NDArray[np.float64]:
        """4x4 affine from voxel index to RAS mm; read-only."""
        return self._ijk_to_ras

    @property
    def ras_to_ijk(self) -> NDArray[np.float64]:
        """4x4 affine from RAS mm to continuous voxel index; read-only."""
        return self._ras_to_ijk

    @property
    def spacing_ijk(self) -> FloatIJK:
        """Distance of neighbouring voxel centres along i, j, k in mm."""
        i, j, k = map(float, np.linalg.norm(self._ijk_to_ras[:3, :3], axis=0))
        return (i, j, k)

    @property
    def shape_ijk(self) -> IJK:
        """Voxels along i, j, k."""
        k, j, i = self._array.shape[-3:]
        return (i, j, k)

    @property
    def channels(self) -> int:
        """Number of channels; 1 for an array without a channel axis."""
        return self._array.shape[0] if self._array.ndim == 4 else 1

    @property
    def box(self) -> IndexBox:
        """The box of all voxels."""
        return IndexBox.whole(self.shape_ijk)

    def channel(self, c: int) -> NDArray[Any]:
        """Channel `c` (0 is the first) as a read-only view (K, J, I).

        Raises:
            VolumeError: there is no such channel.
        """
        if not 0 <= c < self.channels:
            raise VolumeError(f"The image has no channel {c}", f"It has {self.channels}, counted from 0")
        return self._array[c] if self._array.ndim == 4 else self._array

    def index_to_ras(self, points_ijk: ArrayLike) -> NDArray[np.float64]:
        """RAS positions (..., 3) in mm of continuous indices (..., 3) ordered i, j, k."""
        return _transformed(points_ijk, self._ijk_to_ras)

    def ras_to_index(self, points: ArrayLike) -> NDArray[np.float64]:
        """Continuous indices (..., 3) ordered i, j, k of RAS positions (..., 3) in mm."""
        return _transformed(points, self._ras_to_ijk)

    def ras_to_voxel(self, point: ArrayLike) -> IJK:
        """The voxel (i, j, k) that holds the RAS position (r, a, s) in mm, which may lie outside the image.

        Raises:
            GeometryError: not three finite numbers, or too far away to have an index.
        """
        index = _finite_triple(self.ras_to_index(_finite_triple(point)))
        if np.abs(index).max() > 2**53:
            raise GeometryError(
                f"The position {np.asarray(point).tolist()} mm is too far away to have an index"
            )
        i, j, k = round_half_up(index).tolist()
        return (i, j, k)

    def require_usable_intensities(self) -> None:
        """Check that there is something to segment; reads slice by slice and copies nothing.

        Raises:
            VolumeError: a voxel is NaN or infinite, or all voxels of every channel are equal.
        """
        constant = True
        for c in range(self.channels):
            slices = self.channel(c)
            first = slices[0, 0, 0]
            for k, plane in enumerate(slices):
                low, high = plane.min(), plane.max()
                if not (np.isfinite(low) and np.isfinite(high)):
                    raise VolumeError(
                        f"Slice {k} of the image holds voxels that are not finite (NaN or infinity)",
                        "No contrast can be computed from them",
                        "Replace them, for example by the image's lowest value, and load the image again",
                    )
                constant = constant and bool(low == high == first)
                if not constant and self._array.dtype.kind != "f":
                    return  # whole numbers are always finite: nothing left to check
        if constant:
            raise VolumeError(
                f"All voxels of the image have the value {self._array.flat[0]}",
                "There is no contrast to find a border by",
                "Check that the right image was chosen and loaded completely",
            )

    def __repr__(self) -> str:
        spacing = ", ".join(f"{mm:.4g}" for mm in self.spacing_ijk)
        size = f"shape_ijk={self.shape_ijk}, channels={self.channels}"
        return f"Volume({size}, spacing_ijk=({spacing}) mm, {self._array.dtype})"


def _check_array(array: NDArray[Any]) -> None:
    if array.dtype.kind not in "biuf":
        raise VolumeError(f"Voxels of type {array.dtype} cannot be segmented", "They are not real numbers")
    if array.ndim not in (3, 4):
        raise VolumeError(
            f"An array with {array.ndim} axes is not a volume",
            "The axes are (K, J, I), or (C, K, J, I) with channels first",
        )
    if array.size == 0:
        raise VolumeError(f"The image is empty: its shape is {array.shape}")
    if min(array.shape[-3:]) < 2:
        k, j, i = array.shape[-3:]
        raise VolumeError(
            f"The image is one voxel thin: {i} x {j} x {k} voxels",
            "A volume needs at least two voxels along every axis",
            "Load the whole series instead of a single slice",
        )


def _checked_affine(ijk_to_ras: ArrayLike) -> NDArray[np.float64]:
    """A float64 copy of the affine, found usable."""
    try:
        matrix = np.array(ijk_to_ras, np.float64)
    except (TypeError, ValueError) as error:
        raise GeometryError("The affine ijk_to_ras is not a matrix of numbers") from error
    if matrix.shape != (4, 4):
        raise GeometryError(f"The affine ijk_to_ras has the shape {matrix.shape}", "It has to be 4x4")
    if not np.isfinite(matrix).all():
        raise GeometryError(
            "The affine ijk_to_ras holds NaN or infinity", "", "Correct the header of the image"
        )
    if np.abs(matrix[3] - (0, 0, 0, 1)).max() > 1e-9:
        raise GeometryError(f"The last row of the affine is {matrix[3].tolist()}", "It has to be 0, 0, 0, 1")
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if lengths.min() < 1e-12:
        raise GeometryError(f"The affine ijk_to_ras is singular: voxels of {lengths.tolist()} mm")
    axes = matrix[:3, :3] / lengths
    if abs(np.linalg.det(axes)) < _FLAT_TOLERANCE:
        raise GeometryError(
            "The affine ijk_to_ras is singular", "Two of its axes run in the same plane or direction"
        )
    cosine = np.abs(axes.T @ axes - np.eye(3)).max()
    if cosine > _SHEAR_TOLERANCE:
        raise GeometryError(
            "The image is sheared: its axes are not at right angles",
            f"The largest cosine between two axes is {cosine:.4f}; a tilted CT gantry can cause it",
            "Resample it to a straight grid first, for example with Slicer's Resample Scalar Volume module",
        )
    return matrix


def _transformed(points: ArrayLike, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.asarray(points, np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    return result


def _finite_triple(point: ArrayLike) -> NDArray[np.float64]:
    try:
        triple = np.asarray(point, np.float64)
    except (TypeError, ValueError) as error:
        raise GeometryError(f"The position {point!r} is not three numbers") from error
    if triple.shape != (3,) or not np.isfinite(triple).all():
        raise GeometryError(f"The position {triple.tolist()} is not three finite numbers")
    return triple
