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

from LightSegLib.training import poses
from LightSegLib.training.pack import PackedCase


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

    @classmethod
    def of(
        cls,
        case: PackedCase,
        value: int,
        rotation: np.ndarray,
        stretch: np.ndarray,
        centre: np.ndarray,
        edge: float,
    ) -> Scene:
        """One structure of a case in a given pose; see `training.poses` for rotation and stretch."""
        return cls(
            image=_unit(case.image),
            companion=None if case.companion is None else _unit(case.companion),
            labels=torch.from_numpy(case.label_map.astype(np.float32)),
            spacing=torch.tensor(case.spacing_kji, dtype=torch.float32),
            value=value,
            rotation=torch.from_numpy(rotation),
            stretch=torch.from_numpy(stretch),
            centre=torch.from_numpy(np.asarray(centre, dtype=np.float32)),
            edge=edge,
        )

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
    rotation = poses.mirrored_or_not(random) if upright else poses.random_rotation(random)
    stretch = poses.session_stretch(spacing, edge / size) if upright else poses.random_stretch(random)
    return Scene.of(case, value, rotation, stretch, centre, edge)


def _unit(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32) / 255.0)
