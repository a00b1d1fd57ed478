"""Where a position in a slice view lies in the patient, and the box that a rectangle drawn there means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from LightSegLib.geometry import IJK, Volume

_PLANE_TOLERANCE = 1e-4  # mm, and cosine: two slices that differ less show the same


def matrixOf(vtkMatrix: Any) -> NDArray[np.float64]:
    """A vtkMatrix4x4 as array (4, 4)."""
    return np.array([[vtkMatrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def toRas(sliceNode: Any, xy: tuple[float, float]) -> tuple[float, float, float]:
    """World RAS in mm of a position in a slice view, in device pixels from the lower left corner."""
    r, a, s, _one = sliceNode.GetXYToRAS().MultiplyPoint((float(xy[0]), float(xy[1]), 0.0, 1.0))
    return (r, a, s)


def toXy(sliceNode: Any, points: Any) -> NDArray[np.float64]:
    """Positions (N, 2) in device pixels of RAS points (N, 3), looked at along the slice's normal."""
    inverse = np.linalg.inv(matrixOf(sliceNode.GetXYToRAS()))
    points = np.asarray(points, np.float64).reshape(-1, 3)
    return (points @ inverse[:3, :3].T + inverse[:3, 3])[:, :2]


class SlicePlane:
    """The plane that a slice view shows: origin and unit axes (right, up, towards the viewer) in RAS mm."""

    def __init__(self, sliceNode: Any) -> None:
        matrix = matrixOf(sliceNode.GetSliceToRAS())
        self.axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
        self.origin = matrix[:3, 3]

    def distance(self, points: Any) -> NDArray[np.float64]:
        """Distances (N,) in mm of points (N, 3) from the plane, positive in front of it."""
        return (np.asarray(points, np.float64).reshape(-1, 3) - self.origin) @ self.axes[:, 2]

    def isSameAs(self, other: SlicePlane) -> bool:
        """Whether both show the same slice, wherever in it the view is centered."""
        turned = np.abs(self.axes[:, 2] - other.axes[:, 2]).max()
        return bool(turned < _PLANE_TOLERANCE and abs(self.distance(other.origin)[0]) < _PLANE_TOLERANCE)

    def rectangle(self, first: Any, second: Any) -> NDArray[np.float64]:
        """The four corners (4, 3), in order around, of a rectangle on the plane with two opposite corners."""
        first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
        right, up = self._sides(first, second)
        return np.array([first, first + right, first + right + up, first + up])

    def boxCorners(self, first: Any, second: Any) -> NDArray[np.float64]:
        """The eight corners (8, 3) of the box that a drawn rectangle means.

        A rectangle says nothing about the third direction. Most structures are about as deep as they are
        wide, so the box is as deep as the rectangle's shorter side and the slice lies in its middle.
        """
        corners = self.rectangle(first, second)
        right, up = self._sides(corners[0], corners[2])
        half = min(float(np.linalg.norm(right)), float(np.linalg.norm(up))) / 2 * self.axes[:, 2]
        return np.concatenate([corners - half, corners + half])

    def _sides(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        """The two sides (2, 3) of a rectangle as vectors, along the view's right and up."""
        along = (second - first) @ self.axes[:, :2]
        return along[:, None] * self.axes[:, :2].T


def boxInVolume(corners: Any, volume: Volume) -> tuple[IJK, IJK] | None:
    """The smallest box of voxels around corners (N, 3), clipped to the image.

    Returns:
        Lowest voxel and one past the highest voxel, (i, j, k) each; None if the box misses the image.
    """
    from LightSegLib.geometry import round_half_up

    index = round_half_up(volume.ras_to_index(corners))
    shape = np.array(volume.shape_ijk)
    lower, upper = np.maximum(index.min(0), 0), np.minimum(index.max(0) + 1, shape)
    if (upper <= lower).any():
        return None
    i, j, k = lower.tolist()
    x, y, z = upper.tolist()
    return (i, j, k), (x, y, z)
