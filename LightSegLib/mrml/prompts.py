"""Markups as prompts: control points, regions of interest and curves, from where they are in the world.

Markups stand in their own frame and may be moved by transforms; what counts is where the user sees them, in
the world, which is also where a `Volume` from `volume_from_node` stands. A node says by its attribute
"LightSeg.Sign" with the value "negative" that it shows what does not belong to the structure.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from LightSegLib.errors import PromptError
from LightSegLib.geometry import IJK, Volume, round_half_up
from LightSegLib.prompts import Box, Point, Scribble, validate

__all__ = ["SIGN_ATTRIBUTE", "box_from_roi", "points_from_fiducials", "scribble_from_curve"]

SIGN_ATTRIBUTE = "LightSeg.Sign"
"""Node attribute of markups: "negative" for what is outside the structure; anything else, or none: inside."""

_TOUCH = 1e-6  # in voxels: a box that reaches into a voxel by less only touches it, up to rounding


def points_from_fiducials(node: Any, volume: Volume, positive: bool | None = None) -> list[Point]:
    """The clicks of a fiducial node, in its order.

    Args:
        node: a `vtkMRMLMarkupsFiducialNode`. Points that are not placed yet, such as the one that follows the
            mouse in place mode, are left out.
        volume: the image they lie in, in the world.
        positive: inside or outside the structure; None goes by the node's attribute "LightSeg.Sign".

    Returns:
        One `Point` on the voxel nearest to each control point; empty when none is placed.

    Raises:
        PromptError: not a fiducial node, or a point outside the image, which is named by its label.
    """
    _require(
        node, "vtkMRMLMarkupsFiducialNode", "a list of points", "Choose a point list of the Markups module"
    )
    sign = _sign(node, positive)
    voxels = volume.ras_to_index(_defined_points(node))
    return [
        _checked(Point(_triple(voxel), sign), volume, f'the point "{label}"')
        for voxel, label in zip(voxels, _defined_labels(node), strict=True)
    ]


def box_from_roi(node: Any, volume: Volume) -> Box:
    """The voxels around a region of interest.

    Args:
        node: a `vtkMRMLMarkupsROINode` of any size and orientation.
        volume: the image, in the world.

    Returns:
        The smallest box of whole voxels around the region's eight corners, cut off at the image's border. A
        voxel that a face of the region only touches is not in it.

    Raises:
        PromptError: not a region of interest, not placed yet, without size, or apart from the image.
    """
    _require(node, "vtkMRMLMarkupsROINode", "a region of interest", "Choose a ROI of the Markups module")
    size = np.array(node.GetSize(), np.float64)
    if node.GetNumberOfDefinedControlPoints() == 0 or np.count_nonzero(size > 0) < 2:
        raise PromptError(
            f"The region of interest {_named(node)} has no size",
            "It is not placed yet",
            "Click two opposite corners of the structure in a slice view",
        )
    corners = volume.ras_to_index(_corners(node, size))
    lower = np.floor(corners.min(0) + 0.5 + _TOUCH)
    upper = np.maximum(np.ceil(corners.max(0) + 0.5 - _TOUCH), lower + 1)
    # Cut off before rounding to integers, because a far-off corner may not fit into one.
    end = np.array(volume.shape_ijk)
    lower, upper = np.clip(lower, 0, end), np.clip(upper, 0, end)
    if (upper <= lower).any():
        raise PromptError(
            f"The region of interest {_named(node)} lies outside the image",
            "None of its voxels is in it",
            "Move it onto the structure in the image",
        )
    return validate(Box(_whole(lower), _whole(upper)), volume)


def scribble_from_curve(node: Any, volume: Volume, positive: bool | None = None) -> Scribble:
    """The line that a curve draws, as the scribble of the voxels it runs through.

    Args:
        node: an open or closed `vtkMRMLMarkupsCurveNode`, or a line node. The piece that follows the mouse
            while points are placed is left out.
        volume: the image, in the world.
        positive: inside or outside the structure; None goes by the node's attribute "LightSeg.Sign".

    Returns:
        The curve's own points, so that a spline runs as it is drawn; each voxel that follows another is
        another one.

    Raises:
        PromptError: not a curve, without a placed point, or with a control point outside the image.
    """
    kinds = "vtkMRMLMarkupsCurveNode", "vtkMRMLMarkupsLineNode"
    _require(node, kinds, "a curve", "Choose an open or closed curve of the Markups module")
    sign = _sign(node, positive)
    placed = volume.ras_to_index(_defined_points(node))
    if len(placed) == 0:
        raise PromptError(
            f"The curve {_named(node)} is empty",
            "No point of it is placed yet",
            "Draw it along the structure",
        )
    for voxel, label in zip(placed, _defined_labels(node), strict=True):
        _checked(Point(_triple(voxel)), volume, f'the point "{label}" of the curve {_named(node)}')
    drawn = volume.ras_to_index(_drawn_points(node))
    # Between points near the border a spline may swing out of the image a little.
    inside = np.clip(round_half_up(drawn if len(drawn) else placed), 0, np.array(volume.shape_ijk) - 1)
    fresh = np.ones(len(inside), bool)
    fresh[1:] = (inside[1:] != inside[:-1]).any(axis=1)
    return validate(Scribble(tuple(_whole(voxel) for voxel in inside[fresh]), sign), volume)


def _require(node: Any, kinds: str | tuple[str, ...], what: str, advice: str) -> None:
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if node is None:
        raise PromptError(f"There is no node that could be {what}", "", advice)
    if not any(node.IsA(kind) for kind in kinds):
        raise PromptError(f"{_named(node)} is not {what}", f"It is a {node.GetNodeTagName()} node", advice)


def _sign(node: Any, positive: bool | None) -> bool:
    return node.GetAttribute(SIGN_ATTRIBUTE) != "negative" if positive is None else positive


def _defined(node: Any) -> list[int]:
    """The indices of the control points that are placed."""
    return [
        n
        for n in range(node.GetNumberOfControlPoints())
        if node.GetNthControlPointPositionStatus(n) == node.PositionDefined
    ]


def _defined_points(node: Any) -> NDArray[np.float64]:
    """Where the placed control points are in the world (N, 3)."""
    points = [node.GetNthControlPointPositionWorld(n) for n in _defined(node)]
    return np.array(points, np.float64).reshape(-1, 3)


def _defined_labels(node: Any) -> list[str]:
    return [node.GetNthControlPointLabel(n) or str(n + 1) for n in _defined(node)]


def _drawn_points(node: Any) -> NDArray[np.float64]:
    """The points of the drawn line in the world (N, 3); empty for less than two control points."""
    points = node.GetCurvePointsWorld()
    count = 0 if points is None else points.GetNumberOfPoints()
    placed = _defined(node)
    if count and len(placed) < node.GetNumberOfControlPoints():
        # The drawn line goes on to the mouse; what is placed ends at the last placed point.
        count = min(count, node.GetCurvePointIndexFromControlPointIndex(placed[-1]) + 1) if placed else 0
    return np.array([points.GetPoint(n) for n in range(count)], np.float64).reshape(-1, 3)


def _corners(node: Any, size: NDArray[np.float64]) -> NDArray[np.float64]:
    """The eight corners in the world (8, 3)."""
    matrix = node.GetObjectToNodeMatrix()
    corners = []
    for signs in itertools.product((-0.5, 0.5), repeat=3):
        local = matrix.MultiplyPoint((*(size * signs).tolist(), 1.0))[:3]
        world = [0.0, 0.0, 0.0]
        node.TransformPointToWorld(local, world)
        corners.append(world)
    return np.array(corners, np.float64)


def _checked(point: Point, volume: Volume, name: str) -> Point:
    """The point with whole indices, or an error that names it as the user knows it."""
    try:
        return validate(point, volume)
    except PromptError as error:
        what = error.what.removeprefix("The point ")
        raise PromptError(f"{name[0].upper()}{name[1:]} {what}", error.why, error.next_step) from error


def _triple(voxel: NDArray[np.float64]) -> IJK:
    """A continuous index as it goes into a prompt that is yet to be validated, which rounds it."""
    i, j, k = voxel.tolist()
    return (i, j, k)


def _whole(voxel: NDArray[Any]) -> IJK:
    i, j, k = (int(x) for x in voxel)
    return (i, j, k)


def _named(node: Any) -> str:
    return f'"{node.GetName() or node.GetID()}"'
