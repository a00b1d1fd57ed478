"""What users do while a prompt runs: undo, paint, cancel, click again."""

from __future__ import annotations

import numpy as np
import pytest
from scene_building import FIRST, SECOND, cube_mask

from LightSegLib.errors import GeometryError, SessionError
from LightSegLib.mrml.scene_session import SceneSession
from LightSegLib.runtime.jobs import JobState
from LightSegLib.runtime.worker import SessionWorker

FIRST_CUBE, SECOND_CUBE = cube_mask(FIRST), cube_mask(SECOND)
SPECK = cube_mask((16, 4, 4), 1)


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


def test_undo_drops_what_runs_and_waits_and_says_so(session, running_second, let_go, heard, see, answered):
    waiting = session.add_point("B", SECOND, **heard.callbacks)
    session.undo_owner.undo()
    assert len(heard.errors) == 2
    assert isinstance(waiting.error, SessionError)
    assert "Undo or redo" in str(waiting.error)
    let_go()
    assert not heard.done
    assert not see("A").any()
    session.undo_owner.redo()
    session.add_point("A", (9, 13, 10))
    answered(session)
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | cube_mask((9, 13, 10)))
    assert len(session._stepping._session.prompts) == 2


def test_redo_drops_what_runs(session, let_go, heard, see, answered, gate):
    gate.open.set()
    session.add_point("A", FIRST)
    answered(session)
    session.undo_owner.undo()
    gate.open.clear()
    gate.entered.clear()
    session.add_point("A", SECOND, **heard.callbacks)
    assert gate.entered.wait(10)
    session.undo_owner.redo()
    assert heard.errors
    let_go()
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)


def test_paint_and_answer_both_stay_and_the_next_click_sees_both(
    session, running_second, let_go, heard, see, answered, painter
):
    painter.paint("A", SPECK)
    let_go()
    assert len(heard.done) == 1
    everything = FIRST_CUBE | SECOND_CUBE | SPECK
    np.testing.assert_array_equal(see("A"), everything)
    session.add_point("A", (9, 13, 10), **heard.callbacks)
    answered(session)
    np.testing.assert_array_equal(session._stepping._session.mask, everything | cube_mask((9, 13, 10)))
    np.testing.assert_array_equal(see("A"), everything | cube_mask((9, 13, 10)))


def test_paint_taken_back_while_it_runs_drops_it(session, running_second, let_go, heard, see, painter):
    painter.paint("A", SPECK)
    session.undo_owner.undo()
    assert heard.errors
    let_go()
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)


def test_names_and_neighbors_do_not_disturb_what_runs(
    running_second, let_go, heard, see, painter, segmentation_node
):
    segmentation_node.GetSegmentation().GetSegment("A").SetName("Spleen")
    segmentation_node.GetSegmentation().AddEmptySegment("C")
    painter.paint("B", SPECK)
    let_go()
    assert len(heard.done) == 1
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | SECOND_CUBE)


# --- Cancelling and clicking again --------------------------------------------------------------------------


def test_a_second_click_waits_for_the_first_and_both_are_written_in_order(
    session, running, gate, heard, see, answered, segmenter
):
    session.add_point("A", SECOND, **heard.callbacks)
    session.add_point("A", (9, 13, 15), False, **heard.callbacks)
    assert session.busy
    gate.open.set()
    answered(session)
    assert [answer.change.flips.sum() for answer in heard.done] == [125, 125, 50]
    np.testing.assert_array_equal(see("A"), (FIRST_CUBE | SECOND_CUBE) & ~cube_mask((9, 13, 15)))
    assert len(segmenter.calls[-1][1]) == 3


def test_cancelling_the_running_click_leaves_the_waiting_one(session, running, gate, heard, see, answered):
    session.add_point("A", SECOND, **heard.callbacks)
    running.cancel()
    gate.open.set()
    answered(session)
    assert running.state is JobState.CANCELLED
    assert len(heard.cancelled) == len(heard.done) == 1
    np.testing.assert_array_equal(see("A"), SECOND_CUBE)
    assert len(session._stepping._session.prompts) == 1


def test_cancelling_a_waiting_click_leaves_the_running_one(session, running, gate, heard, see, answered):
    waiting = session.add_point("A", SECOND, **heard.callbacks)
    waiting.cancel()
    assert waiting.state is JobState.CANCELLED
    waiting.cancel()
    gate.open.set()
    answered(session)
    assert len(heard.cancelled) == len(heard.done) == 1
    np.testing.assert_array_equal(see("A"), FIRST_CUBE)


def test_cancelling_everything_frees_the_session_at_once(session, running, gate, heard, see, answered):
    session.add_point("B", SECOND, **heard.callbacks)
    session.cancel()
    assert not session.busy
    assert len(heard.cancelled) == 2
    session.add_point("B", FIRST, **heard.callbacks)
    gate.open.set()
    answered(session)
    assert not see("A").any()
    np.testing.assert_array_equal(see("B"), FIRST_CUBE)


def test_an_answer_that_came_too_late_is_not_in_the_session_either(session, heard, worker, see, answered):
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


def test_an_answer_that_came_too_late_and_cannot_be_taken_back_is_replaced_by_what_is_seen(
    session, heard, worker, see, answered
):
    session.add_point("A", FIRST)
    answered(session)
    session.add_point("A", SECOND)
    assert worker.wait_idle(10)
    session.cancel()
    session._stepping._session._history.clear()
    session.add_point("A", (9, 13, 10), **heard.callbacks)
    answered(session)
    assert not heard.errors
    np.testing.assert_array_equal(see("A"), FIRST_CUBE | cube_mask((9, 13, 10)))
    np.testing.assert_array_equal(session._stepping._session.mask, see("A"))


def test_a_segmentation_warped_while_a_prompt_runs_is_told(
    session, running, let_go, heard, scene, segmentation_node
):
    import vtk

    warp = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    warp.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
    segmentation_node.SetAndObserveTransformNodeID(warp.GetID())
    segmentation_node.GetSegmentation().GetSegment("A").SetName("Spleen")
    let_go()
    assert len(heard.errors) + len(heard.cancelled) == 1
    with pytest.raises(GeometryError):
        session.add_point("A", FIRST)


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


def test_an_error_in_writing_reaches_the_caller_and_the_next_click_works(session, answered, heard, see):
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


def test_a_closed_worker_is_told(model, volume_node, segmentation_node, segmenter, heard, worker):
    with SessionWorker() as worker:
        session = SceneSession(model, volume_node, segmentation_node, worker, segmenter=segmenter)
    session.add_point("A", FIRST, **heard.callbacks)
    assert isinstance(heard.errors[0], SessionError)
    assert not session.busy
    session.close()
