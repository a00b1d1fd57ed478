"""Grey value ranges are robust, cost little, and images without contrast are refused."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LightSegLib.errors import VolumeError
from LightSegLib.geometry import Volume
from LightSegLib.intensities import prepare, robust_range, strides, subsample

SHAPE = (20, 30, 40)


def noise(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).normal(100.0, 20.0, shape)


def prepared(array):
    return prepare(Volume(array, np.eye(4)))


def test_normal_values_lie_between_minus_one_and_one():
    image = prepared(noise().astype(np.float32))
    values = image.normalise(image.volume.array)
    assert values.dtype == np.float32
    assert values.shape == SHAPE
    assert values.min() == -1.0
    assert values.max() == 1.0


def test_low_becomes_minus_one_and_high_becomes_one():
    image = prepared(noise().astype(np.float32))
    values = image.normalise(np.array([image.low[0], image.high[0], (image.low[0] + image.high[0]) / 2]))
    np.testing.assert_allclose(values, [-1.0, 1.0, 0.0], atol=1e-6)


def test_normalising_leaves_the_crop_as_it_was():
    crop = noise().astype(np.float32)
    before = crop.copy()
    prepared(crop).normalise(crop)
    np.testing.assert_array_equal(crop, before)


def test_a_few_metal_voxels_do_not_stretch_the_range():
    array = noise().astype(np.float32)
    array[0, 0, :20] = 30000.0
    assert prepared(array).high[0] < 200.0


def test_padding_of_most_voxels_does_not_collapse_the_range():
    array = np.full(SHAPE, -1024, dtype=np.int16)
    array[8:12] = noise(shape=(4, 30, 40)).astype(np.int16)
    image = prepared(array)
    assert image.low[0] == -1024
    assert 100 < image.high[0] < 200


def test_padding_of_nearly_all_voxels_leaves_contrast_inside_the_rest():
    array = np.zeros((40, 40, 40), dtype=np.uint8)
    rest = np.random.default_rng(1).integers(100, 200, (8, 8, 8))
    array[16:24, 16:24, 16:24] = rest
    low, high = robust_range(array)
    assert low == 0
    assert high > 190


def test_where_the_percentiles_coincide_the_extremes_count():
    array = np.zeros(SHAPE, dtype=np.int16)
    array[10, 10, 10] = 50
    assert robust_range(array) == (0.0, 50.0)


def test_contrast_that_the_subsample_misses_is_still_found():
    array = np.zeros((80, 80, 80), dtype=np.uint8)
    array[41, 41, 41] = 9
    assert not subsample(array).any()
    assert robust_range(array) == (0.0, 9.0)


def test_a_flat_channel_beside_others_becomes_minus_one():
    array = np.stack([noise(), np.full(SHAPE, 7.0)])
    image = prepared(array)
    assert len(image.low) == 2
    assert (image.normalise(array[1], channel=1) == -1.0).all()


def test_each_channel_has_its_own_range():
    array = np.stack([noise(), 10.0 * noise(1)])
    image = prepared(array)
    assert image.high[1] > 5 * image.high[0]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_any_real_data_type_works(dtype):
    array = (np.arange(math.prod(SHAPE)) % 97).reshape(SHAPE).astype(dtype)
    values = prepared(array).normalise(array)
    assert values.min() == -1.0
    assert values.max() == 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_single_voxel_that_is_not_finite_is_refused(bad):
    array = noise().astype(np.float32)
    array[13, 17, 19] = bad
    with pytest.raises(VolumeError) as caught:
        prepared(array)
    assert caught.value.next_step


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_constant_image_is_refused(dtype):
    with pytest.raises(VolumeError, match="value 3"):
        prepared(np.full(SHAPE, 3, dtype=dtype))


def test_the_image_is_not_copied_to_float():
    array = (np.arange(200**3) % 1000).astype(np.int16).reshape(200, 200, 200)
    volume = Volume(array, np.eye(4))
    tracemalloc.start()
    try:
        prepare(volume)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < array.nbytes


@given(
    shape=st.lists(st.integers(1, 400), min_size=3, max_size=3).map(tuple),
    limit=st.integers(1, 100_000),
)
def test_strides_keep_at_most_the_limit_and_do_not_waste_it(shape, limit):
    steps = strides(shape, limit)
    kept = math.prod(-(-length // step) for length, step in zip(shape, steps, strict=True))
    assert kept <= limit
    assert all(1 <= step <= length for step, length in zip(steps, shape, strict=True))
    if math.prod(shape) <= limit:
        assert steps == (1, 1, 1)
