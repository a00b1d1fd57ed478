"""Slice by slice: boxes, scribbles and given masks guide the model and bound the segment; texts do not."""

from __future__ import annotations

import numpy as np
import pytest
from slice_model import (
    GreySliceModel,
    dice,
    session_on,
    tube,
    volume_of,
)

from LightSegLib.errors import CapabilityError
from LightSegLib.intensities import prepare
from LightSegLib.prompts import PromptSet, Text
from LightSegLib.slicewise.segmenter import SliceSegmenter


def slices_of(mask):
    return np.flatnonzero(mask.any(axis=(1, 2))).tolist()


def test_a_given_mask_is_kept_in_slices_where_a_click_emptied_another():
    session, _, _ = session_on(tube())
    session.set_mask(tube())
    session.add_point((19, 18, 10), positive=False)
    assert slices_of(session.mask) == [k for k in range(4, 20) if k != 10]


def test_a_given_mask_that_reaches_farther_than_the_model_follows_is_kept():
    session, _, _ = session_on(tube(last=14))
    session.set_mask(tube())
    session.add_point((19, 18, 10))
    assert slices_of(session.mask) == list(range(4, 20))


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_a_box_is_a_rectangle_in_each_of_its_slices_and_a_limit(plane):
    mask = np.moveaxis(tube(), 0, 2 - plane)
    lower, upper = [8, 8], [34, 34]
    lower.insert(plane, 8)
    upper.insert(plane, 14)
    session, _, model = session_on(mask, plane=plane)
    session.add_box(lower, upper)
    wanted = np.moveaxis(mask, 2 - plane, 0).copy()
    wanted[:7] = wanted[15:] = False  # a tenth of the box, rounded up, beyond it
    assert dice(np.moveaxis(session.mask, 2 - plane, 0), wanted) > 0.98
    points, _, box, previous = model.decoded[0]
    assert len(points) == 0
    assert previous is None
    np.testing.assert_allclose(box, np.array([8, 8, 34, 34]) * 1.2 - 0.5, atol=1e-4)


def test_only_a_model_that_needs_them_gets_points_and_boxes_that_nobody_drew():
    for needed in (True, False):
        session, _, model = session_on(tube())
        model.needs_points = needed
        session.add_point((19, 18, 10))
        asked, *onwards = model.decoded
        assert len(asked[0]) == 1
        assert len(onwards) > 4
        assert all((len(points) > 0) == needed for points, _, _, _ in onwards)
        assert all((box is not None) == needed for _, _, box, _ in onwards)
        assert all(previous is not None for _, _, _, previous in onwards)
        assert dice(session.mask, tube()) > 0.98


def test_a_box_one_slice_thick_is_followed_beyond_it():
    session, _, _ = session_on(tube())
    session.add_box((8, 8, 10), (34, 34, 11))
    assert dice(session.mask, tube()) > 0.98


def test_a_click_beyond_a_box_lifts_its_limit():
    session, _, _ = session_on(tube())
    session.add_box((8, 8, 8), (34, 34, 14))
    session.add_point((22, 18, 17))
    assert slices_of(session.mask)[-1] == 19


def test_a_scribble_gives_points_in_all_of_its_slices():
    session, _, model = session_on(tube())
    session.add_scribble([(19, 18, 8), (20, 18, 12)])
    assert dice(session.mask, tube()) > 0.98
    assert [len(points) for points, *_ in model.decoded[:5]] == [1] * 5
    assert [previous is None for *_, previous in model.decoded[:6]] == [True] * 5 + [False]


def test_a_long_scribble_is_thinned_and_clicks_are_not():
    session, _, model = session_on(tube())
    session.add_point((35, 35, 10), positive=False)
    session.add_scribble([(15, 18, 10), (23, 18, 10), (23, 20, 10), (15, 20, 10), (15, 22, 10), (23, 22, 10)])
    points, labels, *_ = model.decoded[0]
    assert labels.tolist() == [1] * 16 + [0]
    assert len(np.unique(points, axis=0)) == 17


def test_a_negative_scribble_cuts():
    mask = tube() | np.roll(tube(), 14, axis=1)
    session, _, _ = session_on(mask)
    session.add_scribble([(17, 18, 10), (17, 32, 10)])
    session.add_scribble([(18, 32, 10), (20, 32, 10)], positive=False)
    assert session.mask[10, 18, 19]
    assert not session.mask[10, 32, 18:21].any()


def test_a_text_is_refused_with_advice():
    image = prepare(volume_of(tube()))
    prompts = PromptSet((Text("liver"),))
    segmenter = SliceSegmenter(GreySliceModel())
    with pytest.raises(CapabilityError, match=r"names no slice.*Click"):
        segmenter.segment(image, prompts, np.zeros((24, 40, 40), bool), prompts.last)
