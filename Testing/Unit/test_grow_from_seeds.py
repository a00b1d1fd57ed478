"""The baseline: Slicer's grow-from-seeds behind the calls of a session."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from LightSegLib.errors import CapabilityError, PromptError, SessionError
from LightSegLib.evaluation.grow_from_seeds import GrowFromSeeds, slicer_core_is_available
from LightSegLib.geometry import Volume

SHAPE = (18, 20, 22)


def bright_cube(dtype=np.int16):
    array = np.zeros(SHAPE, dtype=dtype)
    array[5:13, 6:14, 7:15] = 100
    return Volume(array, np.diag([1.0, 1.0, 2.0, 1.0]))


@pytest.fixture
def grower():
    if not slicer_core_is_available():
        pytest.skip("slicer-core is not importable here")
    grower = GrowFromSeeds()
    grower.set_image(bright_cube())
    return grower


def test_a_click_in_a_bright_cube_fills_the_cube(grower):
    grower.add_point((10, 9, 8))
    np.testing.assert_array_equal(grower.mask, bright_cube().array == 100)


def test_a_dark_cube_is_filled_just_the_same(grower):
    grower.set_image(Volume(100 - bright_cube().array, np.eye(4)))
    grower.add_point((10, 9, 8))
    np.testing.assert_array_equal(grower.mask, bright_cube().array == 100)


def test_with_an_inert_border_the_first_click_fills_the_volume_up_to_the_border():
    if not slicer_core_is_available():
        pytest.skip("slicer-core is not importable here")
    grower = GrowFromSeeds(live_border=False)
    grower.set_image(bright_cube())
    grower.add_point((10, 9, 8))
    assert grower.mask[1:-1, 1:-1, 1:-1].all()
    assert grower.mask.sum() == grower.mask[1:-1, 1:-1, 1:-1].sum()


def test_before_a_positive_click_the_mask_is_empty(grower):
    assert grower.mask.shape == SHAPE
    grower.add_point((3, 3, 3), positive=False)
    assert not grower.mask.any()


def test_a_negative_click_takes_its_ball_back(grower):
    grower.add_point((10, 9, 8))
    grower.add_point((13, 12, 11), positive=False)
    assert not grower.mask[11, 12, 13]
    assert grower.mask[8, 9, 10]


def test_a_click_at_the_corner_paints_the_part_of_the_ball_that_lies_inside(grower):
    grower.add_point((0, 0, 0))
    assert grower.mask[0, 0, 0]
    assert grower.mask[0, 0, 2]
    assert not grower.mask[0, 0, 3]


def test_reset_starts_afresh_on_the_same_image(grower):
    grower.add_point((10, 9, 8))
    first = grower.mask.copy()
    grower.add_point((4, 4, 4))
    grower.reset()
    assert not grower.mask.any()
    grower.add_point((10, 9, 8))
    np.testing.assert_array_equal(grower.mask, first)


def test_growing_anew_does_not_depend_on_the_order_of_the_clicks(grower):
    clicks = [((10, 9, 8), True), ((2, 10, 9), False), ((19, 10, 9), False)]
    masks = []
    for order in (clicks, clicks[::-1]):
        grower.reset()
        for ijk, positive in order:
            grower.add_point(ijk, positive)
        masks.append(grower.mask)
    np.testing.assert_array_equal(*masks)


def test_growing_on_gives_the_same_where_no_seed_is_overwritten():
    if not slicer_core_is_available():
        pytest.skip("slicer-core is not importable here")
    masks = []
    for incremental in (False, True):
        grower = GrowFromSeeds(incremental=incremental)
        grower.set_image(bright_cube())
        grower.add_point((10, 9, 8))
        grower.add_point((3, 3, 15), positive=False)
        masks.append(grower.mask)
    np.testing.assert_array_equal(*masks)


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.uint16, np.int32, np.float16, np.float32, np.float64, ">i2"]
)
def test_any_voxel_type_can_be_grown_in(grower, dtype):
    grower.set_image(bright_cube(dtype))
    grower.add_point((10, 9, 8))
    np.testing.assert_array_equal(grower.mask, bright_cube().array == 100)


def test_a_yes_no_image_can_be_grown_in(grower):
    grower.set_image(Volume(bright_cube().array > 0, np.eye(4)))
    grower.add_point((10, 9, 8))
    np.testing.assert_array_equal(grower.mask, bright_cube().array == 100)


def test_a_click_outside_is_refused_and_changes_nothing(grower):
    grower.add_point((10, 9, 8))
    before = grower.mask.copy()
    with pytest.raises(PromptError, match=r"\(22, 0, 0\)"):
        grower.add_point((22, 0, 0))
    np.testing.assert_array_equal(grower.mask, before)


def test_a_click_before_the_image_is_refused():
    if not slicer_core_is_available():
        pytest.skip("slicer-core is not importable here")
    with pytest.raises(SessionError, match="set_image"):
        GrowFromSeeds().add_point((1, 1, 1))


def test_without_slicer_core_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "slicer", None)
    assert not slicer_core_is_available()
    with pytest.raises(CapabilityError, match="pip install slicer-core"):
        GrowFromSeeds()
