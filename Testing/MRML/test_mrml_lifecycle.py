"""What happens to a session while it works: nodes go, images change, users undo, cancel and click again."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest
from scene_building import FIRST, SECOND, cube_mask, shown, to_image, two_balls, voxels_of

from LightSegLib.errors import Cancelled, SessionError, VolumeError
from LightSegLib.mrml.scene_session import SceneSession
from LightSegLib.runtime.jobs import JobState
from LightSegLib.runtime.worker import SessionWorker

FIRST_CUBE, SECOND_CUBE = cube_mask(FIRST), cube_mask(SECOND)
SPECK = cube_mask((16, 4, 4), 1)


@pytest.fixture
def gate(segmenter):
    """Holds the segmenter in the middle of its work: gate.entered, gate.open; heeds cancellation."""

    class Gate:
        def __init__(self):
            self.entered = threading.Event()
            self.open = threading.Event()

    gate = Gate()
    answer = segmenter.segment

    def segment(*arguments, check_cancelled=None):
        gate.entered.set()
        assert gate.open.wait(10)
        return answer(*arguments, check_cancelled=check_cancelled)

    segmenter.segment = segment
    yield gate
    gate.open.set()


@pytest.fixture
def running(session, gate, heard):
    """A click at FIRST into A that is in the middle of its work; it is the job."""
    job = session.add_point("A", FIRST, **heard.callbacks)
    assert gate.entered.wait(10)
    return job


@pytest.fixture
def see(segmentation_node, volume_node):
    """What a segment shows: see("A")."""
    return lambda segment_id: shown(segmentation_node, segment_id, volume_node)


def let_go(gate, worker):
    """Let the segmenter go on and deliver everything."""
    gate.open.set()
    assert worker.wait_idle(10)
    worker.poll()


# --- Nodes go -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["volume", "segmentation", "scene"])
def test_a_node_that_goes_ends_the_session_quietly(
    session, running, gate, worker, heard, scene, volume_node, segmentation_node, which
):
    waiting = session.add_point("B", SECOND, **heard.callbacks)
    if which == "scene":
        scene.Clear(False)
    else:
        scene.RemoveNode(volume_node if which == "volume" else segmentation_node)
    assert session.closed
    assert len(heard.cancelled) == 2
    let_go(gate, worker)
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


def test_other_nodes_may_come_and_go(session, running, gate, worker, heard, scene, make_volume_node):
    scene.RemoveNode(make_volume_node())
    let_go(gate, worker)
    assert len(heard.done) == 1


def test_a_removed_segment_takes_its_prompt_along(session, running, gate, worker, heard, segmentation_node):
    segmentation_node.GetSegmentation().RemoveSegment("A")
    let_go(gate, worker)
    assert not heard.done
    assert not heard.errors
    assert len(heard.cancelled) == 1
    assert "A" not in segmentation_node.GetSegmentation().GetSegmentIDs()
    session.add_point("B", SECOND, **heard.callbacks)
    let_go(gate, worker)
    assert len(heard.done) == 1


def test_a_removed_segment_leaves_the_prompts_of_others(
    session, running, gate, worker, heard, segmentation_node, see, answered
):
    session.add_point("B", SECOND, **heard.callbacks)
    segmentation_node.GetSegmentation().RemoveSegment("A")
    gate.open.set()
    answered(session)
    np.testing.assert_array_equal(see("B"), SECOND_CUBE)


def test_a_segment_removed_and_brought_back_while_a_prompt_runs_is_usable(
    session, gate, worker, heard, segmentation_node, see, answered
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
def test_a_changed_volume_drops_the_answer_and_says_so(
    session, running, gate, worker, heard, volume_node, segmentation_node, change
):
    session.add_point("B", SECOND, **heard.callbacks)
    change(volume_node)
    let_go(gate, worker)
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
    session, answered, heard, make_transform, segmentation_node, volume_node, see
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


# --- Users undo and paint while it runs ---------------------------------------------------------------------


@pytest.fixture
def running_second(session, gate, heard, answered):
    """A ball at FIRST is written; a second click at SECOND is in the middle of its work."""
    gate.open.set()
    session.add_point("A", FIRST)
    answered(session)
    gate.open.clear()
    gate.entered.clear()
    job = session.add_point("A", SECOND, **heard.callbacks)
    assert gate.entered.wait(10)
    return job


def test_undo_cancels_what_runs_and_waits(session, running_second, gate, worker, heard, see, answered):
    waiting = session.add_point("B", SECOND, **heard.callbacks)
    session.undo_owner.undo()
    assert len(heard.cancelled) == 2
    assert isinstance(waiting.error, Cancelled)
    let_go(gate, worker)
    assert not heard.done
    assert not see("A").any()
    session.undo_owner.redo()
    session.add_point("A", (9, 13, 10))
    answered(session)
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | cube_mask((9, 13, 10)))
    assert len(session._stepping._session.prompts) == 2


def test_redo_cancels_what_runs(session, gate, worker, heard, see, answered):
    gate.open.set()
    session.add_point("A", FIRST)
    answered(session)
    session.undo_owner.undo()
    gate.open.clear()
    gate.entered.clear()
    session.add_point("A", SECOND, **heard.callbacks)
    assert gate.entered.wait(10)
    session.undo_owner.redo()
    assert heard.cancelled
    let_go(gate, worker)
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)


def test_paint_and_answer_both_stay_and_the_next_click_sees_both(
    session, running_second, gate, worker, heard, see, answered, painter
):
    painter.paint("A", SPECK)
    let_go(gate, worker)
    assert len(heard.done) == 1
    everything = FIRST_CUBE | SECOND_CUBE | SPECK
    np.testing.assert_array_equal(see("A"), everything)
    session.add_point("A", (9, 13, 10), **heard.callbacks)
    answered(session)
    np.testing.assert_array_equal(session._stepping._session.mask, everything | cube_mask((9, 13, 10)))
    np.testing.assert_array_equal(see("A"), everything | cube_mask((9, 13, 10)))


def test_paint_taken_back_while_it_runs_cancels(session, running_second, gate, worker, heard, see, painter):
    painter.paint("A", SPECK)
    session.undo_owner.undo()
    assert heard.cancelled
    let_go(gate, worker)
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)


def test_names_and_neighbors_do_not_disturb_what_runs(
    session, running_second, gate, worker, heard, see, painter, segmentation_node
):
    segmentation_node.GetSegmentation().GetSegment("A").SetName("Spleen")
    segmentation_node.GetSegmentation().AddEmptySegment("C")
    painter.paint("B", SPECK)
    let_go(gate, worker)
    assert len(heard.done) == 1
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | SECOND_CUBE)


# --- Cancelling and clicking again --------------------------------------------------------------------------


def test_a_second_click_waits_for_the_first_and_both_are_written_in_order(
    session, running, gate, worker, heard, see, answered, segmenter
):
    session.add_point("A", SECOND, **heard.callbacks)
    session.add_point("A", (9, 13, 15), False, **heard.callbacks)
    assert session.busy
    gate.open.set()
    answered(session)
    assert [answer.change.flips.sum() for answer in heard.done] == [125, 125, 50]
    np.testing.assert_array_equal(see("A"), (FIRST_CUBE | SECOND_CUBE) & ~cube_mask((9, 13, 15)))
    assert len(segmenter.calls[-1][1]) == 3


def test_cancelling_the_running_click_leaves_the_waiting_one(
    session, running, gate, worker, heard, see, answered
):
    session.add_point("A", SECOND, **heard.callbacks)
    running.cancel()
    gate.open.set()
    answered(session)
    assert running.state is JobState.CANCELLED
    assert len(heard.cancelled) == len(heard.done) == 1
    np.testing.assert_array_equal(see("A"), SECOND_CUBE)
    assert len(session._stepping._session.prompts) == 1


def test_cancelling_a_waiting_click_leaves_the_running_one(
    session, running, gate, worker, heard, see, answered
):
    waiting = session.add_point("A", SECOND, **heard.callbacks)
    waiting.cancel()
    assert waiting.state is JobState.CANCELLED
    waiting.cancel()
    gate.open.set()
    answered(session)
    assert len(heard.cancelled) == len(heard.done) == 1
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)


def test_cancelling_everything_frees_the_session_at_once(
    session, running, gate, worker, heard, see, answered
):
    session.add_point("B", SECOND, **heard.callbacks)
    session.cancel()
    assert not session.busy
    assert len(heard.cancelled) == 2
    session.add_point("B", FIRST, **heard.callbacks)
    gate.open.set()
    answered(session)
    assert not see("A").any()
    np.testing.assert_array_equal(see("B"), FIRST_CUBE)


def test_an_answer_that_came_too_late_is_not_in_the_session_either(
    session, segmenter, heard, worker, see, answered
):
    session.add_point("A", FIRST, **heard.callbacks)
    assert worker.wait_idle(10)
    session.cancel()
    worker.poll()
    assert not heard.done
    assert not see("A").any()
    session.add_point("A", SECOND, **heard.callbacks)
    answered(session)
    np.testing.assert_array_equal(see("A"), SECOND_CUBE)
    assert len(session._stepping._session.prompts) == 1


def test_a_callback_may_click_again(session, answered, see):
    session.add_point("A", FIRST, on_done=lambda _: session.add_point("A", SECOND))
    answered(session)
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | SECOND_CUBE)


def test_an_error_in_a_callback_does_not_stop_the_queue(session, worker, heard, see, answered):
    def fail(answer):
        raise ZeroDivisionError

    session.add_point("A", FIRST, on_done=fail)
    session.add_point("A", SECOND, **heard.callbacks)
    assert worker.wait_idle(10)
    with pytest.raises(ZeroDivisionError):
        worker.poll()
    answered(session)
    assert len(heard.done) == 1
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | SECOND_CUBE)


def test_an_error_in_writing_reaches_the_caller_and_the_next_click_works(
    session, answered, heard, see, editor_node
):
    def fail():
        raise ZeroDivisionError

    session.undo_owner.save_state = fail
    session.add_point("A", FIRST, **heard.callbacks)
    answered(session)
    assert isinstance(heard.errors[0], ZeroDivisionError)
    del session.undo_owner.save_state
    session.add_point("A", SECOND, **heard.callbacks)
    answered(session)
    np.testing.assert_array_equal(see("A"), SECOND_CUBE)


def test_a_closed_worker_is_told(model, volume_node, segmentation_node, segmenter, heard):
    with SessionWorker() as worker:
        session = SceneSession(model, volume_node, segmentation_node, worker, segmenter=segmenter)
    session.add_point("A", FIRST, **heard.callbacks)
    assert isinstance(heard.errors[0], SessionError)
    assert not session.busy
    session.close()


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


def test_closing_while_a_prompt_runs_drops_its_answer(session, running, gate, worker, heard, see):
    session.close()
    let_go(gate, worker)
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
