"""Numbered states: a program with a history of its own takes one segment back and forth by number."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import FakeModel, FakeSegmenter, make_volume

from LightSegLib.errors import SessionError
from LightSegLib.session import InteractiveSession


@pytest.fixture
def session():
    session = InteractiveSession(FakeModel(), FakeSegmenter())
    session.set_image(make_volume())
    return session


def test_every_change_has_a_number_of_its_own_and_undo_brings_the_old_one_back(session):
    assert session.step() == 0
    session.add_point((5, 5, 5))
    first = session.step()
    session.add_point((9, 8, 7))
    second = session.step()
    assert len({0, first, second}) == 3
    session.undo()
    assert session.step() == first
    session.redo()
    assert session.step() == second
    session.undo()
    session.add_point((9, 8, 7))
    assert session.step() not in (0, first, second)


def test_a_change_that_changes_nothing_keeps_the_number(session):
    session.reset()
    assert session.step() == 0


def test_a_change_says_which_voxels_it_turned_over(session):
    session.add_point((5, 5, 5))
    before = session.mask.copy()
    change = session.add_point((8, 5, 5))
    expected = (before ^ session.mask)[change.box.slices]
    np.testing.assert_array_equal(change.flips, expected)
    assert not change.flips.flags.writeable
    undone = session.undo()
    np.testing.assert_array_equal(undone.flips, expected)


def test_one_segment_goes_to_an_older_state_and_the_others_stay(session):
    session.add_point((5, 5, 5))
    step, mask = session.step(), session.mask.copy()
    session.add_segment("other")
    session.add_point((9, 8, 7))
    other = session.segment_mask("other").copy()
    session.active_segment = "Segment_1"
    session.add_point((9, 8, 7))
    session.add_point((4, 8, 3))
    newest, newest_mask = session.step(), session.mask.copy()

    change = session.go_to(step, "Segment_1")
    np.testing.assert_array_equal(session.mask, mask)
    np.testing.assert_array_equal(change.mask, mask[change.box.slices])
    np.testing.assert_array_equal(change.flips, (mask ^ newest_mask)[change.box.slices])
    assert len(session.prompts) == 1
    np.testing.assert_array_equal(session.segment_mask("other"), other)

    session.go_to(newest, "Segment_1")
    np.testing.assert_array_equal(session.mask, newest_mask)
    session.go_to(0, "Segment_1")
    assert not session.mask.any()
    assert session.step() == 0


def test_going_to_where_it_is_changes_nothing(session):
    session.add_point((5, 5, 5))
    change = session.go_to(session.step())
    assert change.box.is_empty
    assert session.mask.any()
    assert not session.can_redo


def test_undo_goes_on_from_where_a_segment_was_taken(session):
    session.add_point((5, 5, 5))
    first = session.step()
    session.add_point((9, 8, 7))
    session.go_to(first)
    session.undo()
    assert not session.mask.any()
    session.redo()
    session.redo()
    assert len(session.prompts) == 2


def test_a_state_that_a_newer_change_replaced_cannot_be_reached(session):
    session.add_point((5, 5, 5))
    lost = session.step()
    session.undo()
    session.add_point((9, 8, 7))
    mask = session.mask.copy()
    assert not session.can_go_to(lost)
    with pytest.raises(SessionError, match="cannot go to step"):
        session.go_to(lost)
    np.testing.assert_array_equal(session.mask, mask)


def test_an_accepted_segment_goes_nowhere(session):
    session.add_point((5, 5, 5))
    session.accept()
    assert not session.can_go_to(0)
    with pytest.raises(SessionError, match="accepted"):
        session.go_to(0)
    assert session.mask.any()
