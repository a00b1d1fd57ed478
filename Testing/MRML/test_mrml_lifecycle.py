"""What happens to a session while it works: nodes go, images change, users undo, cancel and click again."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from scene_building import FIRST, SECOND, cube_mask, to_image, two_balls, voxels_of

from LightSegLib.errors import SessionError, VolumeError
from LightSegLib.mrml.scene_session import SceneSession
from LightSegLib.runtime.jobs import JobState

FIRST_CUBE, SECOND_CUBE = cube_mask(FIRST), cube_mask(SECOND)
SPECK = cube_mask((16, 4, 4), 1)


# --- Nodes go -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["volume", "segmentation", "scene"])
def test_a_node_that_goes_ends_the_session_quietly(
    session, running, let_go, heard, scene, volume_node, segmentation_node, which
):
    waiting = session.add_point("B", SECOND, **heard.callbacks)
    if which == "scene":
        scene.Clear(False)
    else:
        scene.RemoveNode(volume_node if which == "volume" else segmentation_node)
    assert session.closed
    assert len(heard.cancelled) == 2
    let_go()
    assert not heard.done
    assert not heard.errors
    assert running.state is waiting.state is JobState.CANCELLED
    assert not session.busy
    for attempt in (
        lambda: session.add_point("A", FIRST),
        lambda: session.reset("A"),
        lambda: session.accept("A"),
        lambda: session.suggest("A"),
    ):
        with pytest.raises(SessionError, match="no longer in the scene"):
            attempt()
    assert session.confidence("A") is None


def test_other_nodes_may_come_and_go(running, let_go, heard, scene, make_volume_node):
    scene.RemoveNode(make_volume_node())
    let_go()
    assert len(heard.done) == 1


def test_a_removed_segment_takes_its_prompt_along(session, running, let_go, heard, segmentation_node):
    segmentation_node.GetSegmentation().RemoveSegment("A")
    let_go()
    assert not heard.done
    assert not heard.errors
    assert len(heard.cancelled) == 1
    assert "A" not in segmentation_node.GetSegmentation().GetSegmentIDs()
    session.add_point("B", SECOND, **heard.callbacks)
    let_go()
    assert len(heard.done) == 1


def test_a_removed_segment_leaves_the_prompts_of_others(
    session, running, gate, heard, segmentation_node, see, answered
):
    session.add_point("B", SECOND, **heard.callbacks)
    segmentation_node.GetSegmentation().RemoveSegment("A")
    gate.open.set()
    answered(session)
    np.testing.assert_array_equal(see("B"), SECOND_CUBE)


def test_a_segment_removed_and_brought_back_while_a_prompt_runs_is_usable(
    session, gate, heard, segmentation_node, see, answered
):
    gate.open.set()
    session.add_point("A", FIRST)
    answered(session)
    gate.open.clear()
    gate.entered.clear()
    session.add_point("A", SECOND, **heard.callbacks)
    assert gate.entered.wait(10)
    session.undo_owner.save_state()
    segmentation_node.GetSegmentation().RemoveSegment("A")
    session.undo_owner.undo()
    gate.open.set()
    answered(session)
    session.add_point("A", (9, 13, 10))
    answered(session)
    assert (see("A") & (FIRST_CUBE | cube_mask((9, 13, 10)))).sum() == (
        FIRST_CUBE | cube_mask((9, 13, 10))
    ).sum()


# --- Images change ------------------------------------------------------------------------------------------


def change_voxels(node):
    voxels_of(node.GetImageData())[0, 0, 0] += 1
    node.GetImageData().GetPointData().GetScalars().Modified()


def replace_image(node):
    node.SetAndObserveImageData(to_image(two_balls() + 1))


def shift_node(node):
    node.SetOrigin(1, 0, 0)


@pytest.mark.parametrize("change", [change_voxels, replace_image, shift_node])
def test_a_changed_volume_drops_the_answer_and_says_so(session, running, let_go, heard, volume_node, change):
    session.add_point("B", SECOND, **heard.callbacks)
    change(volume_node)
    let_go()
    assert not heard.done
    assert [type(error) for error in heard.errors] == [SessionError] * 2
    assert "volume changed" in str(heard.errors[0])
    assert not session.busy


@pytest.mark.parametrize("change", [change_voxels, replace_image])
def test_after_a_change_of_the_volume_the_next_click_keeps_what_is_there(
    session, segmenter, answered, heard, volume_node, see, change
):
    session.add_point("A", FIRST)
    session.add_point("B", SECOND)
    answered(session)
    change(volume_node)
    session.add_point("A", (9, 13, 10), **heard.callbacks)
    answered(session)
    assert not heard.errors
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | cube_mask((9, 13, 10)))
    np.testing.assert_array_equal(session._stepping._session.mask, see("A"))
    np.testing.assert_array_equal(see("B"), SECOND_CUBE)
    image = segmenter.calls[-1][0]
    np.testing.assert_array_equal(image.volume.array, voxels_of(volume_node.GetImageData()))


def test_a_moved_volume_is_segmented_where_it_is_now(session, answered, heard, volume_node, see):
    session.add_point("A", FIRST)
    answered(session)
    volume_node.SetOrigin(0, 0, 3)
    session.add_point("A", (9, 13, 12), **heard.callbacks)
    answered(session)
    assert not heard.errors
    # The segment stayed in the world, so it lies three voxels lower in the image; the click is there too.
    expected = cube_mask((9, 13, 9))
    np.testing.assert_array_equal(see("A"), expected)


def test_a_segmentation_moved_off_its_image_goes_on_from_what_is_seen(
    session, answered, heard, make_transform, segmentation_node, see
):
    session.add_point("A", FIRST)
    answered(session)
    shift = np.eye(4)
    shift[:3, 3] = (0, 0, 4)
    segmentation_node.SetAndObserveTransformNodeID(make_transform(shift).GetID())
    np.testing.assert_array_equal(see("A"), cube_mask((9, 13, 16)))
    session.add_point("A", SECOND, **heard.callbacks)
    answered(session)
    assert not heard.errors
    expected = cube_mask((9, 13, 16)) | SECOND_CUBE
    np.testing.assert_array_equal(see("A"), expected)
    np.testing.assert_array_equal(session._stepping._session.mask, expected)


def test_a_volume_that_lost_its_image_is_refused_with_what_to_do(session, volume_node):
    volume_node.SetAndObserveImageData(None)
    with pytest.raises(VolumeError):
        session.add_point("A", FIRST)
    replace_image(volume_node)
    session.add_point("A", FIRST)


# --- Observers ----------------------------------------------------------------------------------------------


def observers(*objects):
    """Whether each object has an observer of events that a session listens to."""
    import slicer
    import vtk

    events = [
        slicer.vtkMRMLScene.NodeRemovedEvent,
        slicer.vtkMRMLScene.EndCloseEvent,
        slicer.vtkSegmentation.SegmentModified,
        slicer.vtkSegmentation.SourceRepresentationModified,
        vtk.vtkCommand.ModifiedEvent,
    ]
    return [[bool(thing.HasObserver(event)) for event in events] for thing in objects]


def test_closing_removes_every_observer_and_node_of_the_session(
    scene, model, volume_node, segmentation_node, worker, segmenter, answered
):
    watched = (scene, volume_node, segmentation_node, segmentation_node.GetSegmentation())
    before, nodes = observers(*watched), scene.GetNumberOfNodes()
    session = SceneSession(model, volume_node, segmentation_node, worker, segmenter=segmenter)
    session.add_point("A", FIRST)
    answered(session)
    assert observers(*watched) != before
    session.close()
    session.close()
    assert observers(*watched) == before
    assert scene.GetNumberOfNodes() == nodes
    with pytest.raises(SessionError, match="closed"):
        session.add_point("A", FIRST)


def test_closing_while_a_prompt_runs_drops_its_answer(session, running, let_go, heard, see):
    session.close()
    let_go()
    assert heard.cancelled
    assert not heard.done
    assert not see("A").any()


def test_a_forgotten_session_can_be_collected(model, volume_node, segmentation_node, worker, segmenter):
    session = SceneSession(model, volume_node, segmentation_node, worker, segmenter=segmenter)
    session.add_point("A", FIRST)
    assert worker.wait_idle(10)
    worker.poll()
    gone = weakref.ref(session)
    del session
    gc.collect()
    assert gone() is None
    assert worker.poll() == 0
    segmentation_node.GetSegmentation().GetSegment("A").SetName("Spleen")
