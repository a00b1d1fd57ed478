"""Regions suit the object, stay in the image, and do not blow thick slices up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LightSegLib.geometry import IndexBox, SamplingGrid, Volume, sample_back
from LightSegLib.zoom import Zoomer, ZoomSettings, covered, reaches_beyond

PATCH = (24, 24, 24)


def zoomer(
    shape_ijk: tuple[int, int, int] = (100, 90, 80),
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    **settings: float,
) -> Zoomer:
    volume = Volume(np.zeros(shape_ijk[::-1], np.uint8), np.diag([*spacing, 1.0]))
    return Zoomer(volume, PATCH, ZoomSettings(**settings))


def middle(grid: SamplingGrid) -> np.ndarray:
    return grid.sample_to_index((np.array(grid.shape_ijk) - 1) / 2)


def test_a_region_is_a_cube_in_millimetres_around_the_click() -> None:
    grid = zoomer((100, 90, 80), (0.5, 1.0, 2.0)).grid((50, 40, 30), 1.5)
    np.testing.assert_allclose(grid.step_ijk, (3.0, 1.5, 0.75))
    np.testing.assert_allclose(middle(grid), (50, 40, 30))
    assert grid.shape_ijk == PATCH


@pytest.mark.parametrize("corner", [(0, 0, 0), (99, 89, 79), (0, 89, 40)])
def test_a_region_at_the_border_is_moved_into_the_image(corner: tuple[int, int, int]) -> None:
    whole = zoomer()
    box = whole.grid(corner, 2.0).box(whole.shape_ijk)
    assert box.shape_ijk == (48, 48, 48)
    assert box.contains(corner)


@given(centre=st.tuples(*[st.integers(0, 79)] * 3), zoom=st.floats(0.3, 4))
def test_a_region_always_holds_its_centre_and_as_much_image_as_fits(
    centre: tuple[int, int, int], zoom: float
) -> None:
    whole = zoomer((80, 80, 80))
    box = whole.grid(centre, zoom).box(whole.shape_ijk)
    assert box.contains(centre)
    assert min(box.shape_ijk) >= min(80, np.floor(zoom * 24))


def test_a_region_larger_than_the_image_lies_around_its_middle() -> None:
    whole = zoomer((20, 12, 60))
    grid = whole.grid((0, 0, 0), 2.0)
    np.testing.assert_allclose(middle(grid)[:2], (9.5, 5.5))
    assert grid.box(whole.shape_ijk) == IndexBox((0, 0, 0), (20, 12, 48))


def test_slices_of_5_mm_are_not_blown_up_beyond_the_ratio() -> None:
    thick = zoomer((100, 100, 20), (0.8, 0.8, 5.0), slice_ratio=2.5)
    for zoom in (0.5, 0.8, 1.9):
        np.testing.assert_allclose(thick.grid((50, 50, 10), zoom).step_ijk, (zoom / 0.8, zoom / 0.8, 0.4))
    np.testing.assert_allclose(thick.grid((50, 50, 10), 4.0).step_ijk, (5, 5, 0.8))


def test_a_fitting_zoom_shows_the_longest_side_at_the_wanted_share_of_the_cube() -> None:
    whole = zoomer((100, 90, 80), (1.0, 1.0, 2.0), fill=0.5)
    zoom = whole.fitting(IndexBox((10, 10, 10), (34, 20, 25)))
    assert zoom * 24 * 0.5 == pytest.approx(30)  # 15 slices of 2 mm


def test_a_fitting_zoom_is_neither_finer_than_allowed_nor_wider_than_the_image() -> None:
    whole = zoomer((100, 90, 80), (0.5, 1.0, 2.0), finest=0.6)
    assert whole.fitting(IndexBox((5, 5, 5), (6, 6, 6))) == pytest.approx(0.3)
    assert whole.fitting(IndexBox.whole((100, 90, 80))) == pytest.approx(whole.widest)
    assert whole.widest == pytest.approx(160 / 24)


def test_a_first_click_is_looked_at_from_native_resolution_to_the_whole_image() -> None:
    whole = zoomer(levels=4)
    zooms = whole.ladder()
    assert zooms[0] == pytest.approx(1.0)
    assert zooms[-1] == pytest.approx(whole.widest)
    assert zooms == sorted(zooms)
    assert len(zooms) == 4
    assert whole.grid((3, 3, 3), zooms[-1]).box(whole.shape_ijk) == IndexBox.whole(whole.shape_ijk)


@pytest.mark.parametrize(
    ("shape", "levels"), [((24, 24, 24), 1), ((12, 12, 12), 1), ((30, 30, 30), 2), ((400, 400, 400), 4)]
)
def test_a_small_image_needs_fewer_looks(shape: tuple[int, int, int], levels: int) -> None:
    zooms = zoomer(shape, levels=4).ladder()
    assert len(zooms) == levels
    assert zooms[-1] == pytest.approx(max(shape[0] / 24, ZoomSettings().finest))


@pytest.mark.parametrize(("axis", "last"), [(axis, last) for axis in range(3) for last in (False, True)])
def test_a_mask_that_touches_a_side_goes_on_only_if_the_image_does(axis: int, last: bool) -> None:
    mask = np.zeros((8, 8, 8), bool)
    mask[tuple((-1 if last else 0) if 2 - a == axis else 4 for a in range(3))] = True
    inner = SamplingGrid((5.0, 5.0, 5.0), (1.0, 1.0, 1.0), (8, 8, 8))
    assert reaches_beyond(mask, inner, (30, 30, 30))
    at_border = SamplingGrid((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (8, 8, 8))
    assert not reaches_beyond(mask, at_border, (8, 8, 8))


def test_a_mask_inside_the_cube_does_not_go_on() -> None:
    mask = np.zeros((8, 8, 8), bool)
    mask[1:7, 1:7, 1:7] = True
    assert not reaches_beyond(mask, SamplingGrid((5.0, 5.0, 5.0), (1.0, 1.0, 1.0), (8, 8, 8)), (30, 30, 30))


def test_no_positive_sample_covers_no_voxel() -> None:
    grid = SamplingGrid((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (8, 8, 8))
    assert covered(np.zeros((8, 8, 8), bool), grid, (30, 30, 30)) is None


@given(
    start=st.tuples(*[st.floats(-4, 12)] * 3),
    step=st.tuples(*[st.floats(0.3, 4)] * 3),
    sample=st.tuples(*[st.integers(0, 5)] * 3),
)
def test_every_voxel_that_interpolation_makes_positive_is_covered(
    start: tuple[float, float, float], step: tuple[float, float, float], sample: tuple[int, int, int]
) -> None:
    grid, shape_ijk = SamplingGrid(start, step, (6, 6, 6)), (14, 14, 14)
    logits = np.full((6, 6, 6), -0.01, np.float32)
    logits[sample] = 10
    region = grid.box(shape_ijk)
    positive = np.zeros(shape_ijk, bool)
    positive[region.slices] = sample_back(logits, grid, region) > 0
    box = covered(logits > 0, grid, shape_ijk)
    assert box is not None
    positive[box.slices] = False
    assert not positive.any()
