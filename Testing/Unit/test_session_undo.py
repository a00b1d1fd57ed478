"""Undo, redo and reset of a session are exact."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import FakeModel, FakeSegmenter, ForgetfulSegmenter, make_volume

from LightSegLib.geometry import IndexBox
from LightSegLib.session import InteractiveSession

CENTRE = (8, 7, 6)


@pytest.fixture
def session():
    return started(FakeSegmenter())


def started(segmenter):
    session = InteractiveSession(FakeModel(), segmenter)
    session.set_image(make_volume())
    return session


def test_undo_and_redo_restore_mask_prompts_and_confidence(session):
    session.add_point(CENTRE)
    first, prompts = session.mask.copy(), session.prompts
    session.add_point((9, 8, 6), positive=False)
    second = session.mask.copy()
    change = session.undo()
    np.testing.assert_array_equal(session.mask, first)
    assert session.prompts == prompts
    assert not change.box.is_empty
    assert change.mask.all()
    session.undo()
    assert not session.mask.any()
    assert session.confidence == 0.0
    assert not session.can_undo
    session.redo()
    session.redo()
    np.testing.assert_array_equal(session.mask, second)
    assert not session.can_redo


def test_a_new_prompt_after_undo_ends_redo(session):
    session.add_point(CENTRE)
    session.undo()
    session.add_point((3, 3, 3))
    assert not session.can_redo


def test_undo_reaches_across_segments_and_says_which_one_changed(session):
    session.add_point(CENTRE)
    session.add_segment("liver")
    session.add_point((3, 3, 3))
    session.active_segment = "Segment_1"
    change = session.undo()
    assert change.segment == "liver"
    assert session.active_segment == "Segment_1"
    assert not session.segment_mask("liver").any()
    assert session.undo().segment == "Segment_1"
    assert session.redo().segment == "Segment_1"
    assert session.redo().segment == "liver"
    assert session.segment_mask("liver").sum() == 125


def test_reset_empties_only_the_active_segment_and_can_be_undone(session):
    session.add_point(CENTRE)
    session.add_segment("liver")
    session.add_point((3, 3, 3))
    mask, prompts = session.mask.copy(), session.prompts
    change = session.reset()
    assert change.box == IndexBox((1, 1, 1), (6, 6, 6))
    assert not change.mask.any()
    assert len(session.prompts) == 0
    assert session.confidence == 0.0
    assert session.segment_mask("Segment_1").sum() == 125
    session.undo()
    np.testing.assert_array_equal(session.mask, mask)
    assert session.prompts == prompts
    session.redo()
    assert not session.mask.any()


def test_resetting_an_empty_segment_changes_nothing_and_leaves_nothing_to_undo(session):
    assert session.reset().box.is_empty
    assert not session.can_undo


def test_reset_forgets_a_prompt_that_changed_no_voxel():
    session = started(ForgetfulSegmenter(IndexBox((2, 2, 2), (4, 4, 4)), inside=False))
    session.add_point(CENTRE, positive=False)
    session.reset()
    assert len(session.prompts) == 0
    session.undo()
    assert len(session.prompts) == 1
