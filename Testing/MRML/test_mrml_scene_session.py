"""A session on nodes: prompts in, voxels in the segment, and errors that say what to do."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from fakes import EVERYTHING
from grey_model import GreyModel
from scene_building import (
    FIRST,
    OBLIQUE,
    SECOND,
    SHAPE_KJI,
    ball_mask,
    cube_mask,
    set_geometry,
    shown,
)

from LightSegLib.errors import CapabilityError, PromptError, SessionError, VolumeError
from LightSegLib.mrml.scene_session import Answer, SceneSession
from LightSegLib.prompts import Box, Point
from LightSegLib.runtime.jobs import JobState

FIRST_CUBE, SECOND_CUBE = cube_mask(FIRST), cube_mask(SECOND)


def ras_of(volume_node, ijk):
    """Where a voxel is in the world."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    point = matrix.MultiplyPoint([*ijk, 1.0])
    transform = volume_node.GetParentTransformNode()
    if transform is not None:
        to_world = vtk.vtkMatrix4x4()
        transform.GetMatrixTransformToWorld(to_world)
        point = to_world.MultiplyPoint(point)
    return point[:3]


# --- Answers ------------------------------------------------------------------------------------------------


def test_a_click_fills_the_structure_with_a_real_region_policy(
    model, volume_node, segmentation_node, worker, answered, heard, see
):
    session = SceneSession(model, volume_node, segmentation_node, worker)
    job = session.add_point("A", FIRST, **heard.callbacks)
    answered(session)
    assert job.state is JobState.DONE
    assert heard.done == [job.result()]
    ball = ball_mask(FIRST, 6)
    assert 2 * (see("A") & ball).sum() / (see("A").sum() + ball.sum()) > 0.97
    session.close()


def test_an_answer_says_what_was_done(session, answered, heard):
    session.add_point("A", FIRST, **heard.callbacks)
    answered(session)
    (answer,) = heard.done
    assert isinstance(answer, Answer)
    assert answer.segment_id == answer.change.segment == "A"
    assert answer.written
    assert answer.confidence == answer.change.confidence > 0
    assert answer.seconds >= answer.write_seconds > 0
    assert answer.change.flips.sum() == 125


def test_clicks_on_two_segments_stay_apart(session, answered, see):
    session.add_point("A", FIRST)
    session.add_point("B", SECOND)
    session.add_point("A", (9, 13, 10))
    answered(session)
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | cube_mask((9, 13, 10)))
    np.testing.assert_array_equal(see("B"), SECOND_CUBE)


def test_the_segment_named_as_a_session_names_its_first_one_is_no_exception(
    make_segmentation, volume_node, model, worker, segmenter, answered
):
    node = make_segmentation(volume_node, ids=("Segment_2", "Segment_1"))
    session = SceneSession(model, volume_node, node, worker, segmenter=segmenter)
    session.add_point("Segment_2", FIRST)
    session.add_point("Segment_1", SECOND)
    answered(session)
    np.testing.assert_array_equal(shown(node, "Segment_2", volume_node), FIRST_CUBE)
    np.testing.assert_array_equal(shown(node, "Segment_1", volume_node), SECOND_CUBE)
    session.close()


def test_a_negative_click_takes_voxels_away(session, answered, see):
    session.add_point("A", FIRST)
    session.add_point("A", (9, 13, 15), positive=False)
    answered(session)
    np.testing.assert_array_equal(see("A"), FIRST_CUBE & ~cube_mask((9, 13, 15)))


def test_a_box_holds_both_its_corners_in_any_order_and_is_cut_at_the_image(session, answered, see):
    session.add_box("A", (8.4, 9, 10), (5, 12.3, 7))
    session.add_box("B", (28, 20, 20), (100, 23, 21))
    answered(session)
    expected = np.zeros(SHAPE_KJI, bool)
    expected[7:11, 9:13, 5:9] = True
    np.testing.assert_array_equal(see("A"), expected)
    expected = np.zeros(SHAPE_KJI, bool)
    expected[20:22, 20:24, 28:32] = True
    np.testing.assert_array_equal(see("B"), expected)


def test_a_scribble_goes_along_its_line(session, answered, see):
    session.add_scribble("A", [(5, 5, 5), (15, 5, 5)])
    answered(session)
    expected = np.zeros(SHAPE_KJI, bool)
    expected[4:7, 4:7, 4:17] = True
    np.testing.assert_array_equal(see("A"), expected)


def test_text_reaches_a_model_that_takes_it(
    volume_node, segmentation_node, worker, segmenter, answered, heard, see
):
    model = GreyModel(capabilities=EVERYTHING)
    session = SceneSession(model, volume_node, segmentation_node, worker, segmenter=segmenter)
    session.set_text("A", " left kidney ", **heard.callbacks)
    answered(session)
    assert not heard.errors
    assert see("A").any()
    assert segmenter.calls[0][1].text == "left kidney"
    session.close()


