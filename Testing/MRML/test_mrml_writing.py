"""Writing a change into a segment: exact where nothing masks, and else as the Segment Editor does it."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from scene_building import (
    FIRST,
    NOTHING,
    OBLIQUE,
    SECOND,
    SHAPE_KJI,
    Painter,
    ball_mask,
    change_of,
    noise,
    set_geometry,
    shown,
)

from LightSegLib.errors import GeometryError, SessionError
from LightSegLib.geometry import IndexBox
from LightSegLib.mrml.volumes import volume_from_node
from LightSegLib.mrml.writing import SegmentWriter

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


def test_one_state_is_saved_before_the_first_voxel_changes(writer):
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


def test_the_surface_follows_the_voxels(writer, segmentation_node):
    segmentation = segmentation_node.GetSegmentation()
    first, second = ball_mask(FIRST, 5), ball_mask(SECOND, 4)
    writer.write("A", change_of(NOTHING, first))
    segmentation_node.CreateClosedSurfaceRepresentation()
    writer.write("A", change_of(first, second))
    surface = segmentation.GetSegment("A").GetRepresentation("Closed surface")
    i0, i1 = surface.GetBounds()[:2]
    assert SECOND[0] - 5 < i0 < SECOND[0] < i1 < SECOND[0] + 5


def test_erasing_empties_a_segment_and_leaves_its_neighbors(
    writer, editor_node, segmentation_node, volume_node
):
    painter = Painter(editor_node)
    painter.paint("A", ball_mask(FIRST, 4))
    painter.paint("B", ball_mask(SECOND, 4))
    writer.erase("A")
    assert not shown(segmentation_node, "A", volume_node).any()
    np.testing.assert_array_equal(shown(segmentation_node, "B", volume_node), ball_mask(SECOND, 4))


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
