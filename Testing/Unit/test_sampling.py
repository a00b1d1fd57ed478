"""Crop, resample and paste back: exact where it can be, without a shift everywhere."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from LightSegLib.errors import GeometryError
from LightSegLib.geometry import IndexBox, SamplingGrid, sample_back, sample_grid

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=60)

SHAPE = (64, 56, 48)  # I, J, K
RANDOM = np.random.default_rng(0)
NOISE = RANDOM.integers(-1000, 1000, SHAPE[::-1]).astype(np.int16)
SLOPES = (2, -3, 5)


def ramp(i, j, k):
    """A linear intensity ramp, whole-numbered at voxels so that it fits any dtype."""
    return SLOPES[0] * i + SLOPES[1] * j + SLOPES[2] * k + 7


def ramp_array() -> np.ndarray:
    k, j, i = np.indices(SHAPE[::-1])
    return ramp(i, j, k).astype(np.int16)


def sample_positions(grid: SamplingGrid) -> tuple[np.ndarray, ...]:
    """Continuous i, j, k of every sample, arrays (K, J, I) of the grid."""
    samples = np.stack(np.indices(grid.shape_ijk[::-1])[::-1], -1)
    return tuple(np.moveaxis(grid.sample_to_index(samples), -1, 0))


@st.composite
def inner_grids(draw) -> SamplingGrid:
    """Grids whose samples stay away from the edges by what averaging and skipped voxels reach."""
    start, step, shape = [], [], []
    for size in SHAPE:
        s = draw(st.one_of(st.floats(0.2, 7), st.sampled_from([0.5, 1, 2, 3, 4, 6])))
        reach = 2 + 1.5 * s
        first = draw(st.floats(reach, size - 1 - reach))
        start.append(first)
        step.append(s)
        shape.append(draw(st.integers(1, max(1, min(12, int((size - 1 - reach - first) / s) + 1)))))
    return SamplingGrid(tuple(start), tuple(step), tuple(shape))


@REPEATABLE
@given(inner_grids())
def test_a_linear_ramp_survives_sampling(grid):
    expected = ramp(*sample_positions(grid))
    np.testing.assert_allclose(sample_grid(ramp_array(), grid), expected, rtol=0, atol=5e-3)


@REPEATABLE
@given(inner_grids())
def test_a_linear_ramp_survives_the_way_back(grid):
    lower = tuple(math.ceil(a) for a in grid.start_ijk)
    last = grid.sample_to_index(np.subtract(grid.shape_ijk, 1))
    upper = tuple(math.floor(b) + 1 for b in last)
    assume(all(b > a for a, b in zip(lower, upper, strict=True)))
    box = IndexBox(lower, upper)
    back = sample_back(sample_grid(ramp_array(), grid), grid, box)
    np.testing.assert_allclose(back, ramp_array()[box.slices], rtol=0, atol=5e-3)


@REPEATABLE
@given(st.tuples(*[st.integers(-20, 60)] * 3), st.tuples(*[st.integers(1, 40)] * 3))
def test_whole_numbered_grids_copy_exactly_and_repeat_the_edge(start, shape):
    grid = SamplingGrid(start, (1, 1, 1), shape)
    index = [
        np.clip(np.arange(a, a + n), 0, size - 1) for a, n, size in zip(start, shape, SHAPE, strict=True)
    ]
    sampled = sample_grid(NOISE, grid)
    assert sampled.dtype == np.float32
    np.testing.assert_array_equal(sampled, NOISE[np.ix_(*index[::-1])])


@REPEATABLE
@given(st.tuples(*[st.integers(0, 30)] * 3), st.tuples(*[st.integers(1, 15)] * 3))
def test_crop_and_paste_back_on_a_whole_numbered_grid_changes_nothing(start, shape):
    grid = SamplingGrid(start, (1, 1, 1), shape)
    box = grid.box(SHAPE)
    assert box == IndexBox(start, tuple(np.add(start, shape).tolist()))
    pasted = np.zeros_like(NOISE)
    pasted[box.slices] = sample_back(sample_grid(NOISE, grid), grid, box)
    np.testing.assert_array_equal(pasted[box.slices], NOISE[box.slices])


def trilinear(array: np.ndarray, i: float, j: float, k: float) -> float:
    """Interpolation by its definition, the edge value outside."""
    total = 0.0
    for corner in itertools.product((0, 1), repeat=3):
        weight, index = 1.0, []
        for position, offset, size in zip((k, j, i), corner, array.shape, strict=True):
            base = math.floor(position)
            weight *= position - base if offset else 1 - (position - base)
            index.append(min(max(base + offset, 0), size - 1))
        total += weight * float(array[tuple(index)])
    return total


@REPEATABLE
@given(st.tuples(*[st.floats(-3, 12)] * 3), st.tuples(*[st.floats(0.2, 1)] * 3))
def test_finer_grids_interpolate_linearly_by_definition(start, step):
    array = NOISE[:6, :7, :8]
    grid = SamplingGrid(start, step, (3, 2, 2))
    expected = [trilinear(array, *p) for p in zip(*map(np.ravel, sample_positions(grid)), strict=True)]
    np.testing.assert_allclose(sample_grid(array, grid).ravel(), expected, rtol=0, atol=1e-2)


@REPEATABLE
@given(st.tuples(*[st.floats(-3, 12)] * 3), st.tuples(*[st.floats(0.3, 4)] * 3))
def test_the_way_back_interpolates_linearly_by_definition(start, step):
    grid, box = SamplingGrid(start, step, (5, 4, 3)), IndexBox((-2, 1, 0), (2, 4, 3))
    values = RANDOM.standard_normal((3, 4, 5))
    k, j, i = np.indices(box.shape_ijk[::-1])
    places = np.stack([i, j, k], -1).reshape(-1, 3) + box.lower
    expected = [trilinear(values, *p) for p in grid.index_to_sample(places).tolist()]
    np.testing.assert_allclose(sample_back(values, grid, box).ravel(), expected, rtol=0, atol=1e-4)


@REPEATABLE
@given(st.tuples(*[st.floats(-200, 200)] * 3), st.tuples(*[st.floats(0.3, 30)] * 3))
def test_samples_never_leave_the_range_of_the_voxels(start, step):
    sampled = sample_grid(NOISE, SamplingGrid(start, step, (7, 6, 5)))
    assert NOISE.min() - 0.1 <= sampled.min() <= sampled.max() <= NOISE.max() + 0.1


@pytest.mark.parametrize("step", [0.7, 1, 1.5, 2.9])
def test_a_grid_far_outside_repeats_the_corner(step):
    sampled = sample_grid(NOISE, SamplingGrid((-900, -900, -900), (step,) * 3, (3, 3, 3)))
    np.testing.assert_allclose(sampled, NOISE[0, 0, 0], rtol=1e-5)


@pytest.mark.parametrize("step", [3, 4.5, 8, 40])
def test_a_coarse_grid_far_outside_repeats_a_voxel_less_than_a_step_from_the_edge(step):
    sampled = sample_grid(ramp_array(), SamplingGrid((900, -900, 900), (step, 1, step), (3, 3, 3)))
    furthest = (SLOPES[0] + SLOPES[2]) * step / 2
    corner = ramp(SHAPE[0] - 1, 0, SHAPE[2] - 1)
    assert corner - furthest <= sampled.min() == sampled.max() <= corner


@pytest.mark.parametrize("step", [2.0, 2.5, 3.0, 4.0, 6.5])
def test_fine_noise_is_averaged_away_when_zooming_out(step):
    count = int(60 // step) - 2
    grid = SamplingGrid((5.3, 5.3, 5.3), (step, 1, 1), (count, 40, 30))
    assert (
        sample_grid(NOISE, grid).std()
        < 0.75 * sample_grid(NOISE, SamplingGrid((5, 5, 5), (1, 1, 1), (40,) * 3)).std()
    )


@pytest.mark.parametrize("period", [2.0, 2.4])
def test_stripes_finer_than_the_samples_do_not_turn_into_coarse_ones(period):
    stripes = np.broadcast_to(np.sin(2 * np.pi * np.arange(240) / period + 0.4), (4, 4, 240))
    sampled = sample_grid(stripes, SamplingGrid((10, 0, 0), (2.8, 1, 1), (78, 4, 4)))
    assert sampled.std() < 0.35 * stripes.std()


def test_sampling_hardly_changes_where_the_step_crosses_one():
    smooth = np.cumsum(NOISE, axis=2).astype(np.float64)
    exact, nearly = (
        sample_grid(smooth, SamplingGrid((9, 9, 9), (step, 1, 1), (30, 20, 20))) for step in (1, 1 + 1e-7)
    )
    np.testing.assert_allclose(nearly, exact, atol=1e-3 * smooth.std())


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int16", ">i2", "int32", "float16", "float32", ">f4", "float64"]
)
@pytest.mark.parametrize("step", [0.6, 1, 1.7, 4.2])
def test_every_dtype_and_memory_layout_gives_the_same_samples(dtype, step):
    array = (NOISE[:20, :22, :24] > 0).astype(dtype)
    grid = SamplingGrid((2, 3.5, 1), (step, step, 1), (4, 4, 4))
    expected = sample_grid(array.astype(np.float64), grid)
    for same in (array, np.asfortranarray(array), array[::-1, :, ::-1].copy()[::-1, :, ::-1]):
        np.testing.assert_allclose(sample_grid(same, grid), expected, atol=1e-6)


def test_a_step_of_one_on_some_axes_only_copies_along_those():
    grid = SamplingGrid((3, 2.5, 4), (1, 2, 1), (6, 5, 4))
    along_j = sample_grid(NOISE, grid)
    for n, i in enumerate(range(3, 9)):
        single = sample_grid(NOISE[4:8, :, i : i + 1], SamplingGrid((0, 2.5, 0), (1, 2, 1), (1, 5, 4)))
        np.testing.assert_allclose(along_j[:, :, n : n + 1], single, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "grid", [SamplingGrid((0, 0, 0), (1, 1, 1), (4, 4, 4)), SamplingGrid((9, 9, 9), (2, 2, 2), (4, 4, 4))]
)
def test_results_share_no_memory_with_their_source(grid):
    array = NOISE.astype(np.float32)
    array.flags.writeable = False
    sampled = sample_grid(array, grid)
    back = sample_back(sampled, grid, grid.box(SHAPE))
    assert sampled.flags.writeable
    assert not np.shares_memory(sampled, array)
    assert not np.shares_memory(back, sampled)


@REPEATABLE
@given(inner_grids(), st.tuples(*[st.floats(-50, 50)] * 3))
def test_index_and_sample_coordinates_are_inverse(grid, point):
    np.testing.assert_allclose(grid.sample_to_index(grid.index_to_sample(point)), point, rtol=0, atol=1e-9)


@REPEATABLE
@given(
    st.tuples(*[st.floats(0, 40)] * 3),
    st.tuples(*[st.floats(0.3, 5)] * 3),
    st.tuples(*[st.integers(1, 20)] * 3),
)
def test_a_centred_grid_has_its_middle_at_the_centre(center, step, shape):
    grid = SamplingGrid.centred(center, step, shape)
    middle = grid.sample_to_index((np.array(shape) - 1) / 2)
    np.testing.assert_allclose(middle, center, rtol=0, atol=1e-9)


@REPEATABLE
@given(inner_grids())
def test_the_box_holds_exactly_the_voxels_that_samples_cover(grid):
    box = grid.box(SHAPE)
    for axis, size in enumerate(SHAPE):
        sample = (np.arange(size) - grid.start_ijk[axis]) / grid.step_ijk[axis]
        clear = np.abs(np.abs(sample - (grid.shape_ijk[axis] - 1) / 2) - grid.shape_ijk[axis] / 2) > 1e-5
        covered = (sample >= -0.5) & (sample < grid.shape_ijk[axis] - 0.5)
        inside = (np.arange(size) >= box.lower[axis]) & (np.arange(size) < box.upper[axis])
        np.testing.assert_array_equal(inside[clear], covered[clear])


def test_the_box_of_a_grid_outside_the_image_is_empty():
    assert SamplingGrid((-50, 0, 0), (1, 1, 1), (10, 10, 10)).box(SHAPE).is_empty


def test_a_snapped_grid_copies_where_its_step_is_one():
    grid = SamplingGrid((3.5, 2.2, 4.4), (1, 1, 2), (3, 3, 3)).snapped()
    assert grid.start_ijk == (4, 2, 4.4)


def test_an_empty_box_gets_an_empty_array():
    grid = SamplingGrid((0, 0, 0), (1, 1, 1), (2, 2, 2))
    assert sample_back(np.zeros((2, 2, 2)), grid, IndexBox((1, 1, 1), (1, 3, 4))).shape == (3, 2, 0)


def test_grids_compare_by_value_and_hold_plain_numbers():
    grid = SamplingGrid(np.zeros(3, np.float32), np.ones(3), np.array([2, 3, 4]))
    assert grid == SamplingGrid((0, 0, 0), (1, 1, 1), (2, 3, 4))
    assert all(type(x) is float for x in grid.start_ijk + grid.step_ijk)


@pytest.mark.parametrize(
    ("start", "step", "shape"),
    [
        ((0, 0, np.nan), (1, 1, 1), (2, 2, 2)),
        ((0, 0, 0), (1, 0, 1), (2, 2, 2)),
        ((0, 0, 0), (1, -1, 1), (2, 2, 2)),
        ((0, 0, 0), (1, np.inf, 1), (2, 2, 2)),
        ((0, 0, 0), (1, 1, 1), (2, 0, 2)),
        ((0, 0, 0), (1, 1, 1), (2, 2)),
        ((0, 0), (1, 1, 1), (2, 2, 2)),
        ((1e300, 0, 0), (1, 1, 1), (2, 2, 2)),
        ("ab", (1, 1, 1), (2, 2, 2)),
    ],
)
def test_a_grid_without_meaning_is_refused(start, step, shape):
    with pytest.raises(GeometryError):
        SamplingGrid(start, step, shape)


def test_arrays_that_do_not_fit_are_refused():
    grid = SamplingGrid((0, 0, 0), (1, 1, 1), (4, 3, 2))
    with pytest.raises(GeometryError, match=r"\(K, J, I\)"):
        sample_grid(np.zeros((4, 4)), grid)
    with pytest.raises(GeometryError, match=r"\(2, 3, 4\)"):
        sample_back(np.zeros((4, 3, 2)), grid, IndexBox((0, 0, 0), (1, 1, 1)))
