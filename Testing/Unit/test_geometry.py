"""Volumes: which ones are refused, and that positions survive every change of frame."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LightSegLib.errors import GeometryError, VolumeError
from LightSegLib.geometry import Volume, round_half_up

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=60)

ARRAY = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
MM = st.floats(-500, 500)
ANGLE = st.floats(-np.pi, np.pi)


def rotation(a: float, b: float, c: float) -> np.ndarray:
    """A rotation by Euler angles."""
    (ca, cb, cc), (sa, sb, sc) = np.cos([a, b, c]), np.sin([a, b, c])
    x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    z = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    return x @ y @ z


@st.composite
def affines(draw) -> np.ndarray:
    """Oblique, flipped, permuted and anisotropic affines, as scanners write them."""
    matrix = np.eye(4)
    axes = rotation(draw(ANGLE), draw(ANGLE), draw(ANGLE))[:, draw(st.permutations(range(3)))]
    flips = draw(st.tuples(*[st.sampled_from([-1, 1])] * 3))
    spacing = draw(st.tuples(*[st.floats(0.1, 10)] * 3))
    matrix[:3, :3] = axes * flips * spacing
    matrix[:3, 3] = draw(st.tuples(MM, MM, MM))
    return matrix


@REPEATABLE
@given(affines(), st.lists(st.tuples(*[st.floats(-10, 600)] * 3), min_size=1, max_size=5))
def test_an_index_comes_back_from_ras_as_it_was(affine, points):
    volume = Volume(ARRAY, affine)
    back = volume.ras_to_index(volume.index_to_ras(points))
    np.testing.assert_allclose(back, points, rtol=0, atol=1e-6)


@REPEATABLE
@given(affines(), st.tuples(*[st.integers(-3, 600)] * 3))
def test_the_ras_position_of_a_voxel_centre_finds_that_voxel(affine, voxel):
    volume = Volume(ARRAY, affine)
    assert volume.ras_to_voxel(volume.index_to_ras(voxel)) == voxel


@REPEATABLE
@given(affines())
def test_an_affine_in_single_precision_is_accepted(affine):
    volume = Volume(ARRAY, affine.astype(np.float32))
    np.testing.assert_allclose(volume.ijk_to_ras, affine, rtol=1e-5, atol=1e-4)


@REPEATABLE
@given(affines())
def test_spacing_is_the_distance_of_neighbours_whatever_the_direction(affine):
    volume = Volume(ARRAY, affine)
    corner, *neighbours = volume.index_to_ras([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
    np.testing.assert_allclose(volume.spacing_ijk, np.linalg.norm(neighbours - corner, axis=1), rtol=1e-9)


def test_ijk_order_is_the_reverse_of_array_order():
    volume = Volume(ARRAY, np.diag([1, 2, 3, 1]))
    assert volume.shape_ijk == (6, 5, 4)
    assert volume.spacing_ijk == (1, 2, 3)
    assert volume.box.upper == (6, 5, 4)
    np.testing.assert_array_equal(volume.index_to_ras((1, 1, 1)), (1, 2, 3))


@pytest.mark.parametrize(
    ("index", "voxel"),
    [(0.4, 0), (0.5, 1), (1.5, 2), (2.5, 3), (2.49999, 2), (-0.5, 0), (-0.51, -1)],
)
def test_halves_round_up_and_never_to_even(index, voxel):
    volume = Volume(ARRAY, np.eye(4))
    assert volume.ras_to_voxel((index, 0, 0)) == (voxel, 0, 0)
    assert round_half_up(index) == voxel


@REPEATABLE
@given(affines(), st.tuples(*[st.integers(-3, 600)] * 3))
def test_a_half_is_still_a_half_after_the_way_through_ras(affine, voxel):
    volume = Volume(ARRAY, affine)
    border = np.add(voxel, 0.5)
    assert volume.ras_to_voxel(volume.index_to_ras(border)) == tuple(i + 1 for i in voxel)


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int16", ">i2", "uint16", "int32", "float32", ">f4", "float64"]
)
def test_the_dtype_is_kept_and_nothing_is_copied(dtype):
    array = ARRAY.astype(dtype)
    volume = Volume(array, np.eye(4))
    assert volume.array.dtype == np.dtype(dtype)
    assert np.shares_memory(volume.array, array)
    volume.require_usable_intensities()


def test_a_volume_cannot_be_written_to_but_its_source_can():
    array = ARRAY.copy()
    volume = Volume(array, np.eye(4))
    for target in (volume.array, volume.channel(0), volume.ijk_to_ras, volume.ras_to_ijk):
        with pytest.raises(ValueError, match="read-only"):
            target[...] = 0
    array[0, 0, 0] = 7


def test_changing_the_affine_that_was_passed_in_changes_nothing():
    affine = np.eye(4)
    volume = Volume(ARRAY, affine)
    affine[0, 3] = 99
    assert volume.ijk_to_ras[0, 3] == 0


def test_non_contiguous_arrays_are_accepted():
    volume = Volume(ARRAY.transpose(2, 0, 1)[::-1, ::2], np.eye(4))
    assert volume.shape_ijk == (5, 2, 6)


def test_channels_come_first_and_are_views():
    array = np.stack([ARRAY, -ARRAY])
    volume = Volume(array, np.eye(4))
    assert (volume.channels, volume.shape_ijk) == (2, (6, 5, 4))
    assert np.shares_memory(volume.channel(1), array)
    np.testing.assert_array_equal(volume.channel(1), -ARRAY)
    assert Volume(ARRAY, np.eye(4)).channels == 1


@pytest.mark.parametrize("c", [-1, 2])
def test_a_channel_that_does_not_exist_is_refused(c):
    with pytest.raises(VolumeError, match="has 2"):
        Volume(np.stack([ARRAY, ARRAY]), np.eye(4)).channel(c)


SHEARED = np.eye(4)
SHEARED[0, 1] = 0.01
PROJECTIVE = np.eye(4)
PROJECTIVE[3, 0] = 0.1
FLAT = np.eye(4)
FLAT[:3, 1] = FLAT[:3, 0]


@pytest.mark.parametrize(
    ("affine", "reason"),
    [
        (np.eye(3), "4x4"),
        (np.full((4, 4), np.nan), "NaN"),
        (np.diag([np.inf, 1, 1, 1]), "infinity"),
        (np.diag([1, 0, 1, 1]), "singular"),
        (FLAT, "singular"),
        (SHEARED, "sheared"),
        (PROJECTIVE, "last row"),
        ([["a"]], "numbers"),
    ],
)
def test_an_affine_without_meaning_is_refused(affine, reason):
    with pytest.raises(GeometryError, match=reason):
        Volume(ARRAY, affine)


@REPEATABLE
@given(affines())
def test_shear_is_refused_in_any_orientation(affine):
    shear = np.eye(4)
    shear[0, 1] = 0.02 * np.linalg.norm(affine[:, 1]) / np.linalg.norm(affine[:, 0])
    with pytest.raises(GeometryError, match="sheared"):
        Volume(ARRAY, affine @ shear)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((5, 6)), "2 axes"),
        (np.zeros((2, 2, 4, 5, 6)), "5 axes"),
        (np.zeros((0, 5, 6)), "empty"),
        (np.zeros((0, 4, 5, 6)), "empty"),
        (np.zeros((4, 5, 6), complex), "complex"),
        (np.zeros((4, 5, 6), object), "object"),
        (np.zeros((4, 5, 6), "datetime64[s]"), "datetime"),
        (np.zeros((1, 5, 6)), "one voxel thin: 6 x 5 x 1"),
        (np.zeros((4, 5, 1)), "one voxel thin: 1 x 5 x 4"),
    ],
)
def test_an_array_that_is_no_volume_is_refused(array, reason):
    with pytest.raises(VolumeError, match=reason):
        Volume(array, np.eye(4))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_single_voxel_that_is_not_finite_makes_intensities_unusable(value):
    array = ARRAY.astype(np.float32)
    array[3, 4, 5] = value
    with pytest.raises(VolumeError, match=r"Slice 3.*not finite"):
        Volume(array, np.eye(4)).require_usable_intensities()


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.float32])
def test_a_constant_image_is_unusable(dtype):
    with pytest.raises(VolumeError, match="no contrast"):
        Volume(np.ones((4, 5, 6), dtype), np.eye(4)).require_usable_intensities()


def test_slices_that_are_constant_but_differ_are_usable():
    array = np.broadcast_to(np.arange(4.0)[:, None, None], (4, 5, 6))
    Volume(array, np.eye(4)).require_usable_intensities()


def test_one_channel_with_contrast_is_enough():
    Volume(np.stack([np.zeros_like(ARRAY), ARRAY]), np.eye(4)).require_usable_intensities()


@pytest.mark.parametrize("point", [(np.nan, 0, 0), (np.inf, 0, 0), (1, 2), (1e300, 0, 0), "abc"])
def test_a_position_without_a_voxel_is_refused(point):
    with pytest.raises(GeometryError):
        Volume(ARRAY, np.eye(4)).ras_to_voxel(point)


def test_a_volume_describes_itself():
    text = repr(Volume(ARRAY, np.diag([0.5, 1, 3, 1])))
    assert "(6, 5, 4)" in text
    assert "(0.5, 1, 3) mm" in text
    assert "int16" in text


def test_the_geometry_layer_needs_numpy_only():
    code = (
        "import sys, LightSegLib.geometry, LightSegLib.prompts, LightSegLib.image_files\n"
        "heavy = {'torch', 'SimpleITK', 'scipy', 'monai', 'rich'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
