"""The simulated user clicks where a person would, and always the same."""

from __future__ import annotations

import numpy as np
import pytest

from LightSegLib.errors import GeometryError, VolumeError
from LightSegLib.evaluation.simulated_user import SimulatedUser, first_click, next_click
from LightSegLib.prompts import Point

SHAPE = (12, 14, 16)
ISO = (1.0, 1.0, 1.0)


def box(lower_ijk, upper_ijk, shape=SHAPE):
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(lower_ijk[::-1], upper_ijk[::-1], strict=True))] = True
    return mask


def test_the_first_click_is_the_centre_of_a_cube():
    assert first_click(box((3, 4, 5), (8, 9, 10)), ISO) == Point((5, 6, 7), positive=True)


def test_the_first_click_is_inside_a_hollow_object():
    hollow = box((1, 1, 1), (12, 12, 12)) & ~box((3, 3, 3), (10, 10, 10))
    i, j, k = first_click(hollow, ISO).ijk
    assert hollow[k, j, i]


def test_innermost_is_measured_in_millimetres():
    # A plate of 3 x 9 voxels (i x j): with 1 mm voxels the middle line i = 4 is innermost; with 10 mm along
    # i the extent along j limits, so the middle row is.
    plate = box((3, 1, 0), (6, 10, 12))
    assert first_click(plate, (1, 1, 1)).ijk[0] == 4
    assert first_click(plate, (10, 1, 1)).ijk[1] == 5


def test_the_edge_of_the_volume_counts_as_outside():
    through = box((4, 4, 0), (9, 9, 12))  # runs through all slices
    i, j, k = first_click(through, ISO).ijk
    assert (i, j) == (6, 6)
    assert 2 <= k <= 9
    whole = np.ones((5, 7, 9), dtype=bool)
    assert first_click(whole, (1, 1, 10)).ijk[1] == 3


def test_ties_go_to_the_first_voxel_in_array_order():
    pair = box((1, 1, 1), (4, 4, 4)) | box((10, 8, 6), (13, 11, 9))
    assert first_click(pair, ISO).ijk == (2, 2, 2)
    assert first_click(box((2, 2, 2), (4, 4, 4)), ISO).ijk == (2, 2, 2)


def test_a_missed_part_asks_for_a_positive_click():
    truth = box((1, 1, 1), (10, 6, 6))
    mask = box((1, 1, 1), (5, 6, 6))
    assert next_click(truth, mask, ISO) == Point((7, 3, 3), positive=True)


def test_a_spilled_part_asks_for_a_negative_click():
    truth = box((1, 1, 1), (5, 6, 6))
    mask = box((1, 1, 1), (10, 6, 6))
    assert next_click(truth, mask, ISO) == Point((7, 3, 3), positive=False)


def test_the_largest_component_is_clicked_not_the_deepest():
    cube = box((1, 1, 1), (6, 6, 6))  # 125 voxels, deep
    sheet = box((8, 0, 0), (10, 14, 12))  # 336 voxels, flat
    assert next_click(cube | sheet, np.zeros(SHAPE, dtype=bool), ISO).ijk[0] >= 8


def test_missed_and_spilled_voxels_that_touch_stay_apart():
    truth, mask = box((0, 0, 0), (7, 5, 5)), box((7, 0, 0), (12, 5, 5))
    # joined they would be 12 wide; apart the missed part is the larger one
    assert next_click(truth, mask, ISO) == Point((2, 2, 2), positive=True)


def test_voxels_that_share_only_an_edge_are_two_components():
    first, second = box((0, 0, 0), (4, 4, 4)), box((4, 4, 0), (8, 8, 5))
    assert next_click(first | second, np.zeros(SHAPE, dtype=bool), ISO).ijk[0] >= 4


def test_of_two_errors_of_one_size_the_missed_one_is_clicked():
    truth, mask = box((9, 9, 9), (12, 12, 12)), box((1, 1, 1), (4, 4, 4))
    assert next_click(truth, mask, ISO).positive


def test_a_perfect_mask_needs_no_click():
    truth = box((1, 1, 1), (5, 6, 6))
    assert next_click(truth, truth, ISO) is None


def test_a_clicked_voxel_is_never_clicked_again():
    truth = box((1, 1, 1), (4, 4, 4))
    nothing = np.zeros(SHAPE, dtype=bool)
    seen = []
    for _ in range(27):
        seen.append(next_click(truth, nothing, ISO, seen).ijk)
    assert seen[0] == (2, 2, 2)
    assert len(set(seen)) == 27
    assert next_click(truth, nothing, ISO, seen) is None


def test_when_a_component_is_used_up_the_next_one_is_clicked():
    single, other = box((1, 1, 1), (3, 2, 2)), box((8, 8, 8), (9, 9, 9))
    nothing = np.zeros(SHAPE, dtype=bool)
    assert next_click(single | other, nothing, ISO, [(1, 1, 1), (2, 1, 1)]).ijk == (8, 8, 8)


def test_cropping_does_not_move_the_click():
    rng = np.random.default_rng(5)
    truth, mask = rng.random((2, 9, 9, 9)) > 0.5
    click = next_click(truth, mask, (1, 2, 3))
    padded = next_click(
        np.pad(truth, ((4, 1), (3, 2), (2, 6))), np.pad(mask, ((4, 1), (3, 2), (2, 6))), (1, 2, 3)
    )
    assert tuple(np.subtract(padded.ijk, (2, 3, 4))) == click.ijk
    assert padded.positive == click.positive


def test_a_user_remembers_the_clicks_and_answers_the_mask_at_hand():
    truth = box((2, 2, 2), (9, 9, 9))
    too_small, too_large = box((2, 2, 2), (6, 9, 9)), box((2, 2, 2), (14, 9, 9))
    user = SimulatedUser(truth, ISO)
    clicks = [user.next_click(mask) for mask in (np.zeros_like(truth), too_small, too_large)]
    assert clicks == [
        first_click(truth, ISO),
        next_click(truth, too_small, ISO),
        next_click(truth, too_large, ISO),
    ]
    assert [click.positive for click in clicks] == [True, True, False]
    assert user.clicks == tuple(clicks)
    assert user.next_click(truth) is None
    assert user.clicks == tuple(clicks)


def test_the_first_click_is_made_even_on_a_perfect_mask():
    truth = box((2, 2, 2), (9, 9, 9))
    assert SimulatedUser(truth, ISO).next_click(truth) == first_click(truth, ISO)


def test_a_user_never_repeats_a_click_that_did_not_help():
    truth = box((2, 2, 2), (9, 9, 9))
    user = SimulatedUser(truth, ISO)
    assert len({user.next_click(np.zeros_like(truth)) for _ in range(9)}) == 9


def test_an_empty_object_is_refused():
    with pytest.raises(VolumeError, match="empty"):
        SimulatedUser(np.zeros(SHAPE), ISO)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(VolumeError, match="shape"):
        next_click(np.ones(SHAPE), np.ones((2, 3, 4)), ISO)


def test_a_spacing_of_zero_is_refused():
    with pytest.raises(GeometryError, match="spacing"):
        first_click(np.ones(SHAPE), (1, 0, 1))
