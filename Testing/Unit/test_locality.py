"""Accepted segments, and clicks elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import FakeModel, FakeSegmenter, make_volume

from LightSegLib import InteractiveSession
from LightSegLib.evaluation.locality import far_clicks_change_nothing, far_voxels
from LightSegLib.geometry import IndexBox

SHAPE_KJI = (40, 42, 44)


@pytest.fixture
def session():
    session = InteractiveSession(FakeModel(), FakeSegmenter())
    session.set_image(make_volume(SHAPE_KJI))
    session.add_point((10, 10, 10))
    return session


def random():
    return np.random.default_rng(0)


def test_an_accepted_segment_outlives_ten_clicks_elsewhere(session):
    before = session.mask.copy()
    assert far_clicks_change_nothing(session, random()) is True
    assert np.array_equal(session.mask, before)


def test_the_session_is_left_as_it_was(session):
    far_clicks_change_nothing(session, random())
    assert session.segments == ("Segment_1",)
    assert session.active_segment == "Segment_1"
    assert not session.is_accepted()


def test_a_session_that_does_change_it_is_found_out(session):
    class Meddler(FakeSegmenter):
        def segment(self, image, prompts, current, changed_by, **options):
            session._segments[0]._mask[10, 10, 10] ^= True
            return super().segment(image, prompts, current, changed_by, **options)

    session._segmenter = Meddler()
    assert far_clicks_change_nothing(session, random(), clicks=3) is False


def test_an_empty_segment_is_not_judged(session):
    session.reset()
    assert far_clicks_change_nothing(session, random()) is None


def test_far_voxels_keep_their_distance_from_the_box():
    box = IndexBox((10, 10, 10), (15, 15, 15))
    voxels = far_voxels(box, (44, 42, 40), random(), 10)
    assert len(voxels) == 10
    assert not any(box.expand(10).contains(voxel) for voxel in voxels)
    assert all(IndexBox.whole((44, 42, 40)).contains(voxel) for voxel in voxels)


def test_where_an_image_is_small_far_is_closer():
    box = IndexBox((4, 4, 4), (8, 8, 8))
    voxels = far_voxels(box, (16, 16, 16), random(), 10)
    assert len(voxels) == 10
    assert not any(box.expand(1).contains(voxel) for voxel in voxels)
    assert far_voxels(IndexBox.whole((16, 16, 16)), (16, 16, 16), random(), 10) == []
