"""A slice's geometry: which plane of a case a network of slices sees, and which square of it.

Rows and columns run as in `slicewise.window`: rows along the slower of the plane's two array axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from LightSegLib.errors import VolumeError
from LightSegLib.geometry import IndexBox, Volume
from LightSegLib.slicewise.window import plane_axes
from LightSegLib.slicewise.windows import Windows, choose_axis
from LightSegLib.training.pack import PackedCase
from LightSegLib.training.scenes import View

ACQUISITION = 0.7
"""Share of the slices that lie in the plane a case was acquired in, as a session slices it."""
FINEST = 0.4
"""Smallest pixel as a share of the finest voxel spacing, and of a voxel in a session."""
WIDEST = 1.2
"""Edge of the widest square over the longest side of the plane: a session shows no more than the plane."""
TURNED = 0.5
NEAR_THE_END = 4
"""Planes of a structure that count as its last ones."""


@dataclass(frozen=True)
class SliceScene:
    """One structure in one plane of a case, seen in a square.

    Attributes:
        case: where it is.
        value: its label.
        axis: the index axis across the plane: 0, 1, 2 for i, j, k.
        index: which plane.
        origin: float64 (2,), the voxel under the middle of the first pixel, row and column; continuous.
        matrix: float64 (2, 2), voxels per pixel: columns are the directions of pixel rows and columns.
    """

    case: PackedCase
    value: int
    axis: int
    index: int
    origin: np.ndarray
    matrix: np.ndarray

    def render(self, size: int, index: int | None = None) -> View:
        """Sample the square.

        Args:
            size: pixels along its edge.
            index: of another plane, to be seen in the same place.

        Returns:
            What it shows; all are (size, size).
        """
        plane = self.index if index is None else index
        image, labels = (array.take(plane, 2 - self.axis) for array in (self.case.image, self.case.label_map))
        grid, valid = self._grid(size, image.shape)
        layers = np.stack([image.astype(np.float32) / 255.0, (labels == self.value).astype(np.float32)])
        sampled = _sampled(layers, grid, "bilinear")
        target = (sampled[1] > 0.5).float() * valid
        nearest = _sampled(labels[None].astype(np.float32), grid, "nearest")[0]
        return View(sampled[0], target, nearest.long(), valid)

    def _grid(self, size: int, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Where PyTorch samples (1, size, size, 2), and what of it lies in the image (size, size)."""
        pixels = np.arange(size)
        rows, columns = (
            self.origin[a] + self.matrix[a, 0] * pixels[:, None] + self.matrix[a, 1] * pixels[None, :]
            for a in range(2)
        )
        inside = np.ones((size, size), bool)
        for places, count in ((rows, shape[0]), (columns, shape[1])):
            inside &= (places > -0.5) & (places < count - 0.5)
        scaled = [(2 * columns + 1) / shape[1] - 1, (2 * rows + 1) / shape[0] - 1]
        grid = torch.from_numpy(np.stack(scaled, axis=-1).astype(np.float32))
        return grid[None], torch.from_numpy(inside.astype(np.float32))


def draw_slice(
    case: PackedCase,
    value: int,
    size: int,
    random: np.random.Generator,
    *,
    extent_range: Sequence[float] = (0.1, 0.9),
    upright: bool = False,
    last: int = 0,
) -> SliceScene:
    """Draw a plane through a structure, and a square in it.

    Args:
        case: where the structure is.
        value: its label.
        size: pixels along the square's edge.
        random: source of all randomness.
        extent_range: longest extent of the structure in the plane over the square's edge, drawn
            log-uniformly; smaller where the voxels would be blown up too far.
        upright: a square as a session shows it; else turned, mirrored and stretched at random.
        last: 1 or -1 for one of the structure's last planes in that direction along the axis, 0 for any one.

    Raises:
        VolumeError: no plane of the case is an image: it has a few voxels along all axes but one.
    """
    volume = Volume(case.image, np.diag([*case.spacing_kji[::-1], 1.0]))
    axis = _plane(volume, size, random)
    voxels = np.argwhere(case.label_map == value)
    planes = voxels[:, 2 - axis]
    index = int(planes[random.integers(len(voxels))])
    if last:
        inwards = np.unique(planes)[::-last]
        index = int(inwards[random.integers(min(NEAR_THE_END, len(inwards)))])
    flat = voxels[planes == index]
    flat = np.delete(flat, 2 - axis, axis=1)
    if upright:
        origin, matrix = _session_square(volume, axis, size, flat, random)
    else:
        origin, matrix = _random_square(volume, axis, size, flat, extent_range, random)
    return SliceScene(case, value, axis, index, origin, matrix)


