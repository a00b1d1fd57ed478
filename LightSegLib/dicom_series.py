"""One DICOM series out of a folder, with the checks that keep a wrong geometry from looking right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from LightSegLib.errors import GeometryError, ImageFileError

_DESCRIPTION, _POSITION = "0008|103e", "0020|0032"
_UNEVEN = 0.1  # part of the slice distance by which a gap may differ from it


def read_series(sitk: Any, folder: Path, series: str | None) -> Any:
    """Read the DICOM series in `folder` as a SimpleITK image.

    Args:
        sitk: the SimpleITK module.
        folder: the folder with the files of the series, not searched for subfolders.
        series: UID or description of the series; needed when the folder holds several.

    Raises:
        ImageFileError: no series, several of them, no such series, or slices that are missing or doubled.
        GeometryError: the slices are shifted against each other (tilted gantry).
    """
    uids = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not uids:
        inner = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
        hint = f"Choose the subfolder that holds the series: {', '.join(inner[:5])}" if inner else ""
        raise ImageFileError(
            f"{folder} holds no DICOM series",
            "None of the files directly in it is a DICOM image",
            hint or "Choose the folder with the DICOM files, or a single image file",
        )
    uid = _chosen(sitk, folder, uids, series)
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    reader.MetaDataDictionaryArrayUpdateOn()
    image = reader.Execute()
    positions = _positions(reader, len(names))
    if positions is not None and len(names) > 1:
        _check_stack(positions, image, folder)
    return image


def _chosen(sitk: Any, folder: Path, uids: Sequence[str], series: str | None) -> str:
    if series in uids:
        return str(series)
    if series is None and len(uids) == 1:
        return uids[0]
    described = {uid: _described(sitk, folder, uid) for uid in uids}
    matching = [uid for uid in uids if series is not None and described[uid][0] == series.strip()]
    if len(matching) == 1:
        return matching[0]
    if series is None:
        what = f"{folder} holds {len(uids)} DICOM series"
    elif matching:
        what = f'{folder} holds {len(matching)} DICOM series called "{series}"'
    else:
        what = f'{folder} holds no DICOM series "{series}"'
    listed = "; ".join(
        f'"{text or "no description"}" ({count} files), UID {uid}' for uid, (text, count) in described.items()
    )
    raise ImageFileError(what, f"It holds {listed}", "Choose one by its UID or description: series=...")


def _described(sitk: Any, folder: Path, uid: str) -> tuple[str, int]:
    """Description and number of files of a series."""
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)
    return _tag(sitk, names[0], _DESCRIPTION), len(names)


def _tag(sitk: Any, name: str, tag: str) -> str:
    reader = sitk.ImageFileReader()
    reader.SetFileName(name)
    reader.ReadImageInformation()
    return str(reader.GetMetaData(tag)).strip() if reader.HasMetaDataKey(tag) else ""


def _positions(reader: Any, slices: int) -> NDArray[np.float64] | None:
    """The first pixel of each slice in mm (LPS), (slices, 3); None when a slice does not tell."""
    if not all(reader.HasMetaDataKey(n, _POSITION) for n in range(slices)):
        return None
    told = [reader.GetMetaData(n, _POSITION).split("\\") for n in range(slices)]
    try:
        return np.array([(float(x), float(y), float(z)) for x, y, z in told])
    except ValueError:
        return None


def _check_stack(positions: NDArray[np.float64], image: Any, folder: Path) -> None:
    """Refuse a stack that SimpleITK straightens without a word: uneven, or drifting sideways.

    Args:
        positions: (slices, 3), the first pixel of each slice in mm, in the order of the slices.
        image: what SimpleITK made of them.
        folder: for the message.
    """
    normal = np.array(image.GetDirection()).reshape(3, 3)[:, 2]
    heights = (positions - positions[0]) @ normal
    gaps = np.abs(np.diff(heights))
    usual = float(np.median(gaps))
    worst = float(gaps[np.argmax(np.abs(gaps - usual))])
    if abs(worst - usual) > _UNEVEN * usual:
        raise ImageFileError(
            f"The slices in {folder} are not evenly spaced",
            f"Most are {usual:.2f} mm apart, but some {worst:.2f} mm: slices are missing, doubled, or "
            "belong to several images",
            "Export the complete series again, or load it in 3D Slicer and save it as NRRD",
        )
    drift = np.linalg.norm(positions - positions[0] - heights[:, None] * normal, axis=1).max()
    if drift > 0.5 * min(image.GetSpacing()[:2]):  # pixels: from there on a voxel is shown beside its place
        raise GeometryError(
            f"The image in {folder} is sheared",
            f"Its slices drift sideways by up to {drift:.1f} mm, as with a tilted CT gantry",
            "Load it in 3D Slicer, which corrects this, and save it as NRRD",
        )
