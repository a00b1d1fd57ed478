"""Image files: what is written comes back in the same place; what is broken says so."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from dicom_cases import ARRAY, write_dicom

sitk = pytest.importorskip("SimpleITK")

from LightSegLib.errors import GeometryError, ImageFileError, VolumeError  # noqa: E402
from LightSegLib.geometry import Volume  # noqa: E402
from LightSegLib.image_files import write_mask  # noqa: E402

FORMATS = [".nii.gz", ".nii", ".nrrd", ".mha"]


def oblique(flip: int = 1) -> np.ndarray:
    """An oblique, anisotropic affine; left-handed when flipped."""
    a, b = 0.3, -0.5
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ tilt * (0.5, 0.75, 3 * flip)
    affine[:3, 3] = (12, -34, 56)
    return affine


@pytest.mark.parametrize("flip", [1, -1])
@pytest.mark.parametrize("ending", FORMATS)
def test_a_volume_comes_back_in_the_same_place(tmp_path, ending, flip):
    volume = Volume(ARRAY, oblique(flip))
    volume.write(tmp_path / f"image{ending}")
    back = Volume.read(tmp_path / f"image{ending}")
    np.testing.assert_array_equal(back.array, ARRAY)
    assert back.array.dtype == ARRAY.dtype
    np.testing.assert_allclose(back.ijk_to_ras, volume.ijk_to_ras, rtol=0, atol=1e-5)


def test_simpleitk_agrees_on_where_a_voxel_is(tmp_path):
    path = tmp_path / "image.nrrd"
    volume = Volume(ARRAY, oblique())
    volume.write(path)
    left, posterior, superior = sitk.ReadImage(str(path)).TransformIndexToPhysicalPoint((3, 4, 5))
    np.testing.assert_allclose(volume.index_to_ras((3, 4, 5)), (-left, -posterior, superior), atol=1e-9)


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", ">i2", "uint16", "int32", "float16", "float32", ">f4", "float64"]
)
def test_every_voxel_type_can_be_written(tmp_path, dtype):
    array = (ARRAY > 0).astype(dtype)
    Volume(array[:, ::-1], np.eye(4)).write(tmp_path / "image.nrrd")
    np.testing.assert_array_equal(Volume.read(tmp_path / "image.nrrd").array, array[:, ::-1])


@pytest.mark.parametrize("ending", FORMATS)
def test_channels_come_back_first(tmp_path, ending):
    array = np.stack([ARRAY, -ARRAY, ARRAY // 2])
    Volume(array, oblique()).write(tmp_path / f"image{ending}")
    back = Volume.read(tmp_path / f"image{ending}")
    assert back.channels == 3
    np.testing.assert_array_equal(back.array, array)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_mask_is_written_small_on_the_grid_of_its_volume(tmp_path, ending):
    path = tmp_path / f"mask{ending}"
    volume = Volume(np.zeros((40, 50, 60), np.float32), oblique())
    mask = np.zeros((40, 50, 60), bool)
    mask[10:20, 20:30, 30:40] = True
    write_mask(mask, volume, path)
    back = Volume.read(path)
    assert back.array.dtype == np.uint8
    np.testing.assert_array_equal(back.array, mask)
    np.testing.assert_allclose(back.ijk_to_ras, volume.ijk_to_ras, rtol=0, atol=1e-5)
    assert ending == ".nii" or path.stat().st_size < mask.size / 10


def test_labels_up_to_255_are_kept(tmp_path):
    labels = np.zeros((7, 8, 9), np.int32)
    labels[1] = 255
    write_mask(labels, Volume(ARRAY, np.eye(4)), tmp_path / "labels.mha")
    np.testing.assert_array_equal(Volume.read(tmp_path / "labels.mha").array, labels)


@pytest.mark.parametrize(
    ("mask", "error"),
    [
        (np.zeros((9, 8, 7), bool), GeometryError),
        (np.zeros((7, 8, 9)), VolumeError),
        (np.full((7, 8, 9), 256), VolumeError),
        (np.full((7, 8, 9), -1, np.int8), VolumeError),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(tmp_path, mask, error):
    with pytest.raises(error):
        write_mask(mask, Volume(ARRAY, np.eye(4)), tmp_path / "mask.nrrd")
    assert not list(tmp_path.iterdir())


def test_writing_replaces_a_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "image.nii.gz"
    path.write_text("old")
    Volume(ARRAY, np.eye(4)).write(path)
    assert list(tmp_path.iterdir()) == [path]
    np.testing.assert_array_equal(Volume.read(str(path)).array, ARRAY)


@pytest.mark.parametrize(
    ("name", "reason"), [("image.jpg", "Choose one of"), ("no/image.nrrd", "does not exist")]
)
def test_a_name_that_cannot_be_written_says_what_can(tmp_path, name, reason):
    with pytest.raises(ImageFileError, match=reason):
        Volume(ARRAY, np.eye(4)).write(tmp_path / name)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(ImageFileError, match="does not exist"):
        Volume.read(tmp_path / "none.nii.gz")


@pytest.mark.parametrize("ending", FORMATS)
def test_an_empty_file_says_so(tmp_path, ending):
    path = tmp_path / f"image{ending}"
    path.touch()
    with pytest.raises(ImageFileError, match="is empty"):
        Volume.read(path)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_of_something_else_says_so(tmp_path, ending):
    path = tmp_path / f"image{ending}"
    path.write_bytes(b"<html>not found</html>" * 50)
    with pytest.raises(ImageFileError, match="cannot be read"):
        Volume.read(path)


@pytest.mark.parametrize("part", [0.4, 0.9, 0.99])
@pytest.mark.parametrize("ending", FORMATS)
def test_a_truncated_file_is_never_read_as_if_it_were_whole(tmp_path, ending, part):
    path = tmp_path / f"image{ending}"
    Volume(ARRAY, oblique()).write(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(ImageFileError) as caught:
        Volume.read(path)
    assert str(path) in caught.value.what
    assert caught.value.why
    assert caught.value.next_step


def test_a_file_truncated_before_it_was_compressed_is_noticed(tmp_path):
    path = tmp_path / "image.nii.gz"
    Volume(ARRAY, oblique()).write(path)
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:-100]))
    with pytest.raises(ImageFileError, match="100 bytes"):
        Volume.read(path)


def test_a_file_compressed_in_several_pieces_is_whole(tmp_path):
    path = tmp_path / "image.nii.gz"
    Volume(ARRAY, oblique()).write(path)
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:500]) + gzip.compress(content[500:]))
    np.testing.assert_array_equal(Volume.read(path).array, ARRAY)


def test_warnings_of_the_reader_stay_off_the_terminal(tmp_path, capfd):
    path = tmp_path / "image.nii"
    Volume(ARRAY, np.eye(4)).write(path)
    content = bytearray(path.read_bytes())
    struct.pack_into("<f", content, 284, 0.2)  # shear in the sform, against a straight qform
    path.write_bytes(content)
    Volume.read(path)
    assert capfd.readouterr() == ("", "")


def test_a_sheared_header_is_refused_by_name(tmp_path):
    path = tmp_path / "image.nii"
    Volume(ARRAY, np.eye(4)).write(path)
    content = bytearray(path.read_bytes())
    struct.pack_into("<hh", content, 252, 0, 1)  # no qform to fall back on
    struct.pack_into("<f", content, 284, 0.2)
    path.write_bytes(content)
    with pytest.raises(GeometryError, match="sheared"):
        Volume.read(path)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_time_series_is_refused_and_a_single_frame_is_read(tmp_path, ending):
    path = str(tmp_path / f"image{ending}")
    sitk.WriteImage(sitk.GetImageFromArray(np.stack([ARRAY, ARRAY]), isVector=False), path)
    with pytest.raises(VolumeError, match="2 frames"):
        Volume.read(path)
    sitk.WriteImage(sitk.GetImageFromArray(ARRAY[None], isVector=False), path)
    np.testing.assert_array_equal(Volume.read(path).array, ARRAY)


def test_a_flat_picture_is_refused(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((8, 8), np.uint8)), str(tmp_path / "image.png"))
    with pytest.raises(VolumeError, match="2 axes"):
        Volume.read(tmp_path / "image.png")


def test_a_dicom_folder_is_read_as_one_volume(tmp_path):
    write_dicom(tmp_path / "ct")
    volume = Volume.read(tmp_path / "ct")
    np.testing.assert_array_equal(volume.array, ARRAY[:6])
    np.testing.assert_allclose(volume.spacing_ijk, (0.5, 0.75, 2), atol=1e-6)
    np.testing.assert_allclose(volume.index_to_ras((1, 2, 3)), (-10.5, -21.5, 36), atol=1e-6)


def test_a_folder_with_several_series_names_them_and_how_to_choose(tmp_path):
    write_dicom(tmp_path)
    write_dicom(tmp_path, "1.2.3.2", "Coronal", slices=4)
    with pytest.raises(ImageFileError) as caught:
        Volume.read(tmp_path)
    text = str(caught.value)
    assert '"Axial" (6 files), UID 1.2.3.1' in text
    assert '"Coronal" (4 files), UID 1.2.3.2' in text
    assert "series=" in text
    assert Volume.read(tmp_path, series="1.2.3.2").shape_ijk == (9, 8, 4)
    assert Volume.read(tmp_path, series="Axial").shape_ijk == (9, 8, 6)
    with pytest.raises(ImageFileError, match='no DICOM series "Sagittal"'):
        Volume.read(tmp_path, series="Sagittal")


def test_a_description_that_two_series_share_does_not_choose(tmp_path):
    write_dicom(tmp_path)
    write_dicom(tmp_path, "1.2.3.2")
    with pytest.raises(ImageFileError, match='2 DICOM series called "Axial"'):
        Volume.read(tmp_path, series="Axial")


def test_a_missing_slice_is_noticed(tmp_path):
    write_dicom(tmp_path)[3].unlink()
    with pytest.raises(ImageFileError, match=r"2.00 mm apart, but some 4.00 mm"):
        Volume.read(tmp_path)


def test_a_truncated_slice_is_noticed(tmp_path):
    damaged = write_dicom(tmp_path)[2]
    damaged.write_bytes(damaged.read_bytes()[:200])
    with pytest.raises(ImageFileError, match="not evenly spaced"):
        Volume.read(tmp_path)


def test_a_tilted_gantry_is_refused(tmp_path):
    write_dicom(tmp_path, drift=0.5)
    with pytest.raises(GeometryError, match=r"drift sideways by up to 2\.5 mm"):
        Volume.read(tmp_path)


def test_a_single_slice_is_refused(tmp_path):
    write_dicom(tmp_path, slices=1)
    with pytest.raises(VolumeError, match="one voxel thin"):
        Volume.read(tmp_path)


def test_a_folder_without_dicom_files_names_its_subfolders(tmp_path):
    write_dicom(tmp_path / "ct")
    with pytest.raises(ImageFileError, match=r"no DICOM series.*subfolder.*ct"):
        Volume.read(tmp_path)


def test_an_empty_folder_says_so(tmp_path):
    with pytest.raises(ImageFileError, match="no DICOM series"):
        Volume.read(tmp_path)
