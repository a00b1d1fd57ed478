"""Cases for properties that must hold for every geometry: affines, chains of transforms, and where a voxel
lies by Slicer's own word."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

few = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""Few examples; they may share a scene, as every one makes its own nodes."""


def rotation(axis, angle):
    """4x4: a turn by `angle` radians about x, y or z (0, 1, 2)."""
    matrix = np.eye(4)
    first, second = [n for n in range(3) if n != axis]
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


@st.composite
def rigid(draw):
    """4x4: any turn and shift, mirrored or not."""
    matrix = np.eye(4)
    for axis in range(3):
        matrix = matrix @ rotation(axis, draw(st.floats(-3.1, 3.1)))
    matrix = matrix @ np.diag([draw(st.sampled_from([1, -1])), 1, 1, 1])
    matrix[:3, 3] = [draw(st.floats(-300, 300)) for _ in range(3)]
    return matrix


@st.composite
def affines(draw):
    """4x4 IJK to RAS: oblique, with voxels from 0.2 to 8 mm and axes flipped or swapped."""
    scale = np.diag([*(draw(st.floats(0.2, 8)) for _ in range(3)), 1.0])
    order = [*draw(st.permutations(range(3))), 3]
    return draw(rigid()) @ np.eye(4)[order] @ scale


@st.composite
def chains(draw):
    """Up to three linear transforms, the outermost first; they turn, shift, mirror and scale evenly."""
    return [
        draw(rigid()) @ np.diag([*[draw(st.floats(0.5, 2))] * 3, 1.0]) for _ in range(draw(st.integers(0, 3)))
    ]


def ras_by_slicer(node, voxel):
    """Where Slicer's own functions put a voxel (i, j, k) of a volume node in the world."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    world = [0.0, 0.0, 0.0]
    node.TransformPointToWorld(matrix.MultiplyPoint((*map(float, voxel), 1.0))[:3], world)
    return world
