"""Anatomical planes of a volume, as a radiologist looks at them.

The patient's right is on the left of the axial and the coronal picture, the front on the left of the sagittal
one, the head up. An oblique volume is cut along its own axes, each assigned to the anatomical axis it is
closest to.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Plane:
    """How one anatomical plane is cut from an array (K, J, I).

    Attributes:
        name: axial, coronal or sagittal.
        normal, down, right: volume axes (0 i, 1 j, 2 k) through the plane, along the picture's rows and
            columns.
        flip_down, flip_right: whether these axes run against the picture's direction.
        letters: what lies at the left, right, top and bottom edge.
    """

    name: str
    normal: int
    down: int
    right: int
    flip_down: bool
    flip_right: bool
    letters: str

    def cut(self, array: Array, index: int) -> Array:
        """Return the picture (rows, columns) of an array (K, J, I) at a voxel index along the normal."""
        order = (2 - self.normal, 2 - self.down, 2 - self.right)
        picture: Array = np.transpose(array, order)[index]
        return picture[:: -1 if self.flip_down else 1, :: -1 if self.flip_right else 1]

    def place(self, ijk: Sequence[int], shape_ijk: Sequence[int]) -> tuple[int, int]:
        """Return (column, row) of a voxel in the picture."""
        column, row = ijk[self.right], ijk[self.down]
        if self.flip_right:
            column = shape_ijk[self.right] - 1 - column
        if self.flip_down:
            row = shape_ijk[self.down] - 1 - row
        return column, row


def anatomical_planes(ijk_to_ras: npt.NDArray[np.float64]) -> tuple[Plane, Plane, Plane]:
    """Return axial, coronal and sagittal plane of a volume with a 4x4 affine from IJK to RAS in mm."""
    directions = ijk_to_ras[:3, :3] / np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    # axes[r] is the volume axis that runs closest to anatomical axis r (right, anterior, superior), each
    # taken once.
    axes = max(permutations(range(3)), key=lambda order: sum(abs(directions[r, order[r]]) for r in range(3)))
    towards_right, towards_front, towards_head = (bool(directions[r, axes[r]] > 0) for r in range(3))
    x, y, z = axes
    return (
        Plane("axial", z, y, x, towards_front, towards_right, "RLAP"),
        Plane("coronal", y, z, x, towards_head, towards_right, "RLSI"),
        Plane("sagittal", x, z, y, towards_head, towards_front, "APSI"),
    )
