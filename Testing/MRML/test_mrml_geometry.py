"""Writing where image and segmentation differ in place, axes, spacing or size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import slicer
from scene_building import (
    FIRST,
    NOTHING,
    OBLIQUE,
    SHAPE_KJI,
    Painter,
    ball_mask,
    change_of,
    geometry_of,
    noise,
    set_geometry,
    shown,
    to_labels,
)

from LightSegLib.geometry import IndexBox
from LightSegLib.mrml.volumes import volume_from_node
from LightSegLib.mrml.writing import SegmentWriter


def tilt(degrees, shift):
    """4x4: a turn about the third axis and a shift."""
    angle = np.deg2rad(degrees)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, 3] = shift
    return matrix


@pytest.mark.parametrize("image_moved", [False, True])
@pytest.mark.parametrize("segmentation_moved", [False, True])
def test_a_transformed_image_and_segmentation_meet_voxel_by_voxel(
    make_volume_node, make_segmentation, make_editor, make_transform, image_moved, segmentation_moved
):
    above = make_transform(tilt(10, (5, 0, -3)))
    volume_node = make_volume_node(
        ijk_to_ras=OBLIQUE, transform=make_transform(tilt(33, (1, 2, 3)), above) if image_moved else None
    )
    node = make_segmentation(
        volume_node, transform=make_transform(tilt(-50, (9, 8, 7))) if segmentation_moved else None
    )
    writer = SegmentWriter(make_editor(node, volume_node), node, volume_from_node(volume_node))
    mask = noise(41)
    writer.write("A", change_of(NOTHING, mask))
    assert writer.grid().from_image.shares_voxels
    np.testing.assert_array_equal(shown(node, "A", volume_node), mask)
    np.testing.assert_array_equal(writer.read("A"), mask)


def test_axes_in_another_order_and_direction_are_carried_exactly(
    make_volume_node, make_segmentation, make_editor
):
    volume_node = make_volume_node(ijk_to_ras=OBLIQUE)
    node = make_segmentation(volume_node)
    # Grid axes (i, j, k) run along the image's -k, i and -j.
    turn = np.array([[0, 1, 0, 2], [0, 0, -1, 20], [-1, 0, 0, 23], [0, 0, 0, 1.0]])
    set_geometry(node, OBLIQUE @ turn, (0, 23, -2, 29, -7, 20))
    writer = SegmentWriter(make_editor(node, volume_node), node, volume_from_node(volume_node))
    mask = noise(42)
    writer.write("A", change_of(NOTHING, mask))
    assert writer.grid().from_image.shares_voxels
    np.testing.assert_array_equal(shown(node, "A", volume_node), mask)
    np.testing.assert_array_equal(writer.read("A"), mask)


def test_a_cropped_segmentation_is_not_written_outside_its_geometry(
    make_segmentation, make_editor, volume_node
):
    node = make_segmentation(volume_node)
    cropped = np.eye(4)
    cropped[:3, 3] = (4, 5, 6)
    set_geometry(node, cropped, (0, 15, 0, 11, 0, 9))
    before = geometry_of(node)
    writer = SegmentWriter(make_editor(node, volume_node), node, volume_from_node(volume_node))
    writer.write("A", change_of(NOTHING, ~NOTHING))
    expected = np.zeros(SHAPE_KJI, bool)
    expected[6:16, 5:17, 4:20] = True
    np.testing.assert_array_equal(shown(node, "A", volume_node), expected)
    assert geometry_of(node) == before
    assert writer.write("A", change_of(NOTHING, ball_mask((29, 25, 2), 1))) is None


@pytest.mark.parametrize("zoom", [0.5, 0.37, 2.0])
@pytest.mark.parametrize("degrees", [0, 20])
def test_another_spacing_or_tilt_shows_the_nearest_voxel_click_by_click(
    make_segmentation, make_editor, volume_node, zoom, degrees
):
    local = tilt(degrees, (3, -2, 1)) @ np.diag([zoom, zoom, 0.8 * zoom, 1])
    results = []
    masks = [ball_mask(FIRST, 6), ball_mask((12, 14, 11), 7), ball_mask((11, 12, 13), 5) ^ noise(43, 0.05)]
    for steps in (masks, masks[-1:]):
        node = make_segmentation(volume_node)
        set_geometry(node, local, (-20, 100, -20, 100, -20, 100))
        before = geometry_of(node)
        writer = SegmentWriter(make_editor(node, volume_node), node, volume_from_node(volume_node))
        for old, new in itertools.pairwise([NOTHING, *steps]):
            writer.write("A", change_of(old, new))
        assert geometry_of(node) == before
        results.append(writer.content("A"))
    assert results[0].box == results[1].box
    np.testing.assert_array_equal(results[0].mask, results[1].mask)
    if zoom == 0.5:
        np.testing.assert_array_equal(writer.read("A"), masks[-1])


def test_a_segmentation_without_geometry_gets_the_images(
    make_segmentation, make_editor, make_transform, make_volume_node
):
    volume_node = make_volume_node(ijk_to_ras=OBLIQUE)
    node = make_segmentation(None, transform=make_transform(tilt(15, (1, 0, 0))))
    assert not geometry_of(node)
    writer = SegmentWriter(make_editor(node, volume_node), node, volume_from_node(volume_node))
    mask = noise(44)
    writer.write("A", change_of(NOTHING, mask))
    assert geometry_of(node)
    np.testing.assert_array_equal(shown(node, "A", volume_node), mask)


def test_segments_that_reach_beyond_the_geometry_stay_whole(make_segmentation, make_editor, volume_node):
    node = make_segmentation(volume_node)
    editor = make_editor(node, volume_node)
    Painter(editor).paint("B", np.ones((2, 2, 2), bool), (-3, -3, -3))
    writer = SegmentWriter(editor, node, volume_from_node(volume_node))
    writer.write("A", change_of(NOTHING, ~NOTHING))
    content = writer.content("B")
    assert content.box == IndexBox((-3, -3, -3), (-1, -1, -1))
    assert content.mask.all()
    assert shown(node, "A", volume_node).all()


def test_a_segment_in_another_grid_than_its_segmentation_counts_where_it_is(
    make_segmentation, make_editor, volume_node
):
    node = make_segmentation(volume_node, ids=("A",))
    other = make_segmentation(volume_node, ids=())
    set_geometry(other, np.diag([0.5, 0.5, 0.5, 1]), (0, 63, 0, 55, 0, 47))
    foreign = slicer.vtkSegment()
    foreign.SetName("B")
    labels = to_labels(np.ones((10, 12, 14), bool), geometry_of(other), (20, 20, 20))
    foreign.AddRepresentation("Binary labelmap", labels)
    node.GetSegmentation().AddSegment(foreign, "B")
    expected = shown(node, "B", volume_node)
    writer = SegmentWriter(make_editor(node, volume_node), node, volume_from_node(volume_node))
    np.testing.assert_array_equal(writer.read("B"), expected)
    writer.write("A", change_of(NOTHING, ~NOTHING), protected=["B"])
    np.testing.assert_array_equal(shown(node, "A", volume_node), ~expected)