def test_several_prompts_are_one_action(session, answered, heard, see):
    prompts = [Point(FIRST), Point(SECOND), Point((9, 13, 15), False), Box((1, 1, 1), (3, 3, 3))]
    session.add_prompts("A", prompts, **heard.callbacks)
    answered(session)
    assert not heard.errors
    expected = (FIRST_CUBE | SECOND_CUBE) & ~cube_mask((9, 13, 15))
    expected[1:3, 1:3, 1:3] = True
    np.testing.assert_array_equal(see("A"), expected)
    session.undo_owner.undo()
    assert not see("A").any()


def test_a_suggestion_lies_in_the_image_or_is_none(
    model, volume_node, segmentation_node, worker, answered, heard
):
    session = SceneSession(model, volume_node, segmentation_node, worker)
    session.suggest("A", **heard.callbacks)
    session.add_point("A", FIRST)
    session.suggest("A", **heard.callbacks)
    answered(session)
    assert not heard.errors
    assert heard.done[0] is None
    assert len(heard.done[1]) == 3
    assert all(0 <= x < n for x, n in zip(heard.done[1], SHAPE_KJI[::-1], strict=True))
    session.close()


def test_progress_is_told(session, answered, heard):
    session.add_point("A", FIRST, **heard.callbacks)
    answered(session)
    assert heard.progress == [(0.0, "Preparing the image")]


@pytest.mark.parametrize("moved", [False, True])
def test_clicks_meet_oblique_transformed_images(
    make_volume_node, make_segmentation, make_transform, model, worker, segmenter, answered, moved
):
    shift = np.array([[0, -1, 0, 12], [1, 0, 0, -3], [0, 0, 1, 30], [0, 0, 0, 1.0]])
    volume_node = make_volume_node(ijk_to_ras=OBLIQUE, transform=make_transform(shift))
    node = make_segmentation(volume_node, transform=make_transform(np.linalg.inv(shift)) if moved else None)
    session = SceneSession(model, volume_node, node, worker, segmenter=segmenter)
    session.add_point("A", ras_of(volume_node, FIRST))
    answered(session)
    np.testing.assert_array_equal(shown(node, "A", volume_node), FIRST_CUBE)
    session.close()


def test_clicks_go_on_in_a_finer_oblique_segmentation(
    make_volume_node, make_segmentation, model, worker, segmenter, answered, heard
):
    volume_node = make_volume_node(ijk_to_ras=OBLIQUE)
    node = make_segmentation(volume_node)
    set_geometry(node, OBLIQUE @ np.diag([0.6, 0.7, 0.5, 1]), (-9, 80, -9, 80, -9, 80))
    session = SceneSession(model, volume_node, node, worker, segmenter=segmenter)
    for ijk, positive in ((FIRST, True), ((9, 13, 10), True), ((9, 13, 15), False)):
        session.add_point("A", ras_of(volume_node, ijk), positive, **heard.callbacks)
    answered(session)
    assert not heard.errors
    expected = (FIRST_CUBE | cube_mask((9, 13, 10))) & ~cube_mask((9, 13, 15))
    np.testing.assert_array_equal(shown(node, "A", volume_node), expected)
    assert len(session._stepping._session.prompts) == 3
    session.close()


def test_a_segmentation_without_geometry_is_given_the_images(
    make_segmentation, volume_node, model, worker, segmenter, answered
):
    node = make_segmentation(None)
    session = SceneSession(model, volume_node, node, worker, segmenter=segmenter)
    session.add_point("A", FIRST)
    answered(session)
    np.testing.assert_array_equal(shown(node, "A", volume_node), FIRST_CUBE)
    session.close()


# --- Accepted segments --------------------------------------------------------------------------------------


def test_an_accepted_segment_keeps_its_voxels_and_refuses_prompts(session, answered, see, segmentation_node):
    session.add_point("A", FIRST)
    answered(session)
    session.accept("A")
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    assert logic.GetSegmentStatus(segmentation_node.GetSegmentation().GetSegment("A")) == logic.Completed
    session.add_point("B", (9, 13, 10))
    answered(session)
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)
    np.testing.assert_array_equal(see("B"), cube_mask((9, 13, 10)) & ~FIRST_CUBE)
    with pytest.raises(SessionError, match="accepted"):
        session.add_point("A", FIRST)
    with pytest.raises(SessionError, match="accepted"):
        session.reset("A")


def test_a_reopened_segment_goes_on_with_its_prompts(session, answered):
    session.add_point("A", FIRST)
    answered(session)
    session.accept("A")
    assert session.is_accepted("A")
    session.reopen("A")
    assert not session.is_accepted("A")
    session.add_point("A", (9, 13, 10))
    answered(session)
    assert len(session._stepping._session.prompts) == 2


