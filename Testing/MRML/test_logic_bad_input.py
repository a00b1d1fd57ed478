"""Whatever a user gets wrong: a message that says what to do, no traceback, no lost segment.

Each case is tried twice: a call that waits raises the error, one that does not tells it by `failed`.
"""

from __future__ import annotations

import numpy as np
import pytest
from logic_world import FIRST_BALL, SECOND_BALL, Heard, Loader, make_logic, ras_of
from scene_building import shown, to_image

from LightSegLib.errors import (
    CapabilityError,
    DeviceError,
    GeometryError,
    LightSegError,
    ModelError,
    PromptError,
    SessionError,
    VolumeError,
)

slicer = pytest.importorskip("slicer")


@pytest.fixture
def logic(scene):
    logic = make_logic(scene)
    yield logic
    logic.close()


@pytest.fixture
def ready(logic, volume_node):
    """A logic with a volume and one segment that holds the first ball."""
    logic.setVolumeNode(volume_node)
    logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    return logic


def refused(logic, prompt, kind, message, at_once=True):
    """Check that a prompt is refused, both ways, and that nothing changed by it; returns the error.

    `at_once` says whether it is refused before it reaches the worker.
    """
    before = contents(logic)
    heard = Heard(logic)
    with pytest.raises(kind, match=message) as caught:
        prompt(wait=True)
    assert heard.failures == []
    assert (prompt(wait=False) is None) == at_once
    logic.waitUntilIdle()
    assert [(type(error), str(error)) for error in heard.failures] == [(kind, str(caught.value))]
    assert caught.value.next_step
    assert contents(logic) == before
    assert not logic.busy
    return caught.value


def contents(logic):
    """What all segments hold, to compare."""
    if logic.segmentationNode is None:
        return None
    segmentation = logic.segmentationNode.GetSegmentation()
    if logic.volumeNode is None or logic.volumeNode.GetImageData() is None:
        return list(segmentation.GetSegmentIDs())
    return {
        one: shown(logic.segmentationNode, one, logic.volumeNode).tobytes()
        for one in segmentation.GetSegmentIDs()
    }


def click(logic, ras=(0.0, 0.0, 0.0), **options):
    return lambda wait: logic.segmentPoint(ras, wait=wait, **options)


# --- The volume ---------------------------------------------------------------------------------------------


def test_no_volume(logic) -> None:
    error = refused(logic, click(logic), VolumeError, "No volume is chosen")
    assert "Choose a volume" in error.next_step
    assert type(logic.whyNotReady()) is VolumeError


