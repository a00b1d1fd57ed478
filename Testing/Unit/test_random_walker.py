"""The random walker behind the calls of a session."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from LightSegLib.errors import CapabilityError, PromptError, SessionError
from LightSegLib.evaluation.metrics import dice
from LightSegLib.evaluation.random_walker import (
    RandomWalker,
    ball,
    block_means,
    interpolated,
    steps_within,
)
from LightSegLib.geometry import IndexBox, Volume

SHAPE_KJI = (18, 20, 22)


def bright_cube():
    random = np.random.default_rng(0)
    truth = np.zeros(SHAPE_KJI, dtype=bool)
    truth[5:13, 6:14, 7:15] = True
    return Volume((truth * 100 + random.integers(0, 10, SHAPE_KJI)).astype(np.int16), np.eye(4)), truth


@pytest.fixture
def walker():
    pytest.importorskip("skimage")
    walker = RandomWalker()
    walker.set_image(bright_cube()[0])
    return walker


def test_a_click_in_a_bright_cube_finds_the_cube(walker):
    walker.add_point((10, 9, 8))
    assert dice(walker.mask, bright_cube()[1]) > 0.95


def test_a_negative_click_takes_its_ball_out(walker):
    walker.add_point((10, 9, 8))
    walker.add_point((13, 12, 11), positive=False)
    assert not walker.mask[11, 12, 13]
    assert walker.mask[8, 9, 10]


def test_before_a_positive_click_and_after_a_reset_the_mask_is_empty(walker):
    walker.add_point((3, 3, 3), positive=False)
    assert not walker.mask.any()
    walker.add_point((10, 9, 8))
    assert walker.mask.any()
    walker.reset()
    assert walker.mask.shape == SHAPE_KJI
    assert not walker.mask.any()


def test_the_same_clicks_give_the_same_mask(walker):
    walker.add_point((10, 9, 8))
    first = walker.mask.copy()
    walker.reset()
    walker.add_point((10, 9, 8))
    assert np.array_equal(walker.mask, first)


def test_an_image_of_more_voxels_than_a_walk_takes_is_walked_coarsely_and_then_closer():
    pytest.importorskip("skimage")
    volume, truth = bright_cube()
    large = Volume(volume.array.repeat(2, 0).repeat(2, 1).repeat(2, 2), np.eye(4))
    walker = RandomWalker(limit=8000)
    walker.set_image(large)
    walker.add_point((21, 19, 17))
    assert walker.mask.shape == large.array.shape
    assert dice(walker.mask, truth.repeat(2, 0).repeat(2, 1).repeat(2, 2)) > 0.85


def test_an_image_full_of_seeds_is_its_own_answer():
    pytest.importorskip("skimage")
    walker = RandomWalker()
    walker.set_image(Volume(np.arange(27, dtype=np.int16).reshape(3, 3, 3), np.eye(4)))
    walker.add_point((1, 1, 1))
    assert walker.mask[1, 1, 1]


def test_calls_out_of_order_and_clicks_outside_are_refused(walker):
    with pytest.raises(SessionError, match="no image"):
        RandomWalker().add_point((0, 0, 0))
    with pytest.raises(PromptError, match="outside the volume"):
        walker.add_point((22, 0, 0))


def test_without_scikit_image_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(CapabilityError, match="pip install scikit-image"):
        RandomWalker()


def test_blocks_are_as_even_in_mm_as_can_be():
    assert steps_within(10**6, (100, 100, 100), (1, 1, 1)) == (1, 1, 1)
    assert steps_within(125_000, (100, 100, 100), (1, 1, 1)) == (2, 2, 2)
    assert steps_within(300_000, (100, 100, 100), (1, 1, 5)) == (2, 2, 1)


def test_means_of_blocks_come_back_as_a_slope():
    slope = np.broadcast_to(np.arange(8, dtype=np.float32), (4, 4, 8))
    means = block_means(slope, (2, 2, 2))
    assert means[0, 0].tolist() == [0.5, 2.5, 4.5, 6.5]
    back = interpolated(means, (2, 2, 2), (4, 4, 8))
    assert back[0, 0].tolist() == pytest.approx([0.5, 1, 2, 3, 4, 5, 6, 6.5])


def test_the_last_block_of_an_odd_edge_repeats_the_last_voxel():
    means = block_means(np.array([[[1.0, 3.0, 7.0]]], dtype=np.float32), (1, 1, 2))
    assert means.tolist() == [[[2.0, 7.0]]]


def test_a_ball_is_cut_where_its_box_ends():
    box = IndexBox((5, 5, 5), (15, 15, 15))
    assert len(ball((10, 10, 10), box)) == 33
    assert (ball((5, 10, 10), box)[:, 2] >= 0).all()
    assert len(ball((5, 10, 10), box)) < 33
