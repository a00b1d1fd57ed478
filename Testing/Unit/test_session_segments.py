"""A session holds several segments: one is active, accepted ones never change."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import FakeModel, FakeSegmenter, make_volume

from LightSegLib.errors import SessionError
from LightSegLib.session import InteractiveSession

CENTRE = (8, 7, 6)


@pytest.fixture
def session():
    session = InteractiveSession(FakeModel(), FakeSegmenter())
    session.set_image(make_volume())
    return session


def test_a_new_segment_is_empty_and_active(session):
    session.add_point(CENTRE)
    assert session.add_segment("liver") == "liver"
    assert session.active_segment == "liver"
    assert not session.mask.any()
    assert len(session.prompts) == 0
    assert session.segments == ("Segment_1", "liver")
    assert session.segment_mask("Segment_1").sum() == 125


def test_segments_without_a_name_are_numbered(session):
    session.add_segment("Segment_3")
    assert session.add_segment() == "Segment_4"
    session.remove_segment("Segment_1")
    assert session.add_segment() == "Segment_5"


def test_prompts_go_to_the_active_segment(session):
    session.add_segment("liver")
    session.active_segment = "Segment_1"
    change = session.add_point(CENTRE)
    assert change.segment == "Segment_1"
    assert not session.segment_mask("liver").any()


def test_segments_may_overlap(session):
    session.add_point(CENTRE)
    session.add_segment("liver")
    session.add_point(CENTRE)
    np.testing.assert_array_equal(session.mask, session.segment_mask("Segment_1"))


@pytest.mark.parametrize("name", ["Segment_1", " Segment_1 ", "", "  ", None, 7])
def test_a_bad_name_is_refused_and_changes_nothing(session, name):
    session.add_segment("liver")
    with pytest.raises(SessionError) as caught:
        session.rename("liver", name)
    assert caught.value.next_step
    assert session.segments == ("Segment_1", "liver")
    if name is not None:
        with pytest.raises(SessionError):
            session.add_segment(name)


def test_an_unknown_segment_is_named_together_with_the_known_ones(session):
    with pytest.raises(SessionError, match=r'no segment "spleen".*"Segment_1"'):
        session.segment_mask("spleen")
    with pytest.raises(SessionError):
        session.active_segment = "spleen"
    with pytest.raises(SessionError):
        session.accept("spleen")
    assert session.active_segment == "Segment_1"


def test_renaming_keeps_mask_prompts_and_undo(session):
    session.add_point(CENTRE)
    session.rename("Segment_1", "spleen")
    assert session.active_segment == "spleen"
    assert session.segment_mask("spleen").sum() == 125
    assert session.undo().segment == "spleen"
    assert not session.mask.any()


def test_renaming_to_the_same_name_is_allowed(session):
    session.rename("Segment_1", "Segment_1")
    assert session.segments == ("Segment_1",)


def test_removing_the_active_segment_activates_its_neighbour(session):
    session.add_segment("liver")
    session.add_segment("spleen")
    session.remove_segment("spleen")
    assert session.active_segment == "liver"
    session.active_segment = "Segment_1"
    session.remove_segment("Segment_1")
    assert session.active_segment == "liver"


def test_removing_a_segment_takes_its_part_of_the_undo_stack(session):
    session.add_point(CENTRE)
    session.add_segment("liver")
    session.add_point((3, 3, 3))
    session.remove_segment("liver")
    assert session.undo().segment == "Segment_1"
    assert not session.can_undo


def test_the_only_segment_cannot_be_removed(session):
    with pytest.raises(SessionError, match="reset"):
        session.remove_segment("Segment_1")


@pytest.mark.parametrize(
    "act",
    [
        lambda session: session.add_point((3, 3, 3)),
        lambda session: session.add_point_ras((3, 3, 3)),
        lambda session: session.add_box((1, 1, 1), (3, 3, 3)),
        lambda session: session.add_scribble([(1, 1, 1), (3, 3, 3)], positive=False),
        lambda session: session.set_mask(np.zeros((12, 14, 16), dtype=bool)),
        lambda session: session.reset(),
    ],
    ids=["point", "point in mm", "box", "scribble", "mask", "reset"],
)
def test_an_accepted_segment_refuses_every_change_and_says_how_to_reopen_it(session, act):
    session.add_point(CENTRE)
    mask, prompts = session.mask.copy(), session.prompts
    session.accept()
    assert session.is_accepted()
    with pytest.raises(SessionError, match=r'reopen\("Segment_1"\)'):
        act(session)
    np.testing.assert_array_equal(session.mask, mask)
    assert session.prompts is prompts
    session.reopen()
    act(session)


def test_undo_passes_over_accepted_segments(session):
    session.add_point(CENTRE)
    session.add_segment("liver")
    session.add_point((3, 3, 3))
    session.accept("liver")
    liver = session.segment_mask("liver").copy()
    assert session.undo().segment == "Segment_1"
    assert not session.can_undo
    np.testing.assert_array_equal(session.segment_mask("liver"), liver)
    session.reopen("liver")
    assert session.undo().segment == "liver"
    assert not session.segment_mask("liver").any()


def test_other_segments_can_be_worked_on_beside_an_accepted_one(session):
    session.add_point(CENTRE)
    session.accept()
    accepted = session.mask.copy()
    session.add_segment()
    session.add_point(CENTRE, positive=False)
    session.add_box((0, 0, 0), (16, 14, 12))
    session.undo()
    session.redo()
    session.reset()
    np.testing.assert_array_equal(session.segment_mask("Segment_1"), accepted)


def test_accepting_adding_and_renaming_leave_the_undo_stack_as_it_was(session):
    session.add_point(CENTRE)
    session.add_point((3, 3, 3))
    session.undo()
    session.accept()
    session.reopen()
    session.add_segment("liver")
    session.rename("liver", "spleen")
    session.active_segment = "Segment_1"
    assert session.can_redo
    session.redo()
    assert session.mask.sum() == 250
