"""A training sample's geometry: which cube of a case the network sees, under which rotation, zoom and
anisotropy.

A `Scene` is one structure of one case in a random pose. It can be rendered at several zooms, as inference
does when it first looks from afar and then refines where the border lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from LightSegLib.training.pack import PackedCase
from LightSegLib.zoom import ZoomSettings


@dataclass(frozen=True)
class View:
    """What one cube shows.

    Attributes:
        image: float32 (D, H, W), 0 to 1.
        target: float32 (D, H, W), 0 or 1.
        labels: int64 (D, H, W), the label map of the case in this cube.
        valid: float32 (D, H, W), 1 where the cube lies inside the case's field of view.
        companion: float32 (D, H, W), 0 to 1, the case's second image; None if it has none.
    """

    image: Tensor
    target: Tensor
    labels: Tensor
    valid: Tensor
    companion: Tensor | None = None


@dataclass(frozen=True)
class Scene:
    """One structure of one case in a random pose; positions are in mm along the case's axes, array order."""

    image: Tensor
    labels: Tensor
    spacing: Tensor
    value: int
    rotation: Tensor
    stretch: Tensor
    centre: Tensor
    edge: float
    companion: Tensor | None = None

    def render(self, size: int, centre: Tensor | None = None, edge: float | None = None) -> View:
        """Sample a cube of `size` samples a side; `centre` and `edge` in mm replace the scene's own."""
        middle = self.centre if centre is None else centre
        axis = (torch.arange(size, dtype=torch.float32) - (size - 1) / 2) * ((edge or self.edge) / size)
        matrix = self.rotation * self.stretch[None, :]
        shape = torch.tensor(self.image.shape, dtype=torch.float32)
        scale = 2.0 / (self.spacing * shape)
        rows = matrix * scale[:, None]
        offset = (middle + 0.5 * self.spacing) * scale - 1.0
        parts = [rows[:, a, None] * axis[None, :] for a in range(3)]
        grid = torch.stack(
            [
                parts[0][r][:, None, None]
                + parts[1][r][None, :, None]
                + parts[2][r][None, None, :]
                + offset[r]
                for r in (2, 1, 0)
            ],
            dim=-1,
        )[None]
        valid = (grid.abs() <= 1.0).all(dim=-1)[0].float()
        layers = [self.image, (self.labels == self.value).float()]
        if self.companion is not None:
            layers.append(self.companion)
        stacked = torch.stack(layers)[None]
        sampled = functional.grid_sample(stacked, grid, padding_mode="border", align_corners=False)[0]
        labels = functional.grid_sample(
            self.labels[None, None], grid, mode="nearest", padding_mode="border", align_corners=False
        )[0, 0]
        target = (sampled[1] > 0.5).float() * valid
        companion = None if self.companion is None else sampled[2]
        return View(sampled[0], target, labels.long(), valid, companion)


def draw_scene(
    case: PackedCase,
    value: int,
    size: int,
    random: np.random.Generator,
    *,
    extent_range: Sequence[float] = (0.15, 1.15),
    finest: float = 0.4,
    upright: bool = False,
) -> Scene:
    """Draw a pose for one structure: the object spans `extent_range` of the cube's edge, if the resolution
    allows.

    Args:
        case: where the structure is.
        value: its label.
        size: samples along the cube's edge.
        random: source of all randomness.
        extent_range: longest extent of the object over the cube's edge, drawn log-uniformly.
        finest: smallest sample step as a share of the finest voxel spacing.
        upright: look along the case's own axes, straight or mirrored through the centre, with thick slices as
            a session shows them; else under a random rotation and stretch.
    """
    spacing = np.array(case.spacing_kji, dtype=np.float32)
    inside = np.argwhere(case.label_map == value)
    lower, upper = inside.min(axis=0), inside.max(axis=0) + 1
    extent = (upper - lower) * spacing
    share = float(np.exp(random.uniform(*np.log(extent_range))))
    edge = max(float(extent.max()) / share, float(spacing.min()) * finest * size)
    if random.random() < 0.5:
        centre = inside[random.integers(len(inside))] * spacing
    else:
        centre = (lower + upper - 1) / 2 * spacing + random.normal(0, 0.08, 3) * edge
    return Scene(
        image=_unit(case.image),
        companion=None if case.companion is None else _unit(case.companion),
        labels=torch.from_numpy(case.label_map.astype(np.float32)),
        spacing=torch.from_numpy(spacing),
        value=value,
        rotation=torch.from_numpy(_mirrored_or_not(random) if upright else _random_rotation(random)),
        stretch=torch.from_numpy(
            _session_stretch(spacing, edge / size) if upright else _random_stretch(random)
        ),
        centre=torch.from_numpy(np.asarray(centre, dtype=np.float32)),
        edge=edge,
    )


def _unit(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32) / 255.0)


def _mirrored_or_not(random: np.random.Generator) -> np.ndarray:
    """The two views that a session takes of a region."""
    return np.eye(3, dtype=np.float32) * np.float32(random.choice([-1.0, 1.0]))


def _session_stretch(spacing: np.ndarray, step: float) -> np.ndarray:
    """How a session stretches a cube of a step in mm along thick slices (spacing (3,), array order)."""
    return np.maximum(1.0, spacing / (ZoomSettings.slice_ratio * step)).astype(np.float32)


def _random_rotation(random: np.random.Generator) -> np.ndarray:
    """A random signed axis permutation, half of the time followed by a rotation of up to 45 degrees about
    any axis.
    """
    matrix = np.eye(3, dtype=np.float32)[random.permutation(3)]
    matrix = matrix * random.choice([-1.0, 1.0], size=3).astype(np.float32)[None, :]
    if random.random() < 0.5:
        axis = random.normal(size=3)
        axis /= np.linalg.norm(axis)
        angle = random.uniform(0, np.pi / 4)
        cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
        turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
        matrix = (matrix @ turn).astype(np.float32)
    return matrix


def _random_stretch(random: np.random.Generator) -> np.ndarray:
    """Per-axis zoom: mild always, and sometimes one axis much coarser,
    as when slices are thick and not blown up.
    """
    stretch = np.exp(random.uniform(-0.2, 0.2, 3))
    if random.random() < 0.25:
        stretch[random.integers(3)] *= random.uniform(1.0, 2.5)
    return stretch.astype(np.float32)
