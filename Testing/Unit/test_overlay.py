"""The overlay picture: the right way up, at true proportions, with mask and clicks where they belong."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from LightSegLib.errors import CapabilityError, ImageFileError, VolumeError
from LightSegLib.evaluation.overlay import write_overlay
from LightSegLib.evaluation.planes import anatomical_planes
from LightSegLib.geometry import Volume
from LightSegLib.prompts import Point

SHAPE = (10, 20, 30)
# Standing patient, i to the right, j to the front, k to the head
RAS = np.diag([1.0, 1.0, 3.0, 1.0])


def marked(affine, ras_mm):
    """A volume with one bright voxel at a position in mm, and the voxel's index."""
    volume = Volume(np.zeros(SHAPE, dtype=np.int16), affine)
    i, j, k = volume.ras_to_voxel(ras_mm)
    array = np.zeros(SHAPE, dtype=np.int16)
    array[k, j, i] = 100
    return Volume(array, affine), (i, j, k)


def affines():
    """RAS, LPS as most files come, and a sagittal scan: i to the front, j to the feet, k to the left."""
    lps = np.array([[-1, 0, 0, 29], [0, -1, 0, 19], [0, 0, 3, 0], [0, 0, 0, 1]], dtype=float)
    sagittal = np.array([[0, 0, -2, 24], [1, 0, 0, 0], [0, -1, 0, 19], [0, 0, 0, 1]], dtype=float)
    tilt = np.deg2rad(10)
    oblique = np.eye(4)
    oblique[:3, :3] = [[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]]
    return {"ras": RAS, "lps": lps, "sagittal": sagittal, "oblique": oblique}


@pytest.mark.parametrize("name", affines())
def test_right_is_left_front_is_up_or_left_and_the_head_is_up(name):
    affine = affines()[name]
    volume = Volume(np.zeros(SHAPE, dtype=np.int16), affine)
    middle = volume.index_to_ras((15, 10, 5))
    start = volume.ras_to_voxel(middle)
    expected = {  # how (column, row) moves on a step to the right, the front, the head
        "axial": ((-1, 0), (0, -1), (0, 0)),
        "coronal": ((-1, 0), (0, 0), (0, -1)),
        "sagittal": ((0, 0), (-1, 0), (0, -1)),
    }
    for plane in anatomical_planes(affine):
        for axis in range(3):
            moved = volume.ras_to_voxel(middle + 7.0 * np.eye(3)[axis])
            steps = np.subtract(plane.place(moved, volume.shape_ijk), plane.place(start, volume.shape_ijk))
            # a step of 7 mm is two voxels at least; what a tilt of 10 degrees adds sideways is one at most
            assert tuple(np.sign(steps) * (np.abs(steps) > 1)) == expected[plane.name][axis], (
                plane.name,
                axis,
            )


@pytest.mark.parametrize("name", affines())
def test_a_plane_shows_a_voxel_where_a_click_on_it_is_drawn(name):
    affine = affines()[name]
    volume, voxel = marked(affine, Volume(np.zeros(SHAPE), affine).index_to_ras((22, 4, 7)))
    for plane in anatomical_planes(affine):
        picture = plane.cut(volume.array, voxel[plane.normal])
        column, row = plane.place(voxel, volume.shape_ijk)
        assert picture[row, column] == 100


@pytest.fixture
def pixels(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

    def read(volume, mask, clicks, **options):
        path = write_overlay(volume, mask, clicks, tmp_path / "new" / "overlay.png", **options)
        with image.open(path) as picture:
            assert picture.format == "PNG"
            return np.asarray(picture.convert("RGB")).astype(int)

    return read


def block():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[3:8, 5:15, 8:20] = True
    return Volume(mask.astype(np.int16) * 100, RAS), mask


def greenish(picture):
    return (picture[..., 1] > 200) & (picture[..., 0] < 80) & (picture[..., 2] < 180)


def reddish(picture):
    return (picture[..., 0] > 200) & (picture[..., 1] < 90) & (picture[..., 2] < 90)


def test_positive_clicks_are_green_and_negative_ones_red(pixels):
    volume, mask = block()
    plain = pixels(volume, mask, [])
    assert not greenish(plain).any()
    assert not reddish(plain).any()
    clicked = pixels(volume, mask, [Point((14, 10, 5)), Point((25, 10, 5), positive=False)])
    assert greenish(clicked).any()
    assert reddish(clicked).any()


def test_a_click_far_from_the_plane_is_faint(pixels):
    volume, mask = block()
    clicked = pixels(volume, mask, [Point((14, 10, 5)), Point((25, 2, 9), positive=False)])
    assert greenish(clicked).any()
    assert not reddish(clicked).any()


def test_the_outline_is_drawn_in_all_three_planes(pixels):
    volume, mask = block()
    amber = (pixels(volume, mask, []) == (255, 176, 0)).all(axis=-1)
    columns = np.flatnonzero(amber.any(axis=0))
    assert len(np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)) == 3


def test_voxels_keep_their_proportions(pixels):
    volume, mask = block()
    amber = (pixels(volume, mask, []) == (255, 176, 0)).all(axis=-1)
    columns = np.flatnonzero(amber.any(axis=0))
    _, coronal, _ = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    rows = np.flatnonzero(amber[:, coronal].any(axis=1))
    # the block is 12 voxels of 1 mm wide and 5 of 3 mm high
    assert np.ptp(rows) / np.ptp(coronal) == pytest.approx(15 / 12, rel=0.03)


def test_the_truth_is_drawn_beside_the_mask(pixels):
    volume, mask = block()
    blue = (64, 196, 255)
    assert not (pixels(volume, mask, []) == blue).all(axis=-1).any()
    picture = pixels(volume, mask, [], truth=np.roll(mask, 3, axis=2), title="Mask and truth")
    assert (picture == blue).all(axis=-1).any()


def test_an_empty_mask_still_makes_a_picture(pixels):
    volume, mask = block()
    assert pixels(volume, np.zeros_like(mask), []).max() > 200


def test_values_that_are_no_numbers_are_shown_as_black(pixels):
    array = block()[0].array.astype(np.float32)
    array[0] = np.nan
    assert pixels(Volume(array, RAS), block()[1], []).shape[2] == 3


def test_of_several_channels_the_first_is_shown(pixels):
    volume, mask = block()
    both = Volume(np.stack([volume.array, np.zeros_like(volume.array)]), RAS)
    np.testing.assert_array_equal(pixels(both, mask, []), pixels(volume, mask, []))


def test_a_mask_of_another_shape_is_refused(tmp_path):
    volume, mask = block()
    with pytest.raises(VolumeError, match="truth"):
        write_overlay(volume, mask, [], tmp_path / "overlay.png", truth=mask[1:])


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ImageFileError, match=r"overlay\.png"):
        write_overlay(*block(), [], tmp_path / "file" / "overlay.png")


def test_without_pillow_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(CapabilityError, match="pip install pillow"):
        write_overlay(*block(), [], tmp_path / "overlay.png")
