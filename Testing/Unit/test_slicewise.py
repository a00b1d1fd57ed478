"""A structure is followed from slice to slice, up to its end; corrections in other slices hold half way."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import FakeModel
from slice_model import (
    FLAT,
    GreySliceModel,
    ball,
    branching,
    dice,
    disc,
    session_on,
    tube,
    volume_of,
)

from LightSegLib.errors import Cancelled, CapabilityError, ModelError
from LightSegLib.prompts import Box
from LightSegLib.regions import RegionSegmenter
from LightSegLib.session import InteractiveSession
from LightSegLib.slicewise.segmenter import SliceSegmenter

SHAPES = {
    "tube": (tube(), (19, 18, 10)),
    "ball": (ball(), (21, 19, 20)),
    "branching": (branching(), (20, 20, 5)),
}


def slices_of(mask):
    return np.flatnonzero(mask.any(axis=(1, 2))).tolist()


# --- Following ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shrink", [1, 2])
@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_followed_to_its_ends_in_both_directions(name, shrink):
    mask, click = SHAPES[name]
    session, _, model = session_on(mask, GreySliceModel(shrink=shrink))
    change = session.add_point(click)
    assert dice(session.mask, mask) > (0.98 if shrink == 1 else 0.9)
    assert slices_of(session.mask) == slices_of(mask) or name == "ball"
    assert change.confidence == pytest.approx(0.9)
    assert change.network_seconds > 0
    # One look beyond either end, and no farther.
    assert len(model.encoded) <= len(slices_of(mask)) + 2


@pytest.mark.parametrize("plane", [0, 1, 2])
@pytest.mark.parametrize("name", SHAPES)
def test_any_plane_will_do(name, plane):
    mask, click = SHAPES[name]
    mask = np.moveaxis(mask, 0, 2 - plane)
    ijk = list(click[:2])
    ijk.insert(plane, click[2])
    session, _, model = session_on(mask, plane=plane)
    session.add_point(ijk)
    assert dice(session.mask, mask) > 0.98
    assert len(model.encoded) <= len(slices_of(np.moveaxis(mask, 2 - plane, 0))) + 2


@pytest.mark.parametrize("plane", [None, 0, 1])
def test_thick_slices_are_no_obstacle_in_any_plane(plane):
    spacing = (0.8, 0.8, 4.0)
    mask = ball((12, 40, 40), (6, 20, 20), 11, spacing)
    session, _, _ = session_on(mask, spacing=spacing, plane=plane)
    session.add_point((20, 20, 6))
    assert dice(session.mask, mask) > 0.97


def test_a_dark_structure_in_bright_surroundings_is_followed():
    mask = tube()
    session, _, _ = session_on(~mask)
    session.add_point((19, 18, 10))
    assert dice(session.mask, mask) > 0.98


def test_a_slice_larger_than_the_square_is_seen_in_part_and_at_full_resolution():
    mask = ball((60, 100, 120), (30, 50, 60), 14)
    session, segmenter, model = session_on(mask)
    session.add_point((62, 47, 30))
    assert dice(session.mask, mask) > 0.99
    assert {window.grid.step_ijk for window in segmenter.embeddings.windows} == {(1.0, 1.0, 1.0)}
    count = len(model.encoded)
    session.add_point((55, 52, 30))
    assert len(model.encoded) == count


def test_a_structure_larger_than_the_square_is_seen_from_farther_away():
    mask = ball((60, 100, 120), (30, 50, 60), 24)
    session, _, _ = session_on(mask, GreySliceModel(size=40))
    session.add_point((60, 50, 30))
    assert dice(session.mask, mask) > 0.97


def test_a_structure_in_a_corner_of_the_image_is_followed():
    mask = ball((30, 30, 50), (2, 29, 48), 9)
    session, _, _ = session_on(mask)
    session.add_point((49, 29, 0))
    assert dice(session.mask, mask) > 0.98


def test_the_same_clicks_give_the_same_mask():
    masks = []
    for _ in range(2):
        session, _, _ = session_on(branching())
        session.add_point((20, 20, 5))
        session.add_point((12, 20, 19), positive=False)
        masks.append(session.mask.copy())
    np.testing.assert_array_equal(*masks)


def test_where_confidence_falls_the_structure_is_lost():
    mask = tube()
    faint = mask.copy()
    faint[14:, :3, :3] = True  # what only this model minds
    session, _, _ = session_on(
        faint, GreySliceModel(confidence=lambda image: 0.3 if image[0, 0] > 0 else 0.9)
    )
    session.add_point((19, 18, 10))
    assert slices_of(session.mask) == list(range(4, 14))


# --- Clicks -------------------------------------------------------------------------------------------------


def test_a_further_click_in_a_slice_costs_the_decoder_only():
    session, _, model = session_on(tube())
    session.add_point((19, 18, 10))
    encoded, decoded = len(model.encoded), len(model.decoded)
    session.add_point((20, 19, 10))
    session.add_point((30, 30, 10), positive=False)
    assert len(model.encoded) == encoded
    assert len(model.decoded) > decoded


def test_all_clicks_of_a_slice_and_the_mask_so_far_are_shown_to_the_model():
    session, _, model = session_on(tube())
    session.add_point((19, 18, 10))
    model.decoded.clear()
    session.add_point((35, 35, 10), positive=False)
    points, labels, box, previous = model.decoded[0]
    assert labels.tolist() == [1, 0]
    # The square of 48 pixels shows 40 voxels: a pixel is 0.833 voxels.
    np.testing.assert_allclose(points, (np.array([[19, 18], [35, 35]]) + 0.5) * 1.2 - 0.5, atol=1e-4)
    assert box is None
    assert dice(previous[:40, :40] > 0, previous[:40, :40] > 7) > 0.8
    assert previous.max() == 8.0


def test_a_first_click_starts_afresh_and_neighbours_are_shown_what_was_found():
    session, _, model = session_on(tube())
    session.add_point((19, 18, 10))
    assert model.decoded[0][3] is None
    points, labels, box, previous = model.decoded[1]
    assert (previous > 0).any()
    assert labels.tolist() == [1]
    assert box[0] < points[0, 0] < box[2]
    assert box[1] < points[0, 1] < box[3]


def test_both_branches_are_pointed_at():
    session, _, model = session_on(branching())
    session.add_point((20, 20, 5))
    assert {len(points) for points, *_ in model.decoded} == {1, 2}


def test_a_correction_in_another_slice_holds_half_way_to_the_next_prompt():
    session, _, _ = session_on(branching())
    session.add_point((20, 20, 5))
    before = session.mask.copy()
    assert before[19, 20, 12]
    session.add_point((12, 20, 19), positive=False)
    left = session.mask[:, :, :19]
    assert not left[15:].any()  # the branches part in slice 15
    assert session.mask[15:22, :, 21:].any(axis=(1, 2)).all()
    np.testing.assert_array_equal(session.mask[:13], before[:13])


def test_slices_beyond_another_prompt_are_left_alone():
    session, _, model = session_on(tube())
    session.add_point((19, 18, 10))
    session.add_point((16, 18, 5))
    session.add_point((22, 18, 16))
    before = session.mask.copy()
    model.decoded.clear()
    change = session.add_point((19, 18, 10), positive=False)
    # Slices 8 and 9 below, 11 and 12 above; 13 lies half way.
    assert change.box.lower[2] >= 8
    assert change.box.upper[2] <= 13
    np.testing.assert_array_equal(
        np.delete(session.mask, range(8, 13), 0), np.delete(before, range(8, 13), 0)
    )


def test_a_slice_emptied_by_a_click_ends_the_structure_there():
    session, _, _ = session_on(tube())
    session.add_point((16, 18, 5))
    session.add_point((23, 18, 18), positive=False)
    assert slices_of(session.mask) == list(range(4, 18))


def test_a_shorter_second_answer_takes_away_what_the_first_had_beyond():
    session, _, model = session_on(tube())
    session.add_point((19, 18, 10))
    decode, last = model.decode, len(model.decoded) + 3

    def tiring(*prompts):
        logits, expected = decode(*prompts)
        return (logits if len(model.decoded) <= last else np.full_like(logits, -8.0)), expected

    model.decode = tiring
    session.add_point((20, 18, 10))
    # The clicked slice and two more forwards, then the end; backwards the end at once.
    assert slices_of(session.mask) == [10, 11, 12]


def test_negative_clicks_alone_change_nothing_and_ask_nothing():
    session, _, model = session_on(tube())
    change = session.add_point((19, 18, 10), positive=False)
    assert change.box.is_empty
    assert not session.mask.any()
    assert not model.encoded


def test_a_negative_click_in_a_slice_without_mask_leaves_the_others_alone():
    session, _, _ = session_on(tube())
    session.add_point((19, 18, 10))
    before = session.mask.copy()
    session.add_point((19, 18, 22), positive=False)
    np.testing.assert_array_equal(session.mask, before)


def test_clicks_hold_whatever_the_model_says():
    model = GreySliceModel()
    model.decode = lambda *prompts: (np.full((12, 12), -3.0, np.float32), 0.5)
    session, _, _ = session_on(tube(), model)
    session.add_point((5, 30, 10))
    assert np.argwhere(session.mask).tolist() == [[10, 30, 5]]
    model.decode = lambda *prompts: (np.full((12, 12), 3.0, np.float32), 0.5)
    session.add_point((6, 30, 10), positive=False)
    assert session.mask[10, 30, 5]
    assert not session.mask[10, 30, 6]


def test_undo_and_redo_are_exact_and_the_next_click_is_as_if_nothing_had_been():
    session, _, _ = session_on(branching())
    session.add_point((20, 20, 5))
    before = session.mask.copy()
    session.add_point((12, 20, 19), positive=False)
    after = session.mask.copy()
    session.undo()
    np.testing.assert_array_equal(session.mask, before)
    session.redo()
    np.testing.assert_array_equal(session.mask, after)
    session.undo()
    session.add_point((12, 20, 19), positive=False)
    np.testing.assert_array_equal(session.mask, after)


def test_a_prompt_can_be_stopped_between_slices_and_leaves_all_as_it_was():
    session, segmenter, model = session_on(tube())
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 6:
            raise Cancelled("Stopped")

    with pytest.raises(Cancelled):
        session.add_point((19, 18, 10), check_cancelled=check)
    assert not session.mask.any()
    assert len(session.prompts) == 0
    assert len(model.encoded) == len(segmenter.embeddings) == 5
    session.add_point((19, 18, 10))
    assert dice(session.mask, tube()) > 0.98
    assert len(model.encoded) == 18  # what was seen before the stop was of use


# --- What stands around -------------------------------------------------------------------------------------


def test_the_session_chooses_how_to_segment_by_what_the_model_sees():
    assert isinstance(InteractiveSession(GreySliceModel())._segmenter, SliceSegmenter)
    assert isinstance(InteractiveSession(FakeModel())._segmenter, RegionSegmenter)


def test_a_session_without_further_ado_segments_slice_by_slice():
    session = InteractiveSession(GreySliceModel())
    session.set_image(volume_of(tube(), noise=10))
    session.add_point((19, 18, 10))
    assert dice(session.mask, tube()) > 0.97
    assert session.suggest() is not None


@pytest.mark.parametrize(
    "answer",
    [
        (np.zeros((2, 8, 8), np.float32), 0.5),
        (np.full((8, 8), np.nan, np.float32), 0.5),
        (np.zeros((8, 8), np.float32), np.nan),
    ],
)
def test_an_answer_without_meaning_is_an_error_and_changes_nothing(answer):
    model = GreySliceModel()
    model.decode = lambda *prompts: answer
    session, _, _ = session_on(tube(), model)
    with pytest.raises(ModelError, match="grey slices gave no usable answer"):
        session.add_point((19, 18, 10))
    assert len(session.prompts) == 0


def test_two_segments_share_what_was_seen():
    mask = tube() | disc((40, 40), (34, 34), 3)[None]
    session, _, model = session_on(mask)
    session.add_point((34, 34, 10))
    count = len(model.encoded)
    session.add_segment("other")
    session.add_point((19, 18, 10))
    assert count == len(model.encoded) == 24
    assert dice(session.mask, tube()) > 0.98


def test_the_boxes_of_a_model_that_takes_none_are_refused():
    model = GreySliceModel()
    model.capabilities = type(FLAT)(**{**FLAT.to_dict(), "boxes": False})
    session, _, _ = session_on(tube(), model)
    with pytest.raises(CapabilityError, match="boxes"):
        session.add_box((8, 8, 8), (34, 34, 14))
    assert Box((8, 8, 8), (34, 34, 14)) not in session.prompts


class DeafSliceModel(GreySliceModel):
    """Gives no way to negative points."""

    def decode(self, embedding, points, labels, box, previous):
        return super().decode(embedding, points[labels == 1], labels[labels == 1], box, previous)


def test_a_slice_that_is_clicked_away_goes_also_when_the_model_is_deaf():
    session, _, _ = session_on(tube(), model=DeafSliceModel())
    session.add_point((19, 18, 10))
    session.add_point((19, 18, 16), positive=False)
    kept = np.flatnonzero(session.mask.any(axis=(1, 2)))
    assert (kept[0], kept[-1]) == (4, 15)  # and what lies beyond it, since the click that holds is before
