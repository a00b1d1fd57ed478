"""Image files in and out: NIfTI, NRRD, MHA and DICOM folders, through SimpleITK.

Files speak LPS, the library speaks RAS; the two meet here and nowhere else. Whatever SimpleITK has to
complain about becomes an error of ours with a next step, or a line in the log, never text on the user's
terminal.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from LightSegLib.errors import GeometryError, ImageFileError, OutOfMemoryError, VolumeError
from LightSegLib.geometry import Volume
from LightSegLib.nifti_size import missing_bytes

_LOG = logging.getLogger(__name__)
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
WRITABLE = (".nii.gz", ".nii", ".nrrd", ".mha")
_READ_ADVICE = "The file may be damaged or incomplete: copy or export it again"
_WRITE_ADVICE = "Check the permissions and the space on the drive"
_READABLE = "NIfTI (.nii, .nii.gz), NRRD, MHA or MetaImage, or a folder with DICOM files"


def read_volume(path: str | os.PathLike[str], series: str | None = None) -> Volume:
    """Read an image file, or the DICOM series in a folder.

    Args:
        path: a NIfTI, NRRD, MHA or other file that SimpleITK reads, or a folder with DICOM files.
        series: for a folder with several DICOM series, the UID or the description of the one to read.

    Returns:
        the volume with the file's voxel type; images with several components per voxel become channels.

    Raises:
        ImageFileError: missing, empty, truncated, not readable; no DICOM series in the folder, several of
            them, or one with missing slices.
        VolumeError: not a single three-dimensional image: two axes, a time axis, one slice.
        GeometryError: a sheared image, for example from a tilted CT gantry.
        OutOfMemoryError: the image does not fit into memory.
    """
    source = Path(path)
    if not source.exists():
        raise ImageFileError(f"{source} does not exist", "", "Check the path and that the drive is connected")
    with _simpleitk(f"{source} cannot be read", _READ_ADVICE) as sitk:
        if source.is_dir():
            from LightSegLib.dicom_series import read_series

            image = read_series(sitk, source, series)
        else:
            _require_complete(source)
            image = sitk.ReadImage(str(source))
        return _to_volume(sitk, image, source)


def write_volume(volume: Volume, path: str | os.PathLike[str]) -> None:
    """Write a volume, compressed, in the format that the file name asks for: .nii.gz, .nii, .nrrd or .mha.

    The file appears under its name only when it is complete; an existing one is replaced.

    Raises:
        ImageFileError: unknown ending, no such folder, no permission, disk full.
    """
    target = Path(path)
    ending = next((e for e in WRITABLE if target.name.lower().endswith(e)), None)
    if ending is None:
        raise ImageFileError(
            f"{target} has no ending of a known image format", "", f"Choose one of {', '.join(WRITABLE)}"
        )
    if not target.parent.is_dir():
        raise ImageFileError(f"The folder {target.parent} does not exist", "", "Create it or choose another")
    if not os.access(target.parent, os.W_OK):
        raise ImageFileError(f"The folder {target.parent} is write-protected", "", "Choose another folder")
    # Under another name first: what breaks off half-way must not look like an image.
    partial = target.with_name(f".{uuid.uuid4().hex}{ending}")
    try:
        with _simpleitk(f"{target} cannot be written", _WRITE_ADVICE) as sitk:
            sitk.WriteImage(to_simpleitk(sitk, volume), str(partial), useCompression=True)
            partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def write_mask(mask: NDArray[Any], volume: Volume, path: str | os.PathLike[str]) -> None:
    """Write a mask on the grid of `volume` as uint8, compressed.

    Args:
        mask: (K, J, I) of the volume; boolean (written as 0 and 1), or whole-numbered labels 0 to 255.
        volume: the image the mask belongs to.
        path: file name with one of the endings that `write_volume` knows.

    Raises:
        VolumeError: the mask is not boolean or whole-numbered 0 to 255.
        GeometryError: the mask has not the shape of the volume.
        ImageFileError: see `write_volume`.
    """
    expected = volume.shape_ijk[::-1]
    if mask.shape != expected:
        raise GeometryError(f"A mask of shape {mask.shape} does not fit an image of (K, J, I) {expected}")
    whole = mask.dtype.kind in "ui" and mask.min() >= 0 and mask.max() <= 255
    if not whole and mask.dtype.kind != "b":
        raise VolumeError("The mask cannot be written", "It has to be boolean, or labels from 0 to 255")
    write_volume(Volume(mask.astype(np.uint8), volume.ijk_to_ras), path)


@contextlib.contextmanager
def _simpleitk(failure: str, advice: str) -> Iterator[Any]:
    """SimpleITK, its warnings led into the log and its exceptions turned into ours, which begin so."""
    try:
        import SimpleITK as sitk  # noqa: N813 - the customary short name
    except ImportError as error:
        cause = "SimpleITK is not installed"
        raise ImageFileError(failure, cause, "Install it: pip install SimpleITK") from error

    class Log(sitk.LoggerBase):  # type: ignore[misc, name-defined, unused-ignore]
        def DisplayText(self, text: str) -> None:  # noqa: N802 - SimpleITK's name
            _LOG.debug("%s", text.strip())

    log = Log()
    previous = log.SetAsGlobalITKLogger()
    try:
        yield sitk
    except MemoryError as error:
        raise _out_of_memory(failure) from error
    except OSError as error:
        raise ImageFileError(failure, str(error), advice) from error
    except RuntimeError as error:
        raise _translated(str(error), failure, advice) from error
    finally:
        previous.SetAsGlobalITKLogger()


def _translated(text: str, failure: str, advice: str) -> Exception:
    """Our error for what SimpleITK says."""
    if "orthonormal" in text:
        return GeometryError(
            f"{failure}: the image is sheared",
            "Its header says that the axes are not at right angles",
            "Resample it to a straight grid first, for example in 3D Slicer",
        )
    if "allocat" in text:
        return _out_of_memory(failure)
    if "Unable to determine ImageIO" in text:
        return ImageFileError(
            failure, "It is damaged or not an image of a known format", f"Readable are {_READABLE}"
        )
    # The last line is the most specific one; MetaImage adds whatever error the system met last.
    told = [line for line in text.splitlines() if line.strip() and not line.startswith("Reason:")]
    cause = re.sub(r"\(0x[0-9a-f]+\)|ITK ERROR: |sitk::ERROR: |\[nrrd\] \w+: ", "", told[-1]) if told else ""
    return ImageFileError(failure, cause, advice)


def _out_of_memory(failure: str) -> OutOfMemoryError:
    return OutOfMemoryError(failure, "It does not fit into memory", "Close other programs, or crop the image")


def _require_complete(source: Path) -> None:
    if source.stat().st_size == 0:
        raise ImageFileError(f"{source} is empty", "It has no bytes", "Copy or export it again")
    # SimpleITK fills the missing part of a NIfTI file with whatever was in memory and says nothing.
    missing = missing_bytes(source)
    if missing:
        raise ImageFileError(
            f"{source} is truncated", f"{missing} bytes of voxels are missing", "Copy or download it again"
        )


def _to_volume(sitk: Any, image: Any, source: Path) -> Volume:
    size, dimension = image.GetSize(), image.GetDimension()
    if dimension == 4 and size[3] > 1:
        raise VolumeError(
            f"{source} has a fourth axis of {size[3]} frames",
            "A sequence in time, or of different contrasts, is not a single volume",
            "Save the frame to segment as a file of its own",
        )
    if dimension not in (3, 4):
        raise VolumeError(
            f"{source} has {dimension} axes",
            "A volume has three",
            "Load the whole series instead of a single slice",
        )
    array = sitk.GetArrayFromImage(image)
    if dimension == 4:
        array = array[0]
    if image.GetNumberOfComponentsPerPixel() > 1:
        array = np.ascontiguousarray(np.moveaxis(array, -1, 0))
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)[:3, :3]
    ijk_to_lps = np.eye(4)
    ijk_to_lps[:3, :3] = direction * image.GetSpacing()[:3]
    ijk_to_lps[:3, 3] = image.GetOrigin()[:3]
    return Volume(array, _LPS_TO_RAS @ ijk_to_lps)


def lps_frame(volume: Volume) -> tuple[list[float], list[float], list[float]]:
    """The place of a volume in SimpleITK's words: origin and spacing in mm, direction row by row; in LPS."""
    ijk_to_lps = _LPS_TO_RAS @ volume.ijk_to_ras
    spacing = np.array(volume.spacing_ijk)
    direction = (ijk_to_lps[:3, :3] / spacing).ravel()
    return ijk_to_lps[:3, 3].tolist(), spacing.tolist(), direction.tolist()


def to_simpleitk(sitk: Any, volume: Volume) -> Any:
    """A volume as an image of SimpleITK, several channels as a vector per voxel."""
    array = volume.array
    if array.dtype.kind == "b":
        array = array.view(np.uint8) if array.dtype.itemsize == 1 else array.astype(np.uint8)
    elif array.dtype.kind == "f":
        array = array.astype(np.float32 if array.dtype.itemsize <= 4 else np.float64, copy=False)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    several = array.ndim == 4
    image = sitk.GetImageFromArray(np.moveaxis(array, 0, -1) if several else array, isVector=several)
    origin, spacing, direction = lps_frame(volume)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction)
    return image
