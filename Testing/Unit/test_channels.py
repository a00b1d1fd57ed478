"""Several images become the channels of one volume: on one grid, in place, missing ones included."""

from __future__ import annotations

import numpy as np
import pytest

from LightSegLib.channels import stack_channels
from LightSegLib.errors import GeometryError, VolumeError
from LightSegLib.geometry import Volume


def affine(spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0), turn: float = 0.0) -> np.ndarray:
    """IJK to RAS, turned about the third axis."""
    c, s = np.cos(turn), np.sin(turn)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) * spacing
    matrix[:3, 3] = origin
    return matrix


def ramp(shape_ijk, matrix, dtype=np.float32) -> Volume:
    """Grey values that are a linear function of the position in RAS."""
    k, j, i = np.indices(shape_ijk[::-1])
    ras = np.stack([i, j, k], -1) @ matrix[:3, :3].T + matrix[:3, 3]
    return Volume((ras @ [3.0, 5.0, 7.0]).astype(dtype), matrix)


CT = ramp((20, 24, 16), affine((2.0, 2.0, 3.0), (-20, -24, 5)))


def test_one_image_stays_the_very_same() -> None:
    assert stack_channels([CT]) is CT


def test_images_on_one_grid_are_stacked_as_they_are() -> None:
    both = stack_channels([CT, Volume(CT.array * 2, CT.ijk_to_ras)])
    assert both.array.shape == (2, 16, 24, 20)
    np.testing.assert_array_equal(both.channel(0), CT.array)
    np.testing.assert_array_equal(both.channel(1), CT.array * 2)
    np.testing.assert_array_equal(both.ijk_to_ras, CT.ijk_to_ras)


@pytest.mark.parametrize("turn", [0.0, 0.3])
@pytest.mark.parametrize("spacing", [(4.0, 4.0, 4.0), (2.5, 3.0, 1.9), (0.5, 0.6, 0.7)])
def test_another_grid_is_resampled_by_its_affine(turn: float, spacing: tuple[float, float, float]) -> None:
    shape = tuple(int(120 / mm) for mm in spacing)
    other = ramp(shape, affine(spacing, (-40 + 60 * np.sin(turn), -60, -20), turn))
    both = stack_channels([CT, other])
    assert np.abs(both.channel(1) - CT.array).max() < 0.05
    np.testing.assert_array_equal(both.channel(0), CT.array)


def test_a_finer_image_is_averaged_and_not_picked() -> None:
    noise = np.random.default_rng(0).normal(size=(96, 96, 96)).astype(np.float32)
    frame = Volume(np.zeros((12, 12, 12), np.float32), affine((4.0, 4.0, 4.0)))
    fine = Volume(noise, affine((0.5, 0.5, 0.5)))
    assert stack_channels([frame, fine]).channel(1).std() < 0.2


def test_whole_numbers_stay_whole_and_share_a_type_that_holds_both() -> None:
    pet = Volume(np.full((8, 8, 8), 40_000, np.uint16), affine((6.0, 6.0, 6.0), (-20, -24, 5)))
    both = stack_channels([Volume(np.full((8, 8, 8), -1000, np.int16), pet.ijk_to_ras), pet])
    assert both.array.dtype == np.int32
    assert (both.channel(0) == -1000).all()
    assert (both.channel(1) == 40_000).all()


def test_beyond_its_field_of_view_an_image_goes_on_with_its_lowest_value() -> None:
    bright = Volume(np.full((8, 8, 8), 9, np.int16) + (np.indices((8, 8, 8))[0] == 0) * -4, affine())
    wide = Volume(np.zeros((8, 8, 16), np.int16), affine())
    assert (stack_channels([wide, bright]).channel(1)[:, :, 9:] == 5).all()


@pytest.mark.parametrize(("given", "missing"), [([CT, None], 1), ([None, CT], 0)])
def test_a_missing_image_gives_an_empty_channel(given: list[Volume | None], missing: int) -> None:
    both = stack_channels(given)
    assert both.channels == 2
    assert not both.channel(missing).any()
    np.testing.assert_array_equal(both.channel(1 - missing), CT.array)


def test_channels_of_a_volume_are_kept() -> None:
    pair = Volume(np.stack([CT.array, CT.array + 1]), CT.ijk_to_ras)
    assert stack_channels([CT, pair]).channels == 3


def test_images_of_different_places_are_refused() -> None:
    with pytest.raises(GeometryError, match=r"Image 2 lies elsewhere.*0 %.*same patient"):
        stack_channels([CT, ramp((20, 20, 20), affine(origin=(300, 0, 0)))])


@pytest.mark.parametrize("nothing", [[], [None, None]])
def test_nothing_at_all_is_refused(nothing: list[Volume | None]) -> None:
    with pytest.raises(VolumeError, match="no image to stack"):
        stack_channels(nothing)
