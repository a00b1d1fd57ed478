"""Markups become prompts where the user sees them, whatever stands between their frame and the image's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")

from mrml_cases import affines, chains, few, ras_by_slicer, rigid  # noqa: E402
from scene_building import OBLIQUE, SHAPE_KJI  # noqa: E402

from LightSegLib.errors import PromptError  # noqa: E402
from LightSegLib.mrml.prompts import (  # noqa: E402
    SIGN_ATTRIBUTE,
    box_from_roi,
    points_from_fiducials,
    scribble_from_curve,
)
from LightSegLib.mrml.volumes import volume_from_node  # noqa: E402
from LightSegLib.prompts import Box, Point  # noqa: E402

VOXELS = st.tuples(*(st.integers(0, n - 1) for n in SHAPE_KJI[::-1]))


@pytest.fixture
def volume(volume_node):
    """32 x 28 x 24 voxels of 1 mm: RAS is the index."""
    return volume_from_node(volume_node)


@pytest.fixture
def make_markups(scene):
    """Adds markups: make_markups("Fiducial", points)."""

    def make(kind, points=(), name="Marks"):
        node = scene.AddNewNodeByClass(f"vtkMRMLMarkups{kind}Node", name)
        for point in points:
            node.AddControlPointWorld(list(map(float, point)))
        return node

    return make


def hover(node, point):
    """The point that follows the mouse in place mode."""
    index = node.AddControlPoint(*point)
    node.SetNthControlPointPosition(index, *point, node.PositionPreview)


# --- Points -------------------------------------------------------------------------------------------------


@few
@given(ijk_to_ras=affines(), chain=chains(), own=rigid(), voxel=VOXELS)
def test_a_point_on_a_voxel_is_a_click_on_it(
    scene, make_volume_node, make_transform, make_markups, ijk_to_ras, chain, own, voxel
):
    transform = None
    for matrix in chain:
        transform = make_transform(matrix, transform)
    node = make_volume_node(ijk_to_ras=ijk_to_ras, transform=transform)
    marks = make_markups("Fiducial")
    marks.SetAndObserveTransformNodeID(make_transform(own).GetID())
    marks.AddControlPointWorld(ras_by_slicer(node, voxel))
    assert points_from_fiducials(marks, volume_from_node(node)) == [Point(voxel)]


def test_points_keep_their_order_and_are_rounded_to_voxels(volume, make_markups):
    marks = make_markups("Fiducial", [(3.4, 2, 1), (10.5, 11.49, 12), (0, 0, 0)])
    assert [point.ijk for point in points_from_fiducials(marks, volume)] == [
        (3, 2, 1),
        (11, 11, 12),
        (0, 0, 0),
    ]


def test_the_sign_is_the_nodes_unless_it_is_given(volume, make_markups):
    marks = make_markups("Fiducial", [(1, 2, 3)])
    assert points_from_fiducials(marks, volume)[0].positive
    marks.SetAttribute(SIGN_ATTRIBUTE, "negative")
    assert not points_from_fiducials(marks, volume)[0].positive
    assert points_from_fiducials(marks, volume, positive=True)[0].positive


def test_points_that_are_not_placed_are_left_out(volume, make_markups):
    marks = make_markups("Fiducial", [(1, 2, 3), (4, 5, 6)])
    hover(marks, (99.0, 99.0, 99.0))
    marks.UnsetNthControlPointPosition(0)
    assert points_from_fiducials(marks, volume) == [Point((4, 5, 6))]
    assert points_from_fiducials(make_markups("Fiducial"), volume) == []


def test_a_point_outside_the_image_is_refused_by_its_label(volume, make_markups):
    marks = make_markups("Fiducial", [(1, 2, 3), (1, 2, 300)])
    marks.SetNthControlPointLabel(1, "tumor")
    with pytest.raises(
        PromptError, match=r'The point "tumor" at RAS \(1.0, 2.0, 300.0\) mm.*outside the image'
    ):
        points_from_fiducials(marks, volume)


def test_points_are_read_from_point_lists_only(volume, make_markups, volume_node):
    for node in (None, volume_node, make_markups("Curve", [(1, 2, 3)])):
        with pytest.raises(PromptError, match="Choose a point list"):
            points_from_fiducials(node, volume)


# --- Boxes --------------------------------------------------------------------------------------------------


def place(roi, center, size):
    roi.SetCenter(center)
    roi.SetSize(*size)


def test_a_region_gives_the_voxels_it_reaches_into(volume, make_markups):
    roi = make_markups("ROI")
    place(roi, (10, 11, 12), (4, 6, 8))
    assert box_from_roi(roi, volume) == Box((8, 8, 8), (13, 15, 17))


def test_a_voxel_that_a_face_only_touches_is_not_in_the_box(volume, make_markups):
    roi = make_markups("ROI")
    place(roi, (10, 10, 10), (5, 5, 5))  # faces at 7.5 and 12.5, between two voxels
    assert box_from_roi(roi, volume) == Box((8, 8, 8), (13, 13, 13))


def test_a_flat_region_gives_one_slice(volume, make_markups):
    roi = make_markups("ROI")
    place(roi, (10, 10, 10), (5, 5, 0))
    assert box_from_roi(roi, volume) == Box((8, 8, 10), (13, 13, 11))


def test_a_region_that_sticks_out_is_cut_off(volume, make_markups):
    roi = make_markups("ROI")
    place(roi, (0, 0, 0), (1e12, 9, 9))
    assert box_from_roi(roi, volume) == Box((0, 0, 0), (32, 5, 5))


@few
@given(own=rigid(), ijk_to_ras=affines(), size=st.tuples(*[st.floats(2, 40)] * 3), voxel=VOXELS)
def test_the_box_holds_every_corner_inside_the_image_and_nothing_a_voxel_away(
    scene, make_volume_node, make_transform, make_markups, own, ijk_to_ras, size, voxel
):
    node = make_volume_node(ijk_to_ras=ijk_to_ras)
    volume = volume_from_node(node)
    roi = make_markups("ROI")
    roi.SetAndObserveTransformNodeID(make_transform(own).GetID())
    roi.SetSize(*size)
    roi.SetCenterWorld(ras_by_slicer(node, voxel))
    box = box_from_roi(roi, volume)

    surface = roi.CreateROIBoxPolyDataWorld()
    points = np.array([surface.GetPoint(n) for n in range(surface.GetNumberOfPoints())])
    index = volume.ras_to_index(points)
    end = np.array(volume.shape_ijk)
    low, high = np.clip(index.min(0), -0.5, end - 0.5), np.clip(index.max(0), -0.5, end - 0.5)
    slack = 1e-3
    assert (np.array(box.lower_ijk) - 0.5 <= low + slack).all()
    assert (np.array(box.upper_ijk) - 0.5 >= high - slack).all()
    assert (np.array(box.lower_ijk) + 0.5 >= low - slack).all()
    assert (np.array(box.upper_ijk) - 1.5 <= high + slack).all()


def test_a_region_apart_from_the_image_is_refused(volume, make_markups):
    roi = make_markups("ROI")
    place(roi, (500, 10, 10), (9, 9, 9))
    with pytest.raises(PromptError, match="lies outside the image"):
        box_from_roi(roi, volume)


def test_a_region_that_is_not_placed_is_refused(volume, make_markups):
    with pytest.raises(PromptError, match=r"has no size.*two opposite corners"):
        box_from_roi(make_markups("ROI"), volume)
    roi = make_markups("ROI")
    place(roi, (10, 10, 10), (0, 0, 0))
    with pytest.raises(PromptError, match="has no size"):
        box_from_roi(roi, volume)


def test_boxes_are_read_from_regions_only(volume, make_markups):
    for node in (None, make_markups("Fiducial")):
        with pytest.raises(PromptError, match="Choose a ROI"):
            box_from_roi(node, volume)


# --- Scribbles ----------------------------------------------------------------------------------------------


def test_a_curve_is_the_scribble_it_draws(volume, make_markups):
    curve = make_markups("Curve", [(2, 3, 4), (12, 3, 4), (12, 13, 4)])
    scribble = scribble_from_curve(curve, volume)
    assert scribble.points_ijk[0] == (2, 3, 4)
    assert scribble.points_ijk[-1] == (12, 13, 4)
    assert (12, 3, 4) in scribble.points_ijk
    assert scribble.positive
    assert all(
        first != second for first, second in zip(scribble.points_ijk, scribble.points_ijk[1:], strict=False)
    )


def test_a_closed_curve_comes_back_to_its_start(volume, make_markups):
    curve = make_markups("ClosedCurve", [(10, 10, 4), (20, 10, 4), (20, 20, 4)])
    points = scribble_from_curve(curve, volume).points_ijk
    assert points[0] == points[-1] == (10, 10, 4)


def test_a_line_is_a_scribble_too(volume, make_markups):
    line = make_markups("Line", [(2, 3, 4), (12, 3, 4)])
    line.SetAttribute(SIGN_ATTRIBUTE, "negative")
    scribble = scribble_from_curve(line, volume)
    assert (scribble.points_ijk, scribble.positive) == (((2, 3, 4), (12, 3, 4)), False)


def test_one_placed_point_is_a_scribble_of_one_voxel(volume, make_markups):
    assert scribble_from_curve(make_markups("Curve", [(2, 3, 4)]), volume).points_ijk == ((2, 3, 4),)


def test_the_piece_that_follows_the_mouse_is_left_out(volume, make_markups):
    curve = make_markups("Curve", [(2, 3, 4), (12, 3, 4)])
    hover(curve, (12.0, 25.0, 4.0))
    assert scribble_from_curve(curve, volume).points_ijk[-1] == (12, 3, 4)


def test_a_spline_that_swings_out_between_its_points_stays_in_the_image(volume, make_markups):
    curve = make_markups("Curve", [(10, 10, 4), (0, 0, 4), (0, 10, 4), (10, 0, 4)])
    points = np.array(scribble_from_curve(curve, volume).points_ijk)
    assert points.min() >= 0


def test_a_curve_is_followed_in_the_world(make_volume_node, make_transform, make_markups):
    node = make_volume_node(ijk_to_ras=OBLIQUE, transform=make_transform(np.diag([-1.0, 1, 1, 1])))
    curve = make_markups("Curve")
    curve.SetAndObserveTransformNodeID(make_transform(OBLIQUE).GetID())
    voxels = [(3, 4, 5), (20, 6, 7)]
    for voxel in voxels:
        curve.AddControlPointWorld(ras_by_slicer(node, voxel))
    points = scribble_from_curve(curve, volume_from_node(node)).points_ijk
    assert (points[0], points[-1]) == tuple(voxels)


def test_a_curve_with_a_point_outside_is_refused_by_name(volume, make_markups):
    curve = make_markups("Curve", [(2, 3, 4), (12, 3, 400)], name="Rim")
    with pytest.raises(
        PromptError, match=r'The point "Rim-2" of the curve "Rim" at RAS .* outside the image'
    ):
        scribble_from_curve(curve, volume)


def test_an_empty_curve_is_refused(volume, make_markups):
    curve = make_markups("Curve")
    with pytest.raises(PromptError, match="is empty"):
        scribble_from_curve(curve, volume)
    hover(curve, (1.0, 2.0, 3.0))
    with pytest.raises(PromptError, match="is empty"):
        scribble_from_curve(curve, volume)


def test_scribbles_are_read_from_curves_only(volume, make_markups):
    for node in (None, make_markups("Fiducial", [(1, 2, 3)])):
        with pytest.raises(PromptError, match="Choose an open or closed curve"):
            scribble_from_curve(node, volume)