def test_a_click_before_acceptance_is_still_answered(session, answered, see):
    session.add_point("A", FIRST)
    session.accept("A")
    answered(session)
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)
    assert session.is_accepted("A")


# --- Refusals -----------------------------------------------------------------------------------------------


def test_a_click_outside_the_image_is_refused_at_once_with_its_place(session):
    with pytest.raises(PromptError, match=r"RAS \(50.0, 13.0, 12.0\) mm, index \(50, 13, 12\)"):
        session.add_point("A", (50, 13, 12))
    assert not session.busy


@pytest.mark.parametrize(
    "attempt",
    [
        lambda s: s.add_point("A", (np.nan, 0, 0)),
        lambda s: s.add_box("A", (90, 90, 90), (95, 95, 95)),
        lambda s: s.add_scribble("A", []),
        lambda s: s.set_text("A", "  "),
        lambda s: s.add_prompts("A", []),
    ],
)
def test_prompts_without_sense_are_refused_at_once(session, attempt):
    with pytest.raises(PromptError):
        attempt(session)
    assert not session.busy


@pytest.mark.parametrize("whole", [False, True])
def test_a_hidden_segment_is_refused(session, segmentation_node, whole):
    display = segmentation_node.GetDisplayNode()
    if whole:
        display.SetVisibility(False)
    else:
        display.SetSegmentVisibility("A", False)
    with pytest.raises(SessionError, match=r"hidden.*Show it"):
        session.add_point("A", FIRST)


@pytest.mark.parametrize("segment_id", ["nowhere", "", None])
def test_an_unknown_segment_is_refused(session, segment_id):
    with pytest.raises(SessionError, match="Select a segment"):
        session.add_point(segment_id, FIRST)


def test_what_the_model_cannot_do_is_told_and_nothing_happens(session, answered, heard, see):
    session.set_text("A", "liver", **heard.callbacks)
    answered(session)
    assert isinstance(heard.errors[0], CapabilityError)
    assert not see("A").any()


def test_a_failing_model_leaves_everything_and_the_next_click_works(session, segmenter, answered, heard, see):
    session.add_point("A", FIRST)
    answered(session)
    segmenter.fail_with = RuntimeError("out of order")
    job = session.add_point("A", SECOND, **heard.callbacks)
    answered(session)
    assert job.state is JobState.FAILED
    assert str(heard.errors[0]) == "out of order"
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)
    segmenter.fail_with = None
    session.add_point("A", SECOND, **heard.callbacks)
    answered(session)
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | SECOND_CUBE)
    assert len(session._stepping._session.prompts) == 2


def test_a_failure_after_painting_loses_neither_paint_nor_clicks(
    session, segmenter, painter, answered, heard, see
):
    session.add_point("A", FIRST)
    answered(session)
    painter.paint("A", SECOND_CUBE)
    segmenter.fail_with = RuntimeError("out of order")
    session.add_point("A", (16, 13, 12))
    answered(session)
    segmenter.fail_with = None
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | SECOND_CUBE)
    session.add_point("A", (16, 13, 12), **heard.callbacks)
    answered(session)
    assert not heard.errors
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | SECOND_CUBE | cube_mask((16, 13, 12)))


def test_an_image_without_contrast_is_told_through_the_prompt(
    make_volume_node, make_segmentation, model, worker, answered, heard
):
    volume_node = make_volume_node(np.full(SHAPE_KJI, 7, np.int16))
    session = SceneSession(model, volume_node, make_segmentation(volume_node), worker)
    session.add_point("A", FIRST, **heard.callbacks)
    answered(session)
    assert isinstance(heard.errors[0], VolumeError)
    session.close()


def test_a_volume_that_cannot_be_segmented_is_refused_and_leaves_no_nodes(
    scene, model, segmentation_node, worker
):
    label_map = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    nodes = scene.GetNumberOfNodes()
    with pytest.raises(VolumeError):
        SceneSession(model, label_map, segmentation_node, worker)
    assert scene.GetNumberOfNodes() == nodes


def test_nodes_of_no_common_scene_are_refused(model, volume_node, segmentation_node, worker):
    with pytest.raises(SessionError, match="no volume"):
        SceneSession(model, None, segmentation_node, worker)
    with pytest.raises(SessionError, match="no segmentation"):
        SceneSession(model, volume_node, None, worker)
    with pytest.raises(SessionError, match="no volume"):
        SceneSession(model, slicer.vtkMRMLScalarVolumeNode(), segmentation_node, worker)


def test_an_unknown_callback_is_a_mistake_of_the_caller(session):
    with pytest.raises(TypeError):
        session.add_point("A", FIRST, on_finished=print)
    assert not session.busy
