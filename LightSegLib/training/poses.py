"""Poses of a training cube: which way it looks at a case, and how it is stretched.

A rotation is float32 (3, 3), from the axes of the cube to those of the case, both in array order; it may
mirror. A stretch is float32 (3,), along the axes of the cube.
"""

from __future__ import annotations

import numpy as np

from LightSegLib.orientation import Turn
from LightSegLib.zoom import ZoomSettings

FURTHEST_TILT = np.pi / 12
_TOWARDS_RAS = {
    "R": (1, 0, 0),
    "L": (-1, 0, 0),
    "A": (0, 1, 0),
    "P": (0, -1, 0),
    "S": (0, 0, 1),
    "I": (0, 0, -1),
}


def mirrored_or_not(random: np.random.Generator) -> np.ndarray:
    """The two views that a session takes of a region."""
    return np.eye(3, dtype=np.float32) * np.float32(random.choice([-1.0, 1.0]))


def random_rotation(random: np.random.Generator) -> np.ndarray:
    """A random signed axis permutation, half of the time followed by a rotation of up to 45 degrees about
    any axis.
    """
    matrix = np.eye(3, dtype=np.float32)[random.permutation(3)]
    matrix = matrix * random.choice([-1.0, 1.0], size=3).astype(np.float32)[None, :]
    if random.random() < 0.5:
        matrix = (matrix @ _tilt(np.pi / 4, random)).astype(np.float32)
    return matrix


def upright(orientation: str) -> np.ndarray:
    """A cube whose axes run towards head, back and left, as a session shows a region that has a name.

    Args:
        orientation: of the case, see `PackedCase.orientation`; empty for the case's own axes.

    Raises:
        ValueError: that is no orientation.
    """
    if not orientation:
        return np.eye(3, dtype=np.float32)
    columns = np.array([_TOWARDS_RAS.get(letter, (0, 0, 0)) for letter in orientation], np.float64).T
    if columns.shape != (3, 3) or abs(np.linalg.det(columns)) != 1:
        msg = f"{orientation!r} is no orientation such as 'LPS'"
        raise ValueError(msg)
    affine = np.eye(4)
    affine[:3, :3] = columns
    turn = Turn.upright(affine)
    rotation = np.zeros((3, 3), dtype=np.float32)
    for axis, (of_case, flipped) in enumerate(zip(turn.order, turn.flipped, strict=True)):
        rotation[of_case, axis] = -1 if flipped else 1
    return rotation


def nearly_upright(orientation: str, random: np.random.Generator) -> np.ndarray:
    """As `upright`, tilted by up to 15 degrees about any axis; never mirrored, so that sides stay sides."""
    return (upright(orientation) @ _tilt(FURTHEST_TILT, random)).astype(np.float32)


def session_stretch(spacing: np.ndarray, step: float) -> np.ndarray:
    """How a session stretches a cube of a step in mm along thick slices.

    Args:
        spacing: mm per voxel along the axes of the cube, (3,).
        step: mm per sample.
    """
    return np.maximum(1.0, spacing / (ZoomSettings.slice_ratio * step)).astype(np.float32)


def random_stretch(random: np.random.Generator) -> np.ndarray:
    """Per-axis zoom: mild always, and sometimes one axis much coarser,
    as when slices are thick and not blown up.
    """
    stretch = np.exp(random.uniform(-0.2, 0.2, 3))
    if random.random() < 0.25:
        stretch[random.integers(3)] *= random.uniform(1.0, 2.5)
    return stretch.astype(np.float32)


def _tilt(furthest: float, random: np.random.Generator) -> np.ndarray:
    """A rotation, float64 (3, 3), of up to an angle in radians about any axis."""
    axis = random.normal(size=3)
    axis /= np.linalg.norm(axis)
    angle = random.uniform(0, furthest)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    tilt: np.ndarray = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return tilt
