"""Only what hangs together with a prompt is kept, unless nothing does; parts without a prompt can be told."""

from __future__ import annotations

import numpy as np

from LightSegLib.connected import REACH, keep_connected, keep_likeliest, unmarked_parts

SHAPE = (12, 12, 20)


def answer() -> np.ndarray:
    """Two boxes that do not touch: one at the left, one at the right."""
    logits = np.full(SHAPE, -3.0, np.float32)
    logits[4:8, 4:8, 2:6] = 2
    logits[4:8, 4:8, 12:16] = 5
    return logits


def seeds(*places: tuple[int, int, int]) -> np.ndarray:
    marked = np.zeros(SHAPE, bool)
    for place in places:
        marked[place] = True
    return marked


def test_a_part_without_a_seed_becomes_background_and_nothing_else_changes() -> None:
    kept = keep_connected(answer(), seeds((5, 5, 3)))
    expected = answer()
    expected[4:8, 4:8, 12:16] = -5
    np.testing.assert_array_equal(kept, expected)


def test_every_part_with_a_seed_is_kept() -> None:
    np.testing.assert_array_equal(keep_connected(answer(), seeds((5, 5, 3), (7, 7, 15))), answer())


def test_a_seed_close_beside_a_part_keeps_it() -> None:
    assert (keep_connected(answer(), seeds((5, 5, 5 + REACH))) > 0).sum() == 64
    kept = keep_connected(answer(), seeds((5, 5, 11)))
    assert (kept[:, :, 12:] > 0).sum() == 64
    assert not (kept[:, :, :12] > 0).any()


def test_an_answer_beside_every_seed_is_better_than_none() -> None:
    np.testing.assert_array_equal(keep_connected(answer(), seeds((0, 0, 19))), answer())


def test_without_seeds_nothing_changes() -> None:
    np.testing.assert_array_equal(keep_connected(answer(), seeds()), answer())


def test_a_large_mask_as_seed_keeps_what_it_overlaps() -> None:
    marked = np.zeros(SHAPE, bool)
    marked[:, :, :10] = True
    kept = keep_connected(answer(), marked)
    assert (kept > 0).sum() == 64
    assert (kept[:, :, 2:6] > 0).any()


def test_parts_that_touch_at_a_corner_only_are_two() -> None:
    logits = np.full(SHAPE, -1.0, np.float32)
    logits[2:4, 2:4, 2:4] = 1
    logits[4:8, 4:8, 4:8] = 1
    assert (keep_connected(logits, seeds((7, 7, 7))) > 0).sum() == 64


def test_the_answer_that_was_given_is_not_written_to() -> None:
    logits = answer()
    keep_connected(logits, seeds((5, 5, 3)))
    np.testing.assert_array_equal(logits, answer())


def test_an_answer_of_nothing_stays_nothing() -> None:
    nothing = np.full(SHAPE, -1.0, np.float32)
    np.testing.assert_array_equal(keep_connected(nothing, seeds((5, 5, 3))), nothing)


def test_parts_that_a_mark_touches_or_comes_close_to_are_left_out() -> None:
    mask = answer() > 0
    assert unmarked_parts(mask, seeds((5, 5, 3))).sum() == 64
    assert unmarked_parts(mask, seeds((5, 5, 3)))[:, :, 12:16].any()
    assert not unmarked_parts(mask, seeds((5, 5, 5 + REACH), (7, 7, 15))).any()


def test_without_marks_all_parts_are_unmarked() -> None:
    np.testing.assert_array_equal(unmarked_parts(answer() > 0, seeds()), answer() > 0)
    assert not unmarked_parts(np.zeros(SHAPE, bool), seeds((5, 5, 3))).any()


def test_of_several_parts_the_likeliest_is_kept() -> None:
    logits = np.full((12, 12, 12), -3.0, np.float32)
    logits[1:5, 1:5, 1:5] = 0.2  # larger, but hardly likely: 64 times 0.55
    logits[7:10, 7:11, 7:11] = 4.0  # 48 times 0.98
    found = keep_likeliest(logits)
    assert (found > 0).sum() == 48
    assert (found[7:10, 7:11, 7:11] == 4.0).all()
    assert found.dtype == logits.dtype


def test_a_single_part_or_none_stays_as_it_is() -> None:
    one = np.full((6, 6, 6), -1.0, np.float32)
    assert keep_likeliest(one) is one
    one[2:4] = 1.0
    assert keep_likeliest(one) is one
