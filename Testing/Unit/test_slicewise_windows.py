"""Which square of which slice a 2D model sees, where its answers lie, and how long what it saw is kept."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from slice_model import GreySliceModel, session_on, tube, volume_of

from LightSegLib.errors import GeometryError, LightSegError, VolumeError
from LightSegLib.geometry import IndexBox, Volume
from LightSegLib.intensities import prepare
from LightSegLib.slicewise.embeddings import EmbeddingCache, size_of
from LightSegLib.slicewise.judging import Brightness, SliceSettings, Verdict, judge
from LightSegLib.slicewise.looking import Found
from LightSegLib.slicewise.segmenter import SliceSegmenter
from LightSegLib.slicewise.shapes import deepest_points, refused_parts
from LightSegLib.slicewise.windows import Windows, choose_axis

SHAPE_KJI = (12, 20, 30)
SPACING = (0.7, 1.1, 2.5)


def image(shape_kji=SHAPE_KJI, spacing=SPACING):
    array = np.random.default_rng(0).integers(0, 1000, shape_kji).astype(np.int16)
    return Volume(array, np.diag([*spacing, 1.0]))


def window_of(volume, axis=2, size=32, index=3, level=-1):
    windows = Windows(volume, axis, size)
    return windows.window(index, volume.box, len(windows.steps) + level if level < 0 else level)


# --- The plane ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spacing", "axis"),
    [
        ((1.0, 1.0, 1.0), 2),
        ((1.0, 1.0, 3.0), 2),
        ((3.0, 1.0, 1.0), 0),
        ((1.0, 3.0, 3.0), 2),
        ((3.0, 3.0, 1.0), 1),
        ((1.0000004, 1.0, 1.0), 2),
    ],
)
def test_slices_lie_across_the_axis_of_the_thickest_voxels_and_k_wins_a_tie(spacing, axis):
    assert choose_axis(image(spacing=spacing), None, 32) == axis


def test_the_plane_of_the_view_is_preferred():
    assert [choose_axis(image(), plane, 32) for plane in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("plane", [3, -1, "k", 0.5])
def test_a_plane_that_is_none_is_refused(plane):
    segmenter = SliceSegmenter(GreySliceModel())
    with pytest.raises(GeometryError, match="no plane"):
        segmenter.plane = plane
    assert segmenter.plane is None


@pytest.mark.parametrize(
    ("shape", "spacing", "plane", "named"),
    [
        ((2, 40, 40), (1.0, 1.0, 1.0), 0, "40 x 2 voxels"),
        ((40, 3, 40), (1.0, 1.0, 1.0), 2, "40 x 3 voxels"),
        ((4, 4, 400), (1.0, 1.0, 0.01), 1, "strips"),
    ],
)
def test_slices_too_narrow_for_an_image_are_an_error(shape, spacing, plane, named):
    with pytest.raises(VolumeError, match=named) as caught:
        choose_axis(image(shape, spacing), plane, 64)
    assert "another plane" in caught.value.next_step


def test_the_default_plane_avoids_slices_too_narrow():
    assert choose_axis(image((20, 3, 30), (1.0, 1.0, 4.0)), None, 32) == 1


def test_an_image_without_any_usable_plane_is_an_error_of_the_prompt():
    session, _, _ = session_on(np.arange(24).reshape(2, 3, 4) > 10)
    with pytest.raises(LightSegError, match="slice by slice"):
        session.add_point((1, 1, 1))


# --- The square ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_pixels_are_square_in_millimetres_and_the_slice_fills_the_square(axis):
    volume = image()
    window = window_of(volume, axis)
    step = [window.grid.step_ijk[a] * volume.spacing_ijk[a] for a in range(3) if a != axis]
    assert step[0] == pytest.approx(step[1])
    extents = [volume.spacing_ijk[a] * volume.shape_ijk[a] for a in range(3) if a != axis]
    assert max(extents) == pytest.approx(32 * step[0])
    assert window.index == 3
    assert window.box(volume.shape_ijk).shape_ijk == tuple(
        1 if a == axis else volume.shape_ijk[a] for a in range(3)
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_picture_is_that_of_the_slice_and_dark_beyond_it(axis):
    volume = image(spacing=(1.0, 1.0, 1.0))
    size = max(n for a, n in enumerate(volume.shape_ijk) if a != axis)
    prepared = prepare(volume)
    picture = window_of(volume, axis, size).image(prepared)
    expected = prepared.normalise(volume.array.take(3, axis=2 - axis))
    rows, columns = expected.shape
    assert picture.shape == (1, size, size)
    assert picture.dtype == np.float32
    np.testing.assert_allclose(picture[0, :rows, :columns], expected, atol=1e-6)
    assert (picture[0, rows:] == -1).all()
    assert (picture[0, :, columns:] == -1).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("resolution", [32, 64, 16])
def test_values_come_back_to_the_voxels_they_belong_to(axis, resolution):
    volume = image()
    window = window_of(volume, axis)
    grid = window.spread((resolution, resolution))
    x, y = (a for a in range(3) if a != axis)
    columns, rows = (grid.start_ijk[a] + grid.step_ijk[a] * np.arange(resolution) for a in (x, y))
    ramp = columns[None, :] + 100 * rows[:, None]
    area = window.box(volume.shape_ijk).expand([0 if a == axis else -2 for a in range(3)])
    back = window.back(ramp, area)
    k, j, i = np.indices(back.shape)
    index = [np.asarray(part) + low for part, low in zip((i, j, k), area.lower, strict=True)]
    np.testing.assert_allclose(back, index[x] + 100 * index[y], rtol=1e-4)


def test_clicks_become_pixels_with_their_centres_on_whole_numbers():
    volume = image(spacing=(1.0, 1.0, 1.0))
    window = window_of(volume, 2, 60)
    np.testing.assert_allclose(window.pixels(np.array([[0, 0, 3], [29, 5, 3]])), [[0.5, 0.5], [58.5, 10.5]])
    np.testing.assert_allclose(window.rectangle(IndexBox((0, 2, 0), (30, 4, 9))), [-0.5, 3.5, 59.5, 7.5])
    np.testing.assert_allclose(window.places(np.array([[0.5, 10.5]]), (60, 60)), [[0, 5, 3]])


@pytest.mark.parametrize("corner", [(0, 0, 0), (299, 199, 5), (150, 100, 5), (10, 190, 5)])
def test_of_a_large_slice_the_part_around_the_area_is_shown(corner):
    volume = image((12, 200, 300), (1.0, 1.0, 3.0))
    windows = Windows(volume, 2, 64)
    area = IndexBox(corner, tuple(x + 1 for x in corner))
    assert windows.level(area) == 0
    window = windows.window(corner[2], area, 0)
    assert window.grid.step_ijk == (1.0, 1.0, 1.0)
    shown = window.box(volume.shape_ijk)
    assert shown.contains(corner)
    assert shown.shape_ijk == (64, 64, 1)


def test_a_large_area_is_shown_from_farther_away_up_to_the_whole_slice():
    volume = image((12, 200, 300), (1.0, 1.0, 3.0))
    windows = Windows(volume, 2, 64)
    for edge in (40, 60, 90, 140, 190):
        area = IndexBox((3, 5, 0), (3 + edge, 5 + edge, 1))
        level = windows.level(area)
        shown = windows.window(0, area, level).box(volume.shape_ijk)
        assert shown.intersect(area) == area
        assert level == 0 or windows.steps[level - 1] * 64 * 0.8 < edge
    assert windows.window(0, volume.box, len(windows.steps) - 1).box(volume.shape_ijk).shape_ijk == (
        300,
        200,
        1,
    )


def test_a_mask_on_the_side_of_the_square_goes_on_only_where_the_slice_does():
    volume = image((12, 200, 300), (1.0, 1.0, 3.0))
    windows = Windows(volume, 2, 64)
    window = windows.window(0, IndexBox((0, 100, 0), (1, 101, 1)), 0)
    mask = np.zeros((64, 64), bool)
    mask[30, 0] = True
    assert not window.reaches_beyond(mask, volume.shape_ijk)
    mask[30, -1] = True
    assert window.reaches_beyond(mask, volume.shape_ijk)
    assert window.reaches_beyond(mask[::-1, ::-1], volume.shape_ijk)


def test_logits_are_carried_to_a_window_elsewhere():
    volume = image((12, 200, 300), (1.0, 1.0, 3.0))
    windows = Windows(volume, 2, 64)
    here = windows.window(0, IndexBox((100, 100, 0), (101, 101, 1)), 0)
    there = windows.window(1, IndexBox((120, 110, 0), (121, 111, 1)), 0)
    values = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    carried = here.carried(values, there, -9.0)
    x, y = (int(there.grid.start_ijk[a] - here.grid.start_ijk[a]) for a in (0, 1))
    assert x > 0
    assert y > 0
    np.testing.assert_allclose(carried[: 64 - y, : 64 - x], values[y:, x:], atol=1e-6)
    assert (carried[64 - y :] == -9).all()
    assert (carried[:, 64 - x :] == -9).all()
    assert here.carried(values, windows.window(5, IndexBox((100, 100, 0), (101, 101, 1)), 0), 0.0) is values


# --- Does it go on? -----------------------------------------------------------------------------------------


def found(mask, prior, confidence=0.9):
    window = window_of(image(), 2, 32)
    shown = np.where(prior, 8.0, -8.0).astype(np.float32)
    return Found(window, np.where(mask, 5.0, -5.0).astype(np.float32), confidence, shown)


def rectangle(top, left, bottom, right):
    mask = np.zeros((32, 32), bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.mark.parametrize(
    ("mask", "confidence", "verdict"),
    [
        (rectangle(5, 5, 15, 15), 0.9, Verdict.GOES_ON),
        (rectangle(8, 8, 18, 18), 0.9, Verdict.GOES_ON),
        (rectangle(7, 7, 12, 12), 0.9, Verdict.GOES_ON),
        (rectangle(0, 0, 0, 0), 0.9, Verdict.ENDED),
        (rectangle(8, 8, 11, 11), 0.9, Verdict.ENDED),
        (rectangle(14, 14, 24, 24), 0.9, Verdict.LOST),
        (rectangle(0, 0, 32, 32), 0.9, Verdict.LOST),
        (rectangle(5, 5, 15, 15), 0.5, Verdict.LOST),
    ],
)
def test_a_structure_goes_on_ends_or_is_lost(mask, confidence, verdict):
    answer = found(mask, rectangle(5, 5, 15, 15), confidence)
    assert judge(answer, 0.9, SliceSettings()) is verdict


def test_a_structure_that_looks_like_its_surroundings_has_become_them():
    bright = Brightness(np.array([0.8]), np.array([-0.4]))
    assert bright.has_become(Brightness(np.array([-0.3]), np.array([-0.4])), 0.2)
    assert not bright.has_become(Brightness(np.array([0.4]), np.array([-0.4])), 0.2)
    faint = Brightness(np.array([0.1]), np.array([0.0]))
    assert not faint.has_become(Brightness(np.array([-0.9]), np.array([0.0])), 0.2)


def test_brightness_is_measured_inside_and_around():
    mask = tube()
    prepared = prepare(volume_of(mask))
    window = window_of(volume_of(mask), 2, 40, index=10)
    logits = np.where(mask[10], 5.0, -5.0).astype(np.float32)
    brightness = Brightness.of(prepared, Found(window, logits, 0.9, None))
    assert brightness.inside == pytest.approx(1.0)
    assert brightness.around == pytest.approx(-1.0)
    assert Brightness.of(prepared, Found(window, -np.abs(logits), 0.9, None)) is None


def test_the_deepest_points_are_those_of_the_largest_parts():
    mask = rectangle(1, 1, 12, 12) | rectangle(20, 3, 25, 8) | rectangle(30, 30, 32, 32)
    assert deepest_points(mask, 2).tolist() == [[6, 6], [5, 22]]
    assert len(deepest_points(mask, 9)) == 3
    assert deepest_points(np.zeros((4, 4), bool), 3).shape == (0, 2)
    assert deepest_points(mask, 0).shape == (0, 2)


# --- Embeddings ---------------------------------------------------------------------------------------------


def test_the_size_of_an_embedding_is_that_of_all_its_arrays():
    array = np.zeros((10, 10), np.float32)
    assert size_of(array) == 400
    assert size_of([array, (array, {"a": array})]) == 1200


def test_what_lies_farthest_from_the_prompt_is_forgotten_first():
    cache, prepared, volume = EmbeddingCache(1000), prepare(image()), image()
    cache.turn_to(prepared, 2, 5)
    for index in (5, 6, 7, 4, 8):
        cache.get(window_of(volume, 2, index=index), lambda: np.zeros(300, np.uint8))
    assert [window.index for window in cache.windows] == [5, 6, 4]
    assert cache.bytes == 900
    cache.get(window_of(volume, 0, index=5), lambda: np.zeros(300, np.uint8))
    assert [window.axis for window in cache.windows] == [2, 2, 2]
    cache.turn_to(prepared, 0, 5)
    cache.get(window_of(volume, 0, index=9), lambda: np.zeros(300, np.uint8))
    assert (0, 9) in [(window.axis, window.index) for window in cache.windows]


def test_an_embedding_larger_than_the_limit_is_used_and_not_kept():
    session, segmenter, model = session_on(tube(), cache_bytes=100)
    session.add_point((19, 18, 10))
    assert session.mask.any()
    assert len(segmenter.embeddings) == 0
    assert segmenter.embeddings.bytes == 0
    count = len(model.encoded)
    session.add_point((19, 18, 10))
    assert len(model.encoded) == 2 * count


def test_a_full_cache_still_helps_near_the_prompt():
    size = 48 * 48 * 4
    session, segmenter, model = session_on(tube(), cache_bytes=7 * size)
    session.add_point((19, 18, 10))
    assert sorted(window.index for window in segmenter.embeddings.windows) == list(range(7, 14))
    count = len(model.encoded)
    session.add_point((20, 18, 10))
    assert len(model.encoded) == 2 * count - 7


def test_a_new_image_makes_all_embeddings_useless_and_frees_them():
    session, segmenter, model = session_on(tube())
    session.add_point((19, 18, 10))
    count = len(model.encoded)
    session.set_image(volume_of(tube()))
    gc.collect()
    assert len(segmenter.embeddings) == segmenter.embeddings.bytes == 0
    session.add_point((19, 18, 10))
    assert len(model.encoded) == 2 * count
    assert len(segmenter.embeddings) == count


def test_a_part_is_refused_by_a_click_near_its_middle_and_by_no_other():
    mask = np.zeros((24, 32), bool)
    mask[2:13, 2:13] = True
    mask[2:13, 20:31] = True
    left = mask & (np.arange(32) < 16)
    holed = mask.copy()
    holed[6:9, 6:9] = False
    assert np.array_equal(refused_parts(mask, mask, np.array([[7.0, 7.0]]), 0.5), left)
    assert np.array_equal(refused_parts(mask, holed, np.array([[7.0, 7.0]]), 0.5), left & holed)
    assert np.array_equal(refused_parts(mask, mask, np.array([[7.0, 7.0], [25.0, 7.0]]), 0.5), mask)
    for clicks in ([[2.0, 7.0], [16.0, 7.0], [99.0, 7.0]], np.zeros((0, 2))):
        assert not refused_parts(mask, mask, np.array(clicks), 0.5).any()


def test_where_the_model_gave_way_nothing_more_is_refused():
    mask, half = np.zeros((24, 32), bool), np.zeros((24, 32), bool)
    mask[2:13, 2:13] = True
    half[2:13, 2:6] = True
    assert not refused_parts(mask, half, np.array([[7.0, 7.0]]), 0.5).any()
