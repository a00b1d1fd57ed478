"""A synthetic CT of a trunk, with the truth about everything in it; the same voxels on every run.

The volume is drawn slice by slice, so that beyond the int16 result almost no memory is needed. Nothing in it
comes from a patient, so it can be made anywhere, and its truth is exact. It is there to be timed on: what it
says about accuracy counts for little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from LightSegLib.geometry import IndexBox, Volume
from Testing.Benchmarks.anatomy import (
    AIR,
    BODY_RADII_MM,
    BONE,
    FAT,
    FIELD_OF_VIEW_MM,
    MUSCLE,
    STRUCTURES,
    Structure,
)

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

FULL_SIZE = (512, 512, 300)
NOISE = 14.0
"""Standard deviation of the image noise, Hounsfield units."""
_TEXTURE_CELL_MM = 11.0
_EDGE_MM = 1.2  # width over which one structure passes into the next
_WAVES = 1.7  # waves of a wobbly surface along one radius


class Phantom:
    """The volume and its structures.

    Args:
        size_ijk: voxels along i, j, k; at least 16 each. The field of view is always the same, so fewer
            voxels are larger ones.
        seed: of noise and texture.

    Raises:
        ValueError: too few voxels.
    """

    def __init__(self, size_ijk: Sequence[int] = FULL_SIZE, seed: int = 20) -> None:
        i, j, k = (int(length) for length in size_ijk)
        if min(i, j, k) < 16:
            raise ValueError(
                f"A phantom of {i} x {j} x {k} voxels shows nothing; take at least 16 along each axis"
            )
        self._spacing = np.divide(FIELD_OF_VIEW_MM, (i, j, k))
        self._x, self._y, self._z = (
            ((np.arange(length) - (length - 1) / 2) * step).astype(np.float32)
            for length, step in zip((i, j, k), self._spacing, strict=True)
        )
        self.volume = Volume(self._draw(seed), self._affine())

    @property
    def names(self) -> tuple[str, ...]:
        """The structures with a truth, in the order they were laid into the body."""
        return tuple(structure.name for structure in STRUCTURES)

    def truth(self, name: str) -> Bools:
        """The voxels of a structure, bool (K, J, I): inside its own surface and no later structure's.

        Raises:
            KeyError: there is no such structure.
        """
        order = {structure.name: number for number, structure in enumerate(STRUCTURES)}
        number = order[name]
        truth = np.zeros(self.volume.shape_ijk[::-1], dtype=bool)
        self._fill(truth, STRUCTURES[number], True)
        for later in STRUCTURES[number + 1 :]:
            self._fill(truth, later, False)
        return truth

    def _fill(self, mask: Bools, structure: Structure, value: bool) -> None:
        box = self._box(structure)
        for k in range(box.lower[2], box.upper[2]):
            plane = mask[k][box.slices[1:]]
            if value or plane.any():
                plane[self._radius(structure, box, k) < 1] = value

    def _draw(self, seed: int) -> NDArray[np.int16]:
        random = np.random.default_rng(seed)
        texture = _Texture(random, (self._x, self._y, self._z))
        boxes = [(structure, self._box(structure)) for structure in STRUCTURES]
        body = np.hypot(self._x[None, :] / BODY_RADII_MM[0], self._y[:, None] / BODY_RADII_MM[1])
        trunk = np.full(body.shape, AIR, np.float32)
        for level, grey in ((1.0, FAT), (0.91, MUSCLE), (0.8, FAT)):
            _blend(trunk, grey, (level - body) * BODY_RADII_MM[1])
        image = np.empty((len(self._z), *body.shape), np.int16)
        for k in range(len(self._z)):
            mean = trunk.copy()
            spread = np.where(body < 1, np.float32(12), np.float32(0))
            self._lay_ribs(mean, body, k)
            for structure, box in boxes:
                if box.lower[2] <= k < box.upper[2]:
                    part = box.slices[1:]
                    depth = (1 - self._radius(structure, box, k)) * min(structure.radii)
                    _blend(mean[part], structure.grey, depth)
                    spread[part][depth > 0] = structure.texture
            mean += spread * texture.slice(k)
            mean += _noise(random, mean.shape)
            image[k] = np.rint(np.clip(mean, -1024, 3071))
        return image

    def _lay_ribs(self, mean: Floats, body: Floats, k: int) -> None:
        """Rings that climb towards the back, around the upper half of the trunk."""
        z = float(self._z[k])
        if z < -10:
            return
        height = np.cos((z - 0.35 * self._y) * (2 * math.pi / 34)).astype(np.float32)[:, None]
        depth = np.minimum((height - 0.6) * 8, (0.03 - np.abs(body - 0.84)) * BODY_RADII_MM[1])
        _blend(mean, BONE, depth.astype(np.float32))

    def _box(self, structure: Structure) -> IndexBox:
        """A box that holds the structure, surface and soft edge included."""
        lower, upper = [], []
        for axis, lean in enumerate((*structure.lean, 0.0)):
            radius = structure.radii[axis] * (1 + 2 * structure.wobble) + 2 * _EDGE_MM
            reach = (radius + 1.3 * abs(lean) * structure.radii[2]) / self._spacing[axis]
            size = (len(self._x), len(self._y), len(self._z))[axis]
            middle = structure.centre[axis] / self._spacing[axis] + (size - 1) / 2
            lower.append(min(max(math.floor(middle - reach), 0), size))
            upper.append(min(max(math.ceil(middle + reach) + 1, 0), size))
        return IndexBox((lower[0], lower[1], lower[2]), (upper[0], upper[1], upper[2]))

    def _radius(self, structure: Structure, box: IndexBox, k: int) -> Floats:
        """Distance from the structure's middle in a slice of its box, (J, I); 1 at the surface."""
        up = float(self._z[k]) - structure.centre[2]
        rows, columns = box.slices[1:]
        x = (self._x[columns] - structure.centre[0] - structure.lean[0] * up) / structure.radii[0]
        y = (self._y[rows] - structure.centre[1] - structure.lean[1] * up) / structure.radii[1]
        z = up / structure.radii[2]
        radius = np.sqrt((x * x)[None, :] + (y * y)[:, None] + np.float32(z * z))
        phase = len(structure.name)  # so that not all structures have the same dents
        turns = _WAVES * math.pi
        waves = np.sin(turns * x + phase)[None, :] * np.sin(turns * y + 2 * phase)[:, None]
        height = np.float32(structure.wobble * math.cos(turns * z + phase))
        return (radius + height * waves).astype(np.float32)

    def _affine(self) -> NDArray[np.float64]:
        """Index to RAS: i runs to the left, j to the back, k to the head, as scanners store it."""
        affine = np.diag([*(self._spacing * (-1, -1, 1)), 1.0])
        affine[:3, 3] = [-sign * float(axis[0]) for sign, axis in ((1, self._x), (1, self._y), (-1, self._z))]
        return affine


