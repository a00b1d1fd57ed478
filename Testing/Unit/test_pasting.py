"""Looks become voxels: smooth borders, later looks win, and nothing changes that was not looked at."""

from __future__ import annotations

import numpy as np
import pytest
from grey_model import ball, dice

from LightSegLib.geometry import IndexBox, SamplingGrid, sample_grid
from LightSegLib.looks import Look
from LightSegLib.pasting import cut_to_boxes, paste
from LightSegLib.prompts import Box

SHAPE = (30, 32, 34)
SHAPE_IJK = SHAPE[::-1]


def look(start: tuple[float, float, float], logits: np.ndarray, step: float = 1.0) -> Look:
    shape = logits.shape
    grid = SamplingGrid(start, (step,) * 3, (shape[2], shape[1], shape[0]))
    return Look(grid, step, logits.astype(np.float32), 0.5, False)


def block(fill: float = -4.0, edge: int = 8) -> np.ndarray:
    return np.full((edge,) * 3, fill, np.float32)


def applied(looks: list[Look], current: np.ndarray) -> tuple[IndexBox, np.ndarray]:
    """The whole mask afterwards."""
    box, mask, probability = paste(looks, current, IndexBox.of_mask(current))
    assert mask.shape == probability.shape == box.shape_ijk[::-1]
    result = current.copy()
    result[box.slices] = mask
    return box, result


def test_a_look_at_native_resolution_is_pasted_voxel_by_voxel() -> None:
    logits = block()
    logits[2:5, 3:6, 1:7] = 3
    box, mask, probability = paste([look((10, 12, 14), logits)], np.zeros(SHAPE, bool), None)
    expected = np.zeros(SHAPE, bool)
    expected[16:19, 15:18, 11:17] = True
    found = np.zeros(SHAPE, bool)
    found[box.slices] = mask
    np.testing.assert_array_equal(found, expected)
    assert probability[mask] == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-5)
    assert box.size < 6 * 6 * 9  # not the whole region


def test_nothing_found_and_nothing_held_is_an_empty_box() -> None:
    box, mask, probability = paste([look((10, 12, 14), block())], np.zeros(SHAPE, bool), None)
    assert box.is_empty
    assert mask.size == probability.size == 0


def test_what_the_look_no_longer_finds_goes_away_and_what_it_did_not_see_stays() -> None:
    current = np.zeros(SHAPE, bool)
    current[10:20, 10:20, 5:25] = True
    _, after = applied([look((8, 8, 8), block(edge=16))], current)
    expected = current.copy()
    expected[8:24, 8:24, 8:24] = False
    np.testing.assert_array_equal(after, expected)


def test_a_later_look_wins_within_its_region_only() -> None:
    wide = block(4.0, edge=16)
    near = block(-4.0, edge=6)
    _, after = applied([look((6, 6, 6), wide), look((10, 10, 10), near)], np.zeros(SHAPE, bool))
    expected = np.zeros(SHAPE, bool)
    expected[6:22, 6:22, 6:22] = True
    expected[10:16, 10:16, 10:16] = False
    np.testing.assert_array_equal(after, expected)


def test_looks_apart_leave_what_lies_between_them() -> None:
    current = np.zeros(SHAPE, bool)
    current[3, 3, 15] = True
    box, after = applied([look((2, 2, 2), block(4.0)), look((20, 2, 2), block(4.0))], current)
    assert box.contains((15, 3, 3))
    expected = current.copy()
    expected[2:10, 2:10, 2:10] = expected[2:10, 2:10, 20:28] = True
    np.testing.assert_array_equal(after, expected)


def test_a_coarse_look_has_a_smooth_border() -> None:
    truth = ball(SHAPE, (16, 15, 14), 10)
    grid = SamplingGrid((0.5, 0.5, 0.5), (2.5,) * 3, (13, 12, 12))
    logits = 8 * sample_grid(truth, grid) - 4
    _, after = applied([Look(grid, 2.5, logits, 0.5, False)], np.zeros(SHAPE, bool))
    assert dice(after, truth) > 0.95


def test_a_region_that_reaches_over_the_border_is_pasted_as_far_as_the_image_goes() -> None:
    _, after = applied([look((-4, -4, 25), block(4.0))], np.zeros(SHAPE, bool))
    expected = np.zeros(SHAPE, bool)
    expected[25:, :4, :4] = True
    np.testing.assert_array_equal(after, expected)


def test_the_mask_so_far_is_not_written_to() -> None:
    current = np.zeros(SHAPE, bool)
    current[10:20, 10:20, 10:20] = True
    before = current.copy()
    current.flags.writeable = False
    paste([look((8, 8, 8), block(4.0))], current, IndexBox.of_mask(current))
    np.testing.assert_array_equal(current, before)


def test_new_voxels_beyond_a_drawn_box_and_its_slack_are_cut_off_and_old_ones_stay() -> None:
    current = np.zeros(SHAPE, bool)
    current[14, 14, 28] = True
    box = IndexBox((2, 2, 2), (30, 30, 28))
    mask = np.ones(box.shape_ijk[::-1], bool)
    cut_to_boxes(box, mask, current, [Box((10, 10, 10), (20, 20, 20))], 0.1)
    after = np.zeros(SHAPE, bool)
    after[box.slices] = mask
    expected = np.zeros(SHAPE, bool)
    expected[9:21, 9:21, 9:21] = True
    expected[14, 14, 28] = True
    np.testing.assert_array_equal(after, expected)


def test_several_drawn_boxes_allow_what_any_of_them_allows() -> None:
    box = IndexBox.whole(SHAPE_IJK)
    mask = np.ones(SHAPE, bool)
    drawn = [Box((0, 0, 0), (5, 5, 5)), Box((20, 20, 20), (25, 25, 25))]
    cut_to_boxes(box, mask, np.zeros(SHAPE, bool), drawn, 0.0)
    assert mask.sum() == 250


def test_a_drawn_box_elsewhere_allows_nothing() -> None:
    box = IndexBox((20, 20, 20), (28, 28, 28))
    mask = np.ones((8, 8, 8), bool)
    cut_to_boxes(box, mask, np.zeros(SHAPE, bool), [Box((0, 0, 0), (5, 5, 5))], 0.1)
    assert not mask.any()


def test_a_part_is_found_in_the_array_of_the_box_around_it() -> None:
    part, box = IndexBox((5, 6, 7), (8, 10, 12)), IndexBox((1, 2, 3), (20, 20, 20))
    whole = np.zeros(SHAPE)
    whole[part.slices] = 1
    inner = np.zeros(box.shape_ijk[::-1])
    inner[part.slices_in(box)] = 1
    np.testing.assert_array_equal(whole[box.slices], inner)
