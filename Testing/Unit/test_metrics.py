"""Metrics against phantoms whose values follow by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from LightSegLib.errors import GeometryError, VolumeError
from LightSegLib.evaluation.metrics import dice, hd95, surface_dice

SHAPE = (8, 9, 10)
EMPTY = np.zeros(SHAPE, dtype=bool)


def box(lower_kji, upper_kji, shape=SHAPE):
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(low, high) for low, high in zip(lower_kji, upper_kji, strict=True))] = True
    return mask


def test_dice_of_a_mask_with_itself_is_one():
    mask = box((1, 1, 1), (4, 5, 6))
    assert dice(mask, mask) == 1.0


def test_dice_counts_the_overlap_twice():
    # 2 x 2 x 4 and 2 x 2 x 6 voxels sharing 2 x 2 x 2: 2 * 8 / (16 + 24)
    assert dice(box((0, 0, 0), (2, 2, 4)), box((0, 0, 2), (2, 2, 8))) == pytest.approx(0.4)


def test_dice_reads_any_non_zero_value_as_inside():
    labels = box((0, 0, 0), (2, 2, 2)).astype(np.int16) * -7
    assert dice(labels, labels != 0) == 1.0


@pytest.mark.parametrize(
    ("metric", "both_empty", "one_empty"),
    [
        (dice, 1.0, 0.0),
        (lambda a, b: hd95(a, b, (1, 1, 1)), 0.0, math.inf),
        (lambda a, b: surface_dice(a, b, (1, 1, 1)), 1.0, 0.0),
    ],
    ids=["dice", "hd95", "surface_dice"],
)
def test_empty_masks_agree_with_each_other_and_with_nothing_else(metric, both_empty, one_empty):
    mask = box((1, 1, 1), (4, 4, 4))
    assert metric(EMPTY, EMPTY) == both_empty
    assert metric(EMPTY, mask) == one_empty
    assert metric(mask, EMPTY) == one_empty


def test_hd95_between_two_voxels_is_their_distance_in_mm():
    a, b = box((2, 3, 4), (3, 4, 5)), box((4, 3, 7), (5, 4, 8))
    # 3 voxels of 2 mm along i, 2 voxels of 4 mm along k
    assert hd95(a, b, (2.0, 3.0, 4.0)) == pytest.approx(10.0)


def test_hd95_of_a_shifted_plate_is_the_shift():
    a, b = box((2, 0, 0), (3, 9, 10)), box((5, 0, 0), (6, 9, 10))
    assert hd95(a, b, (1.0, 1.0, 2.5)) == pytest.approx(7.5)


def test_hd95_ignores_the_worst_twentieth():
    a = box((0, 0, 0), (1, 9, 10))  # 90 surface voxels
    b = a.copy()
    b[7, 0, 0] = True  # 1 of 91 is 7 mm away
    assert hd95(a, b, (1, 1, 1)) == 0.0


def test_hd95_is_the_worse_of_the_two_directions():
    a = box((0, 0, 0), (1, 1, 10))
    b = box((0, 0, 0), (1, 1, 1))
    # from b to a all is near; from a to b the distances are 0 to 9 mm, whose 95th percentile is 8.55 mm
    assert hd95(a, b, (1, 1, 1)) == pytest.approx(8.55)
    assert hd95(b, a, (1, 1, 1)) == pytest.approx(8.55)


def test_surface_dice_counts_the_surface_within_the_tolerance():
    a, b = box((0, 0, 0), (1, 1, 4)), box((0, 0, 0), (1, 1, 6))
    # all 4 voxels of a lie on b; of b's 6 the last two are 2 and 4 mm away
    assert surface_dice(a, b, (2, 1, 1), tolerance_mm=1.0) == pytest.approx(8 / 10)
    assert surface_dice(a, b, (2, 1, 1), tolerance_mm=2.0) == pytest.approx(9 / 10)
    assert surface_dice(a, b, (2, 1, 1), tolerance_mm=4.0) == 1.0


def test_a_hole_is_a_surface_too():
    solid = box((1, 1, 1), (6, 6, 6))
    hollow = solid.copy()
    hollow[3, 3, 3] = False
    # the 6 neighbours of the hole are 1 mm from nothing but each other; the outer surface is 2 mm away
    outer = 5**3 - 3**3
    assert surface_dice(solid, hollow, (1, 1, 1), tolerance_mm=0.5) == pytest.approx(
        2 * outer / (2 * outer + 6)
    )


def test_the_edge_of_the_volume_counts_as_surface():
    whole = np.ones((3, 3, 3), dtype=bool)
    core = box((1, 1, 1), (2, 2, 2), (3, 3, 3))
    assert hd95(whole, core, (1, 1, 1)) == pytest.approx(math.sqrt(3))


def test_cropping_does_not_change_distances():
    rng = np.random.default_rng(3)
    small_a, small_b = rng.random((2, 5, 6, 7)) > 0.6
    a, b = (np.pad(mask, ((9, 4), (0, 11), (3, 3))) for mask in (small_a, small_b))
    assert hd95(a, b, (1.5, 0.7, 3)) == hd95(small_a, small_b, (1.5, 0.7, 3))
    assert surface_dice(a, b, (1.5, 0.7, 3)) == surface_dice(small_a, small_b, (1.5, 0.7, 3))


def test_masks_of_different_shape_are_refused():
    with pytest.raises(VolumeError, match=r"\(8, 9, 10\) and \(8, 9, 9\)"):
        dice(EMPTY, EMPTY[..., 1:])


@pytest.mark.parametrize("spacing", [(1, 1), (1, 0, 1), (1, -1, 1), (1, math.nan, 1), (math.inf, 1, 1)])
def test_a_spacing_that_is_no_spacing_is_refused(spacing):
    with pytest.raises(GeometryError, match="spacing"):
        hd95(EMPTY, EMPTY, spacing)


@pytest.mark.parametrize("tolerance", [-1.0, math.nan])
def test_a_negative_tolerance_is_refused(tolerance):
    with pytest.raises(GeometryError, match="tolerance"):
        surface_dice(EMPTY, EMPTY, (1, 1, 1), tolerance_mm=tolerance)
