"""Segments that come into being with their answer: nothing is added before there is something to write."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import FakeAnswer, voxel_box
from scene_building import FIRST, SECOND, cube_mask, shown

from LightSegLib.errors import Cancelled, PromptError, SessionError
from LightSegLib.prompts import Point


@pytest.fixture
def begin(session, segmentation_node, heard):
    """Starts a new segment: begin("C", FIRST); it is the job."""

    def start(segment_id, ijk=FIRST):
        def add():
            segmentation_node.GetSegmentation().AddEmptySegment(segment_id, segment_id)

        return session.begin_segment(segment_id, [Point(ijk)], add, **heard.callbacks)

    return start


def ids(segmentation_node):
    return list(segmentation_node.GetSegmentation().GetSegmentIDs())


def test_a_segment_is_added_with_its_answer(begin, session, segmentation_node, answered, heard, see):
    begin("C")
    assert ids(segmentation_node) == ["A", "B"], "not before"
    answered(session)
    assert ids(segmentation_node) == ["A", "B", "C"]
    np.testing.assert_array_equal(see("C"), cube_mask(FIRST))
    assert heard.done[0].written
    assert heard.done[0].segment_id == "C"


def test_adding_and_writing_are_one_step_of_undo(begin, session, segmentation_node, answered, see):
    begin("C")
    answered(session)
    session.undo_owner.undo()
    assert ids(segmentation_node) == ["A", "B"]
    assert not session.undo_owner.can_undo
    session.undo_owner.redo()
    np.testing.assert_array_equal(see("C"), cube_mask(FIRST))


def test_further_prompts_go_on_from_it_also_after_undo_and_redo(
    begin, session, answered, heard, see, segmenter
):
    begin("C")
    answered(session)
    session.undo_owner.undo()
    session.undo_owner.redo()
    session.add_point("C", SECOND, **heard.callbacks)
    answered(session)
    np.testing.assert_array_equal(see("C"), cube_mask(FIRST) | cube_mask(SECOND))
    prompts = segmenter.calls[-1][1]
    assert [point.ijk for point in prompts.points] == [FIRST, SECOND]


def test_where_nothing_is_found_nothing_is_added_or_saved(
    begin, session, segmentation_node, answered, heard, segmenter, monkeypatch
):
    def nothing(image, prompts, current, changed_by, *, check_cancelled=None):
        empty = np.zeros((1, 1, 1), bool)
        return FakeAnswer(voxel_box((0, 0, 0)), empty, empty.astype(np.float32), 0.0, 0.0)

    monkeypatch.setattr(segmenter, "segment", nothing)
    nowhere = [Point(FIRST, positive=False)]
    session.begin_segment("C", nowhere, lambda: pytest.fail("added"), **heard.callbacks)
    answered(session)
    assert not heard.errors
    assert not heard.done[0].written
    assert ids(segmentation_node) == ["A", "B"]
    assert not session.undo_owner.can_undo


def test_an_id_that_is_taken_is_refused_at_once_and_also_when_it_is_taken_meanwhile(
    begin, session, segmentation_node, answered, heard, see
):
    with pytest.raises(SessionError, match="already"):
        begin("A")
    begin("C")
    segmentation_node.GetSegmentation().AddEmptySegment("C", "of somebody else")
    answered(session)
    assert "already" in str(heard.errors[0])
    assert not see("C").any()


def test_a_prompt_outside_the_image_is_refused(begin):
    with pytest.raises(PromptError):
        begin("C", (999, 0, 0))


def test_cancelling_adds_nothing(begin, session, segmentation_node, gate, heard, let_go):
    job = begin("C")
    assert gate.entered.wait(10)
    session.cancel()
    let_go()
    assert isinstance(job.error, Cancelled)
    assert heard.cancelled == [True]
    assert ids(segmentation_node) == ["A", "B"]


def test_masking_that_leaves_no_room_adds_nothing(
    begin, session, segmentation_node, editor_node, answered, heard, painter, volume_node
):
    painter.paint("A", np.ones(cube_mask(FIRST).shape, bool))
    editor_node.SetMaskMode(segmentation_node.EditAllowedOutsideAllSegments)
    begin("C")
    answered(session)
    assert not heard.done[0].written
    assert ids(segmentation_node) == ["A", "B"]
    assert shown(segmentation_node, "A", volume_node).all()
