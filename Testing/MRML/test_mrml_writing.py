"""Writing a change into a segment: exact where nothing masks, and else as the Segment Editor does it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import slicer
from scene_building import (
    FIRST,
    OBLIQUE,
    SECOND,
    SHAPE_KJI,
    Painter,
    ball_mask,
    geometry_of,
    set_geometry,
    shown,
    to_labels,
)

from LightSegLib.errors import GeometryError, SessionError
from LightSegLib.geometry import IndexBox
from LightSegLib.mrml.volumes import volume_from_node
from LightSegLib.mrml.writing import SegmentWriter
from LightSegLib.segments import Change

NODE, EDITOR = slicer.vtkMRMLSegmentationNode, slicer.vtkMRMLSegmentEditorNode
MASK_MODES = [
    NODE.EditAllowedEverywhere,
    NODE.EditAllowedInsideAllSegments,
    NODE.EditAllowedInsideVisibleSegments,
    NODE.EditAllowedOutsideAllSegments,
    NODE.EditAllowedOutsideVisibleSegments,
    NODE.EditAllowedInsideSingleSegment,
]
OVERWRITE_MODES = [EDITOR.OverwriteAllSegments, EDITOR.OverwriteVisibleSegments, EDITOR.OverwriteNone]


def change_of(before, after):
    """The change from one mask to another, as a session reports it."""
    box = IndexBox.of_mask(before ^ after) or IndexBox((0, 0, 0), (0, 0, 0))
    return Change(box, after[box.slices], 0.0, 1.0, "", (before ^ after)[box.slices])


def noise(seed, share=0.5, shape=SHAPE_KJI):
    """Bool (K, J, I), true for about a share of the voxels."""
    return np.random.default_rng(seed).random(shape) < share


NOTHING = np.zeros(SHAPE_KJI, bool)


@pytest.fixture
def writer(editor_node, segmentation_node, volume_node):
    return SegmentWriter(editor_node, segmentation_node, volume_from_node(volume_node), volume_node)


def test_what_was_turned_over_is_written_and_nothing_else(
    writer, editor_node, segmentation_node, volume_node
):
    painted = noise(1)
    Painter(editor_node).paint("A", painted)
    before, after = noise(2), noise(3)
    writer.write("A", change_of(before, after))
    expected = (painted | (after & ~before)) & ~(before & ~after)
    np.testing.assert_array_equal(shown(segmentation_node, "A", volume_node), expected)


def test_a_segment_reads_as_it_was_written(writer):
    mask = noise(4)
    writer.write("A", change_of(NOTHING, mask))
    np.testing.assert_array_equal(writer.read("A"), mask)
    assert not writer.read("B").any()


@pytest.mark.parametrize("empty", [True, False])
def test_a_change_of_nothing_writes_nothing_and_saves_no_state(writer, editor_node, empty):
    if not empty:
        Painter(editor_node).paint("A", noise(5))
    saved = []
    assert writer.write("A", change_of(NOTHING, NOTHING), (), lambda: saved.append(1)) is None
    assert not saved


def test_one_state_is_saved_before_the_first_voxel_changes(writer, segmentation_node, volume_node):
    seen = []
    mask = noise(6)
    writer.write("A", change_of(NOTHING, mask))
    writer.write("A", change_of(mask, ~mask), (), lambda: seen.append(writer.read("A")))
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], mask)


def test_the_editors_selection_and_settings_stay_as_the_user_had_them(writer, editor_node):
    editor_node.SetSelectedSegmentID("B")
    editor_node.SetOverwriteMode(EDITOR.OverwriteNone)
    events = []
    tag = editor_node.AddObserver("AnyEvent", lambda *_: events.append(1))
    writer.write("A", change_of(NOTHING, noise(7)))
    editor_node.RemoveObserver(tag)
    assert editor_node.GetSelectedSegmentID() == "B"
    assert not events


def test_a_written_segment_is_in_progress(writer, segmentation_node):
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    segment = segmentation_node.GetSegmentation().GetSegment("A")
    assert logic.GetSegmentStatus(segment) == logic.NotStarted
    writer.write("A", change_of(NOTHING, noise(8)))
    assert logic.GetSegmentStatus(segment) == logic.InProgress


@pytest.mark.parametrize("intensity", [None, (100, 250)])
@pytest.mark.parametrize("overwrite", OVERWRITE_MODES)
@pytest.mark.parametrize(
    ("mask_mode", "heir"),
    [
        *((mode, "B") for mode in MASK_MODES),
        *((NODE.EditAllowedInsideSingleSegment, x) for x in ("A", "C", None)),
    ],
)
def test_masking_and_overwriting_are_the_segment_editors(
    make_segmentation, make_editor, volume_node, mask_mode, overwrite, intensity, heir
):
    before, after = noise(11), noise(12)
    results = []
    for ours in (True, False):
        node = make_segmentation(volume_node, ids=("A", "B", "C", "D"))
        editor = make_editor(node, volume_node)
        painter = Painter(editor)
        painter.paint("A", before | noise(13, 0.1))
        painter.paint("B", noise(14, 0.3))
        editor.SetOverwriteMode(EDITOR.OverwriteNone)
        painter.paint("C", noise(15, 0.3))
        painter.paint("D", noise(16, 0.2))
        node.GetDisplayNode().SetSegmentVisibility("C", False)
        editor.SetMaskMode(mask_mode)
        editor.SetMaskSegmentID(heir or "")
        editor.SetOverwriteMode(overwrite)
        if intensity is not None:
            editor.SetSourceVolumeIntensityMask(True)
            editor.SetSourceVolumeIntensityMaskRange(*intensity)
        if ours:
            writer = SegmentWriter(editor, node, volume_from_node(volume_node), volume_node)
            writer.write("A", change_of(before, after))
        else:
            painter.paint("A", before & ~after, erase=True)
            painter.paint("A", after & ~before)
        results.append([shown(node, name, volume_node) for name in "ABCD"])
    for mine, slicers in zip(*results, strict=True):
        np.testing.assert_array_equal(mine, slicers)


def test_masking_is_the_segment_editors_in_a_finer_oblique_segmentation(
    make_segmentation, make_editor, oblique_volume_node
):
    finer = OBLIQUE @ np.diag([0.7, 0.8, 0.6, 1])
    extent = (3, 40, 2, 30, 1, 35)
    inside = np.zeros((38, 32, 44), bool)
    inside[1:36, 2:31, 3:41] = True
    results = []
    mask = ball_mask(FIRST, 6)
    for ours in (True, False):
        node = make_segmentation(oblique_volume_node)
        set_geometry(node, finer, extent)
        editor = make_editor(node, oblique_volume_node)
        painter = Painter(editor)
        painter.paint("B", noise(21, 0.5, (35, 29, 38)), (3, 2, 1))
        editor.SetMaskMode(NODE.EditAllowedOutsideAllSegments)
        editor.SetSourceVolumeIntensityMask(True)
        editor.SetSourceVolumeIntensityMaskRange(100, 250)
        writer = SegmentWriter(editor, node, volume_from_node(oblique_volume_node), oblique_volume_node)
        if ours:
            writer.write("A", change_of(NOTHING, mask))
        else:
            grid = writer.grid()
            carried = grid.from_image.carry(mask, IndexBox.whole(SHAPE_KJI[::-1]), grid.box)
            painter.paint("A", carried, grid.box.lower)
        results.append((writer.content("A"), writer.content("B")))
    for mine, slicers in zip(*results, strict=True):
        assert mine.box == slicers.box
        assert mine.mask.any()
        np.testing.assert_array_equal(mine.mask, slicers.mask)


@pytest.mark.parametrize("overwrite", OVERWRITE_MODES)
@pytest.mark.parametrize("mask_mode", MASK_MODES)
def test_protected_segments_keep_every_voxel(
    writer, editor_node, segmentation_node, volume_node, overwrite, mask_mode
):
    painter = Painter(editor_node)
    painter.paint("B", noise(31, 0.4))
    painter.paint("A", noise(32, 0.4))
    kept = shown(segmentation_node, "B", volume_node)
    editor_node.SetMaskMode(mask_mode)
    editor_node.SetMaskSegmentID("B")
    editor_node.SetOverwriteMode(overwrite)
    writer.write("A", change_of(noise(32, 0.4), noise(33)), protected=["B"])
    np.testing.assert_array_equal(shown(segmentation_node, "B", volume_node), kept)


def test_a_protected_segment_may_be_overlapped_where_others_do_not_give_way(
    writer, editor_node, segmentation_node, volume_node
):
    Painter(editor_node).paint("B", noise(34))
    kept = shown(segmentation_node, "B", volume_node)
    editor_node.SetOverwriteMode(EDITOR.OverwriteNone)
    writer.write("A", change_of(NOTHING, ~NOTHING), protected=["B"])
    assert shown(segmentation_node, "A", volume_node).all()
    np.testing.assert_array_equal(shown(segmentation_node, "B", volume_node), kept)


def test_erasing_empties_a_segment_and_leaves_its_neighbors(
    writer, editor_node, segmentation_node, volume_node
):
    painter = Painter(editor_node)
    painter.paint("A", ball_mask(FIRST, 4))
    painter.paint("B", ball_mask(SECOND, 4))
    writer.erase("A")
    assert not shown(segmentation_node, "A", volume_node).any()
    np.testing.assert_array_equal(shown(segmentation_node, "B", volume_node), ball_mask(SECOND, 4))


# --- Geometry -----------------------------------------------------------------------------------------------


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


# --- What cannot be written ---------------------------------------------------------------------------------


def test_an_unknown_segment_is_refused(writer):
    with pytest.raises(SessionError, match='no segment "nowhere"'):
        writer.write("nowhere", change_of(NOTHING, ~NOTHING))
    with pytest.raises(SessionError, match='no segment "nowhere"'):
        writer.read("nowhere")


def test_a_surface_is_refused_with_what_to_do(writer, segmentation_node):
    import vtk

    sphere = vtk.vtkSphereSource()
    sphere.Update()
    segmentation = segmentation_node.GetSegmentation()
    segmentation.RemoveAllSegments()
    segmentation.SetSourceRepresentationName("Closed surface")
    segment = slicer.vtkSegment()
    segment.SetName("surface")
    segment.AddRepresentation("Closed surface", sphere.GetOutput())
    segmentation.AddSegment(segment, "S")
    for attempt in (lambda: writer.read("S"), lambda: writer.write("S", change_of(NOTHING, ~NOTHING))):
        with pytest.raises(SessionError, match="Binary labelmap"):
            attempt()


def test_an_intensity_range_without_a_volume_is_refused(segmentation_node, volume_node, editor_node):
    editor_node.SetAndObserveSourceVolumeNode(None)
    editor_node.SetSourceVolumeIntensityMask(True)
    writer = SegmentWriter(editor_node, segmentation_node, volume_from_node(volume_node))
    with pytest.raises(SessionError, match="intensity range has no volume"):
        writer.write("A", change_of(NOTHING, ~NOTHING))


def test_a_segmentation_under_a_warp_is_refused_with_what_to_do(scene, writer, segmentation_node):
    import vtk

    warp = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    spline = vtk.vtkThinPlateSplineTransform()
    warp.SetAndObserveTransformToParent(spline)
    segmentation_node.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(GeometryError, match="Harden"):
        writer.write("A", change_of(NOTHING, ~NOTHING))
