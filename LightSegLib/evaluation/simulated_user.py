"""A user who clicks where it helps: the same rules for every method that is judged.

The first click is the innermost voxel of the object, each next one the innermost voxel of the largest error
component: a positive click where a part of the object is missed, a negative one where the mask spilled.

Innermost: the largest Euclidean distance in mm to the outside of the region. Beyond the edge of the volume
counts as outside, so an object that the edge cuts is not clicked on that edge.
Component: voxels that share faces (6-connectivity). Missed and spilled voxels never join into one component.
Ties: the missed parts before the spilled ones, then the voxel (or component) that comes first in array order.
A voxel that was clicked is never clicked again: the next innermost is taken, or the next largest component.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from LightSegLib.errors import VolumeError
from LightSegLib.evaluation.metrics import spacing_kji
from LightSegLib.geometry import IJK, IndexBox
from LightSegLib.prompts import Point

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Mask = npt.NDArray[Any]


class SimulatedUser:
    """One user with one object in mind; remembers the clicks already made.

    Args:
        truth: the object as a mask (K, J, I); at least one voxel.
        spacing_ijk: voxel size in mm along i, j, k.

    Raises:
        VolumeError: the object is empty or not 3D.
        GeometryError: the spacing is not three positive numbers.
    """

    def __init__(self, truth: Mask, spacing_ijk: Sequence[float]) -> None:
        self._truth = np.asarray(truth).astype(bool, copy=False)
        self._spacing_ijk = tuple(spacing_ijk)
        self._clicks: list[Point] = []
        self._first = first_click(self._truth, self._spacing_ijk)

    @property
    def clicks(self) -> tuple[Point, ...]:
        """The clicks made so far, in order."""
        return tuple(self._clicks)

    def next_click(self, mask: Mask) -> Point | None:
        """Return where the user clicks on seeing a mask (K, J, I), and remember it; None: nothing is wrong.

        The first click does not depend on the mask: the user starts in the middle of the object.
        """
        if self._clicks:
            clicked = [point.ijk for point in self._clicks]
            click = next_click(self._truth, mask, self._spacing_ijk, clicked)
        else:
            click = self._first
        if click is not None:
            self._clicks.append(click)
        return click


def first_click(truth: Mask, spacing_ijk: Sequence[float]) -> Point:
    """Return a positive click on the innermost voxel of an object (K, J, I).

    Raises:
        VolumeError: the object is empty or not 3D.
        GeometryError: the spacing is not three positive numbers.
    """
    region = np.asarray(truth).astype(bool, copy=False)
    box = IndexBox.of_mask(region) if region.ndim == 3 else None
    if box is None:
        raise VolumeError(
            f"The object to click on is empty or not 3D (shape {region.shape})",
            "The simulated user needs at least one voxel to aim at",
        )
    voxel = _innermost(region[box.slices], box.lower, spacing_kji(spacing_ijk), frozenset())
    return Point(voxel if voxel is not None else box.lower, positive=True)


def next_click(
    truth: Mask, mask: Mask, spacing_ijk: Sequence[float], clicked: Collection[IJK] = ()
) -> Point | None:
    """Return a click on the innermost voxel of the largest error component, or None: no error is left.

    Args:
        truth: the object (K, J, I).
        mask: what the method under test made of it so far, same shape.
        spacing_ijk: voxel size in mm along i, j, k.
        clicked: voxels (IJK) never to be clicked again.

    Raises:
        VolumeError: the shapes differ.
        GeometryError: the spacing is not three positive numbers.
    """
    wanted, present = (np.asarray(array).astype(bool, copy=False) for array in (truth, mask))
    if wanted.shape != present.shape or wanted.ndim != 3:
        raise VolumeError(
            f"The mask has the shape {present.shape}, the object {wanted.shape}",
            "Both must be (K, J, I) on the same grid",
        )
    sampling = spacing_kji(spacing_ijk)
    taken = frozenset(clicked)
    parts = [*_components(wanted & ~present, positive=True), *_components(present & ~wanted, positive=False)]
    # A stable sort keeps missed before spilled, and array order, among components of one size.
    for part in sorted(parts, key=lambda part: -part.size):
        voxel = _innermost(*part.crop(), sampling, taken)
        if voxel is not None:
            return Point(voxel, positive=part.positive)
    return None


@dataclass(frozen=True)
class _Component:
    """One face-connected piece of one kind of error.

    Attributes:
        labels: numbered pieces (K, J, I) in the bounding box of all errors of this kind.
        corner: volume index (IJK) of that box's lower corner.
        number: the number of this piece.
        size: its voxels.
        positive: whether the click it calls for is positive.
    """

    labels: npt.NDArray[Any]
    corner: IJK
    number: int
    size: int
    positive: bool

    def crop(self) -> tuple[npt.NDArray[np.bool_], IJK]:
        """Return the piece cropped to its bounding box, and the volume index (IJK) of the crop's corner."""
        piece = self.labels == self.number
        box = IndexBox.of_mask(piece) or IndexBox.whole(piece.shape[::-1])
        (i, j, k), (di, dj, dk) = self.corner, box.lower
        return piece[box.slices], (i + di, j + dj, k + dk)


def _components(error: npt.NDArray[np.bool_], positive: bool) -> list[_Component]:
    from scipy.ndimage import label

    box = IndexBox.of_mask(error)
    if box is None:
        return []
    labels, count = label(error[box.slices])
    sizes = np.bincount(labels.ravel(), minlength=count + 1).tolist()
    return [_Component(labels, box.lower, number, sizes[number], positive) for number in range(1, count + 1)]


def _innermost(
    region: npt.NDArray[np.bool_],
    lower_ijk: IJK,
    sampling_kji: tuple[float, float, float],
    taken: frozenset[IJK],
) -> IJK | None:
    """Return the volume index (IJK) of a region's innermost voxel that is not taken, or None when all are."""
    from scipy.ndimage import distance_transform_edt

    # One voxel of padding: the crop's edge, and so the volume's, counts as outside.
    depth = distance_transform_edt(np.pad(region, 1), sampling=sampling_kji)[1:-1, 1:-1, 1:-1]
    for voxel in taken:
        index = tuple(value - corner for value, corner in zip(voxel, lower_ijk, strict=True))[::-1]
        if all(0 <= value < length for value, length in zip(index, depth.shape, strict=True)):
            depth[index] = 0.0
    best = int(np.argmax(depth))
    if depth.flat[best] <= 0:
        return None
    k, j, i = (int(value) for value in np.unravel_index(best, depth.shape))
    return i + lower_ijk[0], j + lower_ijk[1], k + lower_ijk[2]
