"""Suggestions against the true error, against chance, and followed."""

from __future__ import annotations

import numpy as np
import pytest

from LightSegLib.evaluation.suggestion_quality import (
    clicks_needed,
    frame,
    judge_suggestion,
    random_voxels,
)
from LightSegLib.geometry import IndexBox

SHAPE = (10, 12, 14)


def block(lower_kji, upper_kji):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[tuple(slice(low, high) for low, high in zip(lower_kji, upper_kji, strict=True))] = True
    return mask


TRUTH = block((2, 2, 2), (6, 6, 6))
HALF = block((2, 2, 2), (6, 6, 4))


class Filler:
    """Makes a voxel's column along i right, whatever is clicked there."""

    def __init__(self):
        self.mask = np.zeros(SHAPE, dtype=bool)
        self.clicks = []
        self.resets = 0

    def reset(self):
        self.resets += 1
        self.mask = np.zeros(SHAPE, dtype=bool)

    def add_point(self, ijk, positive=True):
        self.clicks.append((ijk, positive))
        self.mask = self.mask.copy()
        self.mask[:, :, ijk[0]] = TRUTH[:, :, ijk[0]]


def test_a_suggestion_is_right_where_mask_and_object_differ():
    missed = judge_suggestion((5, 3, 3), HALF, TRUTH)
    assert missed.hit is True
    assert judge_suggestion((2, 3, 3), HALF, TRUTH).hit is False
    spilled = judge_suggestion((5, 3, 3), TRUTH, HALF)
    assert spilled.hit is True


def test_chance_in_the_box_is_the_share_of_errors_around_mask_and_object():
    assert judge_suggestion((0, 0, 0), HALF, TRUTH).box_chance == pytest.approx(0.5)


def test_chance_on_the_border_looks_on_both_sides_of_it():
    found = judge_suggestion((0, 0, 0), HALF, TRUTH)
    # A block of 4 x 4 x 2 has no inner voxel: 32 of its own, and 16 + 16 + 4 * 8 next to its faces; of
    # these, the 16 at the cut are missed.
    assert found.border_chance == pytest.approx(16 / (32 + 64))


def test_without_any_mask_there_is_no_border():
    found = judge_suggestion(None, np.zeros(SHAPE, dtype=bool), TRUTH)
    assert found.hit is None
    assert found.border_chance is None
    assert found.box_chance == 1


def test_where_nothing_is_wrong_no_suggestion_is_judged():
    assert judge_suggestion((3, 3, 3), TRUTH, TRUTH) is None


def test_the_frame_holds_mask_and_object_and_nothing_more():
    assert frame(HALF, TRUTH) == IndexBox((2, 2, 2), (6, 6, 6))
    assert frame(np.zeros(SHAPE, dtype=bool), HALF) == IndexBox((2, 2, 2), (4, 6, 6))
    assert frame(np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)) == IndexBox.whole(SHAPE[::-1])


def test_random_voxels_lie_in_the_frame_and_come_alike_on_every_run():
    filler = Filler()
    filler.mask = HALF
    draws = [random_voxels(TRUTH, filler, np.random.default_rng(3)) for _ in range(2)]
    first, second = ([draw() for _ in range(64)] for draw in draws)
    assert first == second
    assert all(frame(HALF, TRUTH).contains(voxel) for voxel in first)
    assert len(set(first)) == 64  # all of them, none twice


def test_clicks_are_counted_until_the_mask_is_good_enough():
    columns = iter([(3, 0, 0), (4, 3, 3), (5, 3, 3)])
    filler = Filler()
    # After four of four columns; three of them are a Dice of 0.857.
    assert clicks_needed(filler, TRUTH, (2, 3, 3), lambda: next(columns), clicks=10) == 3
    assert filler.resets == 1
    assert filler.clicks == [((2, 3, 3), True), ((3, 0, 0), False), ((4, 3, 3), True)]


def test_an_object_that_is_never_good_enough_counts_as_one_click_more_than_allowed():
    assert clicks_needed(Filler(), TRUTH, (2, 3, 3), lambda: (3, 3, 3), clicks=2) == 3


def test_who_is_told_of_no_further_voxel_stops():
    filler = Filler()
    assert clicks_needed(filler, TRUTH, (2, 3, 3), lambda: None, clicks=5) == 6
    assert len(filler.clicks) == 1
