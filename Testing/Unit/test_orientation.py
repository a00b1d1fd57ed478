"""However an image is stored, upright it looks the same, and back it is what it was."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK

from LightSegLib.geometry import Volume
from LightSegLib.image_files import to_simpleitk
from LightSegLib.orientation import Turn

CODES = [
    "".join(letters)
    for axes in itertools.permutations(("RL", "AP", "SI"))
    for letters in itertools.product(*axes)
]
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def stored(code: str) -> tuple[np.ndarray, np.ndarray]:
    """An image upright to SimpleITK, stored another way: its array, and its affine to RAS."""
    image = SimpleITK.GetImageFromArray(np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6))
    image.SetSpacing((1.0, 2.0, 3.0))
    turned = SimpleITK.DICOMOrient(image, code)
    affine = np.eye(4)
    affine[:3, :3] = np.array(turned.GetDirection()).reshape(3, 3) * turned.GetSpacing()
    affine[:3, 3] = turned.GetOrigin()
    return SimpleITK.GetArrayFromImage(turned), LPS_TO_RAS @ affine


@pytest.mark.parametrize("code", CODES)
def test_all_48_ways_of_storing_are_turned_as_simpleitk_does(code: str) -> None:
    array, affine = stored(code)
    turn = Turn.upright(affine)
    volume = Volume(array, affine)
    expected = SimpleITK.GetArrayFromImage(SimpleITK.DICOMOrient(to_simpleitk(SimpleITK, volume), "LPS"))
    np.testing.assert_array_equal(turn.apply(array), expected)
    np.testing.assert_array_equal(turn.undo(turn.apply(array)), array)
    assert turn.is_needed == (code != "LPS")


def test_channels_stay_in_front() -> None:
    array, affine = stored("SAR")
    turn = Turn.upright(affine)
    both = np.stack([array, array + 1])
    np.testing.assert_array_equal(turn.apply(both)[1], turn.apply(array) + 1)
    np.testing.assert_array_equal(turn.undo(turn.apply(both)), both)


@pytest.mark.parametrize("degrees", [-40, -20, 20, 40])
def test_an_oblique_image_is_turned_to_the_nearest_axes(degrees: float) -> None:
    angle = np.radians(degrees)
    tilt = np.eye(4)
    tilt[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    _, affine = stored("RIA")
    assert Turn.upright(tilt @ affine) == Turn.upright(affine)