def test_a_volume_without_image(scene, logic) -> None:
    logic.setVolumeNode(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Hollow"))
    error = refused(logic, click(logic), VolumeError, "Hollow")
    assert logic.segmentationNode is None
    assert str(logic.whyNotReady()) == str(error)


def test_a_label_map_volume(scene, logic) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")
    node.SetAndObserveImageData(to_image(np.ones((4, 5, 6), np.int16)))
    logic.setVolumeNode(node)
    refused(logic, click(logic), VolumeError, "label map")


def test_a_vector_volume(scene, logic) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Colors")
    image = to_image(np.ones((4, 5, 6), np.int16))
    image.AllocateScalars(3, 3)
    node.SetAndObserveImageData(image)
    logic.setVolumeNode(node)
    refused(logic, click(logic), VolumeError, "Colors")


def test_a_sequence(scene, logic) -> None:
    logic.setVolumeNode(scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Heart beat"))
    error = refused(logic, click(logic), VolumeError, "(?i)sequence")
    assert "Sequence" in error.next_step or "proxy" in error.next_step


def test_a_node_that_is_no_volume_at_all(scene, logic) -> None:
    logic.setVolumeNode(scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Motion"))
    refused(logic, click(logic), VolumeError, "Motion")


def test_a_volume_under_a_transform_that_bends(scene, logic, volume_node) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "Bending")
    volume_node.SetAndObserveTransformNodeID(node.GetID())
    logic.setVolumeNode(volume_node)
    error = refused(logic, click(logic), GeometryError, "(?i)transform")
    assert "arden" in error.next_step


def test_an_image_of_one_grey_value(logic, make_volume_node) -> None:
    node = make_volume_node(np.zeros((8, 8, 8), np.int16))
    logic.setVolumeNode(node)
    logic.addSegment()
    refused(
        logic, click(logic, ras_of(node, (4, 4, 4))), VolumeError, "All voxels of the image", at_once=False
    )


def test_a_node_id_that_does_not_exist(logic) -> None:
    with pytest.raises(SessionError, match="There is no node with the ID vtkMRMLNothing1"):
        logic.setVolumeNode("vtkMRMLNothing1")
    with pytest.raises(SessionError, match="A int cannot serve as volume"):
        logic.setVolumeNode(3)


def test_a_volume_that_was_deleted_is_named(scene, ready) -> None:
    scene.RemoveNode(ready.volumeNode)
    assert ready.volumeNode is None
    refused(ready, click(ready), VolumeError, "The volume Image was removed")


# --- The segmentation ---------------------------------------------------------------------------------------


def test_no_segmentation_is_no_problem_one_is_made(logic, volume_node) -> None:
    logic.setVolumeNode(volume_node)
    logic.setSegmentationNode(None)
    assert logic.whyNotReady() is None
    logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    assert logic.segmentationNode is not None


def test_without_a_volume_no_segmentation_can_be_made(logic) -> None:
    with pytest.raises(VolumeError, match="No volume is chosen"):
        logic.makeSegmentationNode()
    with pytest.raises(VolumeError, match="No volume is chosen"):
        logic.addSegment("liver")


def test_a_node_that_is_no_segmentation(logic, volume_node) -> None:
    with pytest.raises(SessionError, match="Image is not a segmentation"):
        logic.setSegmentationNode(volume_node)


def test_a_segmentation_that_was_deleted_is_named_and_not_made_anew(scene, ready, volume_node) -> None:
    scene.RemoveNode(ready.segmentationNode)
    assert ready.segmentationNode is None
    where = ras_of(volume_node, FIRST_BALL)
    refused(ready, click(ready, where), SessionError, "The segmentation Image segmentation was removed")
    ready.setSegmentationNode(None)
    assert ready.segmentPoint(where).written


def test_several_segments_selected(ready, volume_node) -> None:
    ready.addSegment()
    ids = list(ready.segmentationNode.GetSegmentation().GetSegmentIDs())
    error = refused(ready, click(ready, segmentId=ids), SessionError, "2 segments are selected")
    assert "Select a single segment" in error.next_step


def test_no_segment_selected_among_several(scene, logic, volume_node, make_segmentation) -> None:
    logic.setVolumeNode(volume_node)
    logic.setSegmentationNode(make_segmentation(volume_node))
    refused(logic, click(logic), SessionError, "No segment is selected")


def test_a_segment_that_does_not_exist_and_a_name_that_two_have(ready) -> None:
    refused(ready, click(ready, segmentId="Nowhere"), SessionError, "There is no segment Nowhere")
    ready.addSegment("cyst")
    ready.addSegment("cyst")
    refused(ready, click(ready, segmentId="cyst"), SessionError, "There are 2 segments called cyst")


def test_a_hidden_segment(ready, volume_node) -> None:
    display = ready.segmentationNode.GetDisplayNode()
    display.SetSegmentVisibility(ready.selectedSegmentId, False)
    where = ras_of(volume_node, FIRST_BALL)
    error = refused(ready, click(ready, where), SessionError, "hidden")
    assert "Show it" in error.next_step


def test_an_accepted_segment(ready, volume_node) -> None:
    ready.accept()
    refused(ready, click(ready, ras_of(volume_node, FIRST_BALL)), SessionError, "accepted")


def test_a_segmentation_of_another_geometry_takes_what_lies_in_it(
    ready, volume_node, make_segmentation
) -> None:
    from scene_building import set_geometry

    segmentation = make_segmentation(None, ids=("A",))
    coarse = np.diag([2.0, 2.0, 2.0, 1.0])
    set_geometry(segmentation, coarse, (0, 15, 0, 13, 0, 11))
    ready.setSegmentationNode(segmentation)
    assert ready.segmentPoint(ras_of(volume_node, SECOND_BALL)).written
    held = shown(segmentation, "A", volume_node)
    assert held[12, 13, 23]
    assert not held[12, 13, 9]


# --- Prompts ------------------------------------------------------------------------------------------------


def test_a_click_outside_the_image_says_where_and_leaves_no_segment_behind(logic, volume_node) -> None:
    logic.setVolumeNode(volume_node)
    logic.makeSegmentationNode()
    error = refused(logic, click(logic, (500.0, 0.0, 0.0)), PromptError, "lies outside the image")
    assert "RAS (500.0, 0.0, 0.0) mm, index (500, 0, 0)" in error.what
    assert logic.segmentationNode.GetSegmentation().GetNumberOfSegments() == 0


@pytest.mark.parametrize("ras", [(1.0, 2.0), (1.0, float("nan"), 0.0), "here", (1e300, 0.0, 0.0)])
def test_a_position_that_is_none(ready, ras) -> None:
    before = contents(ready)
    with pytest.raises(LightSegError):
        ready.segmentPoint(ras)
    assert contents(ready) == before


def test_a_box_outside_the_image_or_without_corners(ready) -> None:
    outside = lambda wait: ready.segmentBox((90.0, 90.0, 90.0), (99.0, 99.0, 99.0), wait=wait)  # noqa: E731
    refused(ready, outside, PromptError, "outside the image")
    refused(ready, lambda wait: ready.segmentBox(wait=wait), PromptError, "The box has no two corners")


def test_a_roi_that_is_none(ready, volume_node) -> None:
    box = lambda wait: ready.segmentBox(roiNode=volume_node, wait=wait)  # noqa: E731
    refused(ready, box, PromptError, "not a region of interest")


def test_a_point_list_without_points(scene, ready) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    refused(ready, lambda wait: ready.segmentFiducials(node, wait=wait), PromptError, "nothing to segment by")


def test_a_scribble_without_points(ready) -> None:
    refused(ready, lambda wait: ready.segmentScribble([], wait=wait), PromptError, "The scribble is empty")


def test_text_without_a_text_model(ready) -> None:
    error = refused(
        ready, lambda wait: ready.segmentText("liver", wait=wait), CapabilityError, "not take text"
    )
    assert "It takes points, boxes" in error.why
    assert "choose another model" in error.next_step
    assert type(ready.whyNotReady("text")) is CapabilityError


# --- Model and device ---------------------------------------------------------------------------------------


def test_a_gpu_chosen_where_none_is(scene, volume_node, monkeypatch) -> None:
    from LightSegLib.runtime import devices

    monkeypatch.setattr(devices, "available_devices", lambda: ("cpu",))
    logic = make_logic(scene, lambda name, device: devices.choose_device(device))
    logic.setVolumeNode(volume_node)
    logic.makeSegmentationNode()
    logic.addSegment()
    logic.setDevice("cuda")
    where = ras_of(volume_node, FIRST_BALL)
    error = refused(
        logic, click(logic, where), DeviceError, "The device 'cuda' is not available", at_once=False
    )
    assert "Choose one of those, or auto" in error.next_step
    logic.lookForDevices(wait=True)
    logic.setDevice("auto")
    with pytest.raises(DeviceError, match="The device cuda is not available"):
        logic.setDevice("cuda")
    logic.close()


def test_a_model_that_cannot_be_loaded_is_tried_again_at_the_next_click(scene, volume_node) -> None:
    loader = Loader(error=ModelError("The weights are damaged", "", "Install LightSeg again"))
    logic = make_logic(scene, loader)
    logic.setVolumeNode(volume_node)
    logic.makeSegmentationNode()
    logic.addSegment()
    where = ras_of(volume_node, FIRST_BALL)
    refused(logic, click(logic, where), ModelError, "The weights are damaged", at_once=False)
    assert len(loader.asked) == 2
    loader.error = None
    assert logic.segmentPoint(where).written
    logic.close()


def test_torch_that_is_missing(scene, volume_node) -> None:
    loader = Loader(error=ModuleNotFoundError("No module named 'torch'", name="torch"))
    logic = make_logic(scene, loader)
    logic.setVolumeNode(volume_node)
    with pytest.raises(LightSegError, match="The Python package torch cannot be used") as caught:
        logic.segmentPoint(ras_of(volume_node, FIRST_BALL))
    assert "Install" in caught.value.next_step
    logic.close()


def test_a_model_that_breaks_is_reported_and_logged_and_the_segment_is_as_it_was(
    scene, volume_node, caplog
) -> None:
    loader = Loader()
    logic = make_logic(scene, loader)
    logic.setVolumeNode(volume_node)
    segment = logic.segmentPoint(ras_of(volume_node, FIRST_BALL)).segment_id
    before = shown(logic.segmentationNode, segment, volume_node)

    def fail(image, guidance):
        raise ZeroDivisionError("inside the network")

    loader.model.predict = fail
    with pytest.raises(LightSegError, match="unexpected error"):
        logic.segmentPoint(ras_of(volume_node, SECOND_BALL))
    assert "inside the network" in caplog.text
    assert (shown(logic.segmentationNode, segment, volume_node) == before).all()
    del loader.model.predict
    assert logic.segmentPoint(ras_of(volume_node, SECOND_BALL)).written
    logic.close()


# --- Order of calls -----------------------------------------------------------------------------------------


def test_accepting_or_suggesting_before_there_is_a_segment(logic, volume_node) -> None:
    logic.setVolumeNode(volume_node)
    for call in (logic.accept, logic.suggest, logic.reset):
        with pytest.raises(SessionError, match="There is no segment yet"):
            call()
    assert logic.confidence() is None


def test_nothing_to_undo_is_no_error(logic) -> None:
    assert not logic.undo()
    assert not logic.redo()
    assert not logic.canUndo


def test_a_closed_logic_says_so(ready, volume_node) -> None:
    ready.close()
    ready.close()
    with pytest.raises(LightSegError):
        ready.segmentPoint(ras_of(volume_node, FIRST_BALL))


def test_a_call_from_another_thread_is_refused(ready, volume_node) -> None:
    import threading

    errors = []

    def call():
        try:
            ready.segmentPoint(ras_of(volume_node, FIRST_BALL))
        except LightSegError as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert "main thread" in errors[0].why
