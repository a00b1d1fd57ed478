"""A session takes prompts and reports exactly what changed; clicks always hold; undo and redo are exact."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fakes import EVERYTHING, FakeModel, FakeSegmenter, ForgetfulSegmenter, make_volume, voxel_box

from LightSegLib.geometry import IndexBox
from LightSegLib.prompts import Box, Point, Scribble, Text
from LightSegLib.session import Change, InteractiveSession

CENTRE = (8, 7, 6)
CUBE = IndexBox((6, 5, 4), (11, 10, 9))


@pytest.fixture
def segmenter():
    return FakeSegmenter()


@pytest.fixture
def session(segmenter):
    return started(segmenter)


def started(segmenter, model=None, volume=None):
    session = InteractiveSession(model or FakeModel(), segmenter)
    session.set_image(volume or make_volume())
    return session


def test_a_fresh_session_has_one_empty_segment_named_as_slicer_does(session):
    assert session.segments == ("Segment_1",)
    assert session.active_segment == "Segment_1"
    assert session.mask.shape == (12, 14, 16)
    assert session.mask.dtype == bool
    assert not session.mask.any()
    assert session.confidence == 0.0
    assert len(session.prompts) == 0
    assert not session.can_undo
    assert not session.can_redo


def test_the_session_shows_its_image_and_model():
    model, volume = FakeModel(), make_volume()
    session = InteractiveSession(model, FakeSegmenter())
    assert session.image is None
    session.set_image(volume)
    assert session.image is volume
    assert session.model is model


def test_a_click_reports_the_box_that_changed_and_its_new_content(session):
    change = session.add_point(CENTRE)
    assert isinstance(change, Change)
    assert change.box == CUBE
    assert change.mask.all()
    assert change.mask.shape == (5, 5, 5)
    assert change.confidence == session.confidence == 0.75
    assert change.segment == "Segment_1"
    assert change.network_seconds == 0.001
    assert change.seconds >= 0.0
    assert session.mask.sum() == 125
    assert session.prompts.last == Point(CENTRE)


def test_the_reported_box_is_tight_around_what_really_changed(session):
    session.add_point(CENTRE)
    change = session.add_point((10, 7, 6))
    assert change.box == IndexBox((11, 5, 4), (13, 10, 9))


def test_a_prompt_that_changes_nothing_reports_an_empty_box_and_is_remembered(session):
    session.add_point(CENTRE)
    change = session.add_point(CENTRE)
    assert change.box.is_empty
    assert change.mask.shape == (0, 0, 0)
    assert len(session.prompts) == 2
    session.undo()
    assert len(session.prompts) == 1


def test_changes_and_masks_cannot_be_written_to(session):
    change = session.add_point(CENTRE)
    with pytest.raises(ValueError, match="read-only"):
        session.mask[0, 0, 0] = True
    with pytest.raises(ValueError, match="read-only"):
        change.mask[0, 0, 0] = False
    with pytest.raises(dataclasses.FrozenInstanceError):
        change.seconds = 1.0


def test_the_content_of_a_change_stays_when_the_mask_moves_on(session):
    change = session.add_point(CENTRE)
    session.add_point(CENTRE, positive=False)
    assert change.mask.all()


def test_redrawing_every_changed_box_gives_the_mask(session):
    drawn = np.zeros_like(session.mask)
    actions = [
        lambda: session.add_point(CENTRE),
        lambda: session.add_point((3, 3, 3)),
        lambda: session.add_point((9, 8, 6), positive=False),
        lambda: session.add_box((1, 1, 1), (4, 9, 3)),
        session.undo,
        lambda: session.add_scribble([(12, 1, 2), (12, 9, 8)]),
        session.undo,
        session.redo,
        session.reset,
        session.undo,
    ]
    for action in actions:
        change = action()
        drawn[change.box.slices] = change.mask
        np.testing.assert_array_equal(drawn, session.mask)


def test_a_click_in_millimetres_lands_on_the_voxel_that_holds_it(segmenter):
    session = started(segmenter, volume=make_volume(spacing=(0.5, 2.0, 3.0), origin=(-10.0, 20.0, 5.0)))
    session.add_point_ras((-10.0 + 0.5 * 8, 20.0 + 2.0 * 7, 5.0 + 3.0 * 6))
    assert session.prompts.last == Point(CENTRE)


def test_half_a_voxel_in_millimetres_is_rounded_up(session):
    session.add_point_ras((8.5, 6.5, 5.5), positive=False)
    assert session.prompts.last == Point((9, 7, 6), positive=False)


def test_whole_numbers_of_any_type_are_voxels(session):
    session.add_point((8.0, 7.0, 6.0))
    session.add_point(np.array(CENTRE, dtype=np.uint8))
    session.add_point([np.float32(8), np.int64(7), 6])
    assert session.prompts.points == (Point(CENTRE),) * 3
    assert all(isinstance(x, int) for x in session.prompts.last.ijk)


def test_boxes_and_scribbles_reach_the_segmenter_with_all_prompts(session, segmenter):
    session.add_point(CENTRE)
    session.add_box((2, 2, 2), (5, 5, 5))
    session.add_scribble(np.array([[1, 1, 1], [1, 6, 1]]), positive=False)
    image, prompts, changed_by = segmenter.calls[-1]
    assert image.volume is session.image
    assert prompts is session.prompts
    assert [type(prompt) for prompt in prompts] == [Point, Box, Scribble]
    assert changed_by == Scribble(((1, 1, 1), (1, 6, 1)), positive=False)


def test_text_reaches_a_model_that_takes_it(segmenter):
    session = started(segmenter, FakeModel(EVERYTHING))
    change = session.set_text("  left kidney ")
    assert session.prompts.last == Text("left kidney")
    assert change.box == IndexBox((0, 0, 0), (4, 4, 4))


# Clicks always hold


def test_a_negative_click_is_out_whatever_the_model_says():
    session = started(ForgetfulSegmenter(IndexBox((2, 2, 2), (12, 12, 10)), inside=True))
    session.add_point(CENTRE)
    session.add_point((9, 7, 6), positive=False)
    session.add_point((3, 3, 3))
    assert not session.mask[6, 7, 9]
    assert session.mask.sum() == 10 * 10 * 8 - 1


def test_a_positive_click_is_in_whatever_the_model_says():
    session = started(ForgetfulSegmenter(IndexBox((2, 2, 2), (12, 12, 10)), inside=False))
    session.add_point(CENTRE)
    session.add_point((3, 3, 3), positive=False)
    assert session.mask.sum() == 1
    assert session.mask[6, 7, 8]


def test_a_click_outside_the_answered_box_holds():
    session = started(ForgetfulSegmenter(IndexBox((0, 0, 0), (3, 3, 3)), inside=True))
    change = session.add_point(CENTRE)
    assert session.mask[6, 7, 8]
    assert session.mask.sum() == 28
    assert change.box == IndexBox((0, 0, 0), (9, 8, 7))


def test_a_scribble_outside_the_answered_box_holds():
    session = started(ForgetfulSegmenter(IndexBox((14, 12, 10), (16, 14, 12)), inside=False))
    session.add_scribble([(1, 2, 3), (9, 6, 5), (4, 4, 4)])
    voxels = session.prompts.positive_voxels()
    assert session.mask[voxels[:, 2], voxels[:, 1], voxels[:, 0]].all()
    assert session.mask.sum() == len(voxels)


@pytest.mark.parametrize("inside", [True, False])
def test_the_newest_click_on_a_voxel_wins(inside):
    session = started(ForgetfulSegmenter(IndexBox((2, 2, 2), (12, 12, 10)), inside=inside))
    session.add_point(CENTRE)
    session.add_point(CENTRE, positive=False)
    assert not session.mask[6, 7, 8]
    session.add_point(CENTRE)
    assert session.mask[6, 7, 8]


def test_a_read_only_answer_of_the_model_is_not_written_to():
    box = IndexBox((2, 2, 2), (12, 12, 10))
    session = started(ForgetfulSegmenter(box, inside=True))
    session.add_point(CENTRE, positive=False)
    assert session.mask.sum() == box.size - 1


# An initial mask


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.int64, np.float32])
def test_a_mask_of_any_type_can_be_continued_from(session, dtype):
    initial = np.zeros((12, 14, 16), dtype=dtype)
    initial[CUBE.slices] = 1
    change = session.set_mask(initial)
    assert change.box == CUBE
    assert change.confidence == 1.0
    np.testing.assert_array_equal(session.mask, initial != 0)


def test_every_label_value_of_an_integer_mask_is_inside(session):
    initial = np.zeros((12, 14, 16), dtype=np.int16)
    initial[3, 4, 5], initial[4, 4, 5] = 7, -1
    session.set_mask(initial)
    assert session.mask.sum() == 2


def test_an_initial_mask_replaces_mask_and_prompts_and_can_be_undone(session):
    session.add_point(CENTRE, positive=False)
    session.add_point((3, 3, 3))
    before, prompts = session.mask.copy(), session.prompts
    session.set_mask(np.ones((12, 14, 16), dtype=bool))
    assert session.mask.all()
    assert len(session.prompts) == 0
    session.undo()
    np.testing.assert_array_equal(session.mask, before)
    assert session.prompts == prompts
    session.redo()
    assert session.mask.all()


def test_the_callers_mask_is_copied(session):
    initial = np.zeros((12, 14, 16), dtype=bool)
    initial[5, 5, 5] = True
    session.set_mask(initial)
    initial[:] = True
    session.add_point(CENTRE)
    assert session.mask.sum() == 126 - int(session.mask[5, 5, 5] and CUBE.contains((5, 5, 5)))


def test_an_empty_initial_mask_empties_the_segment(session):
    session.add_point(CENTRE)
    change = session.set_mask(np.zeros((12, 14, 16), dtype=np.uint8))
    assert change.box == CUBE
    assert change.confidence == 0.0
    assert not session.mask.any()


def test_clicks_go_on_from_an_initial_mask(session):
    initial = np.zeros((12, 14, 16), dtype=bool)
    initial[0, 0, :] = True
    session.set_mask(initial)
    session.add_point(CENTRE)
    assert session.mask.sum() == 16 + 125


def test_a_new_image_starts_over(session):
    session.add_point(CENTRE)
    session.add_segment("liver")
    session.set_image(make_volume((6, 7, 8)))
    assert session.segments == ("Segment_1",)
    assert session.mask.shape == (6, 7, 8)
    assert not session.can_undo


# Suggestions


def test_nothing_is_suggested_before_the_first_answer(session):
    assert session.suggest() is None


def test_the_suggestion_lies_where_the_last_answer_was_unsure_and_away_from_the_click():
    session = started(FakeSegmenter(radius=4))
    session.add_point(CENTRE)
    i, j, k = session.suggest()
    assert session.mask[k, j, i]
    assert max(abs(a - b) for a, b in zip((i, j, k), CENTRE, strict=True)) > 2


def test_undo_brings_back_the_suggestion_of_that_time():
    session = started(FakeSegmenter(radius=4))
    session.add_point(CENTRE)
    suggestion = session.suggest()
    assert suggestion is not None
    session.add_point((2, 2, 2))
    session.undo()
    assert session.suggest() == suggestion
    session.undo()
    assert session.suggest() is None


def test_an_accepted_segment_needs_no_suggestion():
    session = started(FakeSegmenter(radius=4))
    session.add_point(CENTRE)
    session.accept()
    assert session.suggest() is None


def test_the_answer_may_cover_the_whole_image():
    volume = make_volume()
    session = started(ForgetfulSegmenter(IndexBox.whole(volume.shape_ijk), inside=True), volume=volume)
    change = session.add_point(CENTRE)
    assert change.box == volume.box
    assert session.mask.all()
    assert session.undo().box == volume.box


def test_a_click_on_the_last_voxel_works(session):
    change = session.add_point((15, 13, 11))
    assert change.box == voxel_box((15, 13, 11)).expand(2).clip((16, 14, 12))