class _Texture:
    """Slow random variation, standard deviation about one: a coarse grid of random numbers, interpolated."""

    def __init__(self, random: np.random.Generator, axes: tuple[Floats, Floats, Floats]) -> None:
        x, y, z = (self._weights(axis) for axis in axes)
        self._field = random.standard_normal((z.shape[1], y.shape[1], x.shape[1]), dtype=np.float32)
        self._field *= np.float32(1.6)  # interpolation lowers the variance
        self._x, self._y, self._z = x, y, z

    @staticmethod
    def _weights(axis: Floats) -> Floats:
        """Interpolation matrix (voxels, cells)."""
        cells = math.ceil(float(axis[-1] - axis[0]) / _TEXTURE_CELL_MM) + 2
        place = (axis - axis[0]) / _TEXTURE_CELL_MM
        return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(cells))).astype(np.float32)

    def slice(self, k: int) -> Floats:
        """One slice, (J, I)."""
        plane = np.tensordot(self._z[k], self._field, axes=1)
        result: Floats = self._y @ plane @ self._x.T
        return result


def _blend(grey: Floats, value: float, depth_mm: Floats) -> None:
    """Lay a structure over a slice, in place, with a soft edge; depth is positive inside."""
    share = np.clip(depth_mm / np.float32(_EDGE_MM) + np.float32(0.5), 0, 1)
    grey += share * (np.float32(value) - grey)


def _noise(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Noise with some likeness between neighbours, as reconstruction filters leave it."""
    white = random.standard_normal(shape, dtype=np.float32)
    return (white + np.roll(white, 1, 0) + np.roll(white, 1, 1)) * np.float32(NOISE / math.sqrt(3))