def _plane(volume: Volume, size: int, random: np.random.Generator) -> int:
    """The index axis across the slice: mostly the one a session chooses."""
    usual = choose_axis(volume, None, size)
    if random.random() < ACQUISITION:
        return usual
    other = int(random.choice([axis for axis in range(3) if axis != usual]))
    try:
        return choose_axis(volume, other, size)
    except VolumeError:  # a case of few slices has no other plane
        return usual


def _session_square(
    volume: Volume, axis: int, size: int, voxels: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Origin and matrix of the square a session shows: around a click, or around the whole structure."""
    if random.random() < 0.5:
        lower = upper = voxels[random.integers(len(voxels))]
    else:
        lower, upper = voxels.min(axis=0), voxels.max(axis=0)
    x, y = plane_axes(axis)
    first, last = [0, 0, 0], [1, 1, 1]
    for a, place in ((x, 1), (y, 0)):
        first[a], last[a] = int(lower[place]), int(upper[place]) + 1
    area = IndexBox((first[0], first[1], first[2]), (last[0], last[1], last[2]))
    windows = Windows(volume, axis, size)
    # The plane's own number does not matter: all have the same squares.
    grid = windows.window(0, area, windows.level(area)).grid
    return np.array([grid.start_ijk[y], grid.start_ijk[x]]), np.diag([grid.step_ijk[y], grid.step_ijk[x]])


def _random_square(
    volume: Volume,
    axis: int,
    size: int,
    voxels: np.ndarray,
    extent_range: Sequence[float],
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Origin and matrix of a square that is turned, mirrored and stretched at random."""
    spacing = np.array([volume.spacing_ijk[a] for a in reversed(plane_axes(axis))])
    lower, upper = voxels.min(axis=0), voxels.max(axis=0) + 1
    extent = float(((upper - lower) * spacing).max())
    share = float(np.exp(random.uniform(*np.log(extent_range))))
    whole = max(volume.spacing_ijk[a] * volume.shape_ijk[a] for a in plane_axes(axis))
    edge = max(min(extent / share, WIDEST * whole), float(spacing.min()) * FINEST * size)
    if random.random() < 0.5:
        centre = voxels[random.integers(len(voxels))] * spacing
    else:
        centre = (lower + upper - 1) / 2 * spacing + random.normal(0, 0.1, 2) * edge
    turn = np.eye(2)[random.permutation(2)] * random.choice([-1.0, 1.0], size=2)[None, :]
    if random.random() < TURNED:
        angle = random.uniform(-np.pi / 4, np.pi / 4)
        turn = turn @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.exp(random.uniform(-0.2, 0.2, 2))
    matrix = turn * stretch[None, :] * (edge / size) / spacing[:, None]
    return centre / spacing - matrix @ np.full(2, (size - 1) / 2), matrix


def _sampled(layers: np.ndarray, grid: Tensor, mode: str) -> Tensor:
    """Layers (L, H, W) at the places of a grid (1, size, size, 2): (L, size, size)."""
    values = torch.from_numpy(layers)[None]
    return functional.grid_sample(values, grid, mode=mode, padding_mode="border", align_corners=False)[0]
