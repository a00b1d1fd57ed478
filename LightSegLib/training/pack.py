"""Packing a labelled data set into one compact file, and reading it back.

Training wants every case in memory and nothing of the original precision: a pack holds 8-bit intensities
between robust percentiles and 8-bit label maps, resampled so that no case exceeds a number of voxels. The
file is a plain compressed NumPy archive without pickled objects; its index is JSON.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from lzma import LZMAError
from pathlib import Path
from typing import Any

import numpy as np

from LightSegLib.errors import DataError
from LightSegLib.training.data_folder import ListedCase, listed_cases, read_case, read_companion
from LightSegLib.training.poses import upright

MAX_PACK_BYTES = 48 * 2**20
INDEX_NAME = "index.json"
_BYTE = np.dtype(np.uint8)
_UNREADABLE = (
    OSError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    RuntimeError,
    LZMAError,
    zipfile.BadZipFile,
)
"""What zipfile, lzma, json and NumPy raise over a damaged file."""


@dataclass(frozen=True)
class PackedCase:
    """One case in memory.

    Attributes:
        source: folder name of the data set.
        identifier: case name in that data set.
        group: person the case comes from.
        spacing_kji: mm per voxel, array order.
        labels: label value to structure name, only those present.
        modality, licence, origin: of the source, for the card of what is trained on it.
        image: uint8 (K, J, I).
        label_map: uint8 (K, J, I).
        companion: another image of the same person on this grid, such as PET beside CT; uint8 (K, J, I), or
            None.
        orientation: letters of the directions in which the axes i, j, k of the image run, the nearest of
            R, L, A, P, S and I: "LPS" for towards left, back (posterior) and head (superior). Empty in packs
            made before this was kept; structures whose name says a side then have no name.
    """

    source: str
    identifier: str
    group: str
    spacing_kji: tuple[float, float, float]
    labels: dict[int, str]
    modality: str
    licence: str
    origin: str
    image: np.ndarray
    label_map: np.ndarray
    companion: np.ndarray | None = None
    orientation: str = ""


def write_pack(
    data_folder: Path,
    output: Path,
    *,
    split: str = "train",
    max_voxels: int = 700_000,
    companion: str | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> dict[str, Any]:
    """Pack one split of a data folder (SOURCE/images, SOURCE/labels, SOURCE/dataset.json, split.json).

    Args:
        data_folder: the folder that holds split.json.
        output: the file to write; its folder is made.
        split: key of split.json, "train" or "val".
        max_voxels: cases above are resampled to about this many voxels.
        companion: a source whose image of the same person goes with each case of the other sources, for
            networks of two channels.
        progress: called with the share done, 0 to 1, and the case's name.

    Returns:
        A summary: cases, bytes, cases per source, and how many have a companion.

    Raises:
        DataError: the folder is not in that layout, has no source for companions, a case is unfit, or the
            pack exceeds 48 MiB. An earlier pack at `output` then stays.
    """
    cases = listed_cases(data_folder, split)
    companions = _companions(cases, companion)
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f"{output.name}.part")
    try:
        index = _write(part, cases, companions, max_voxels, progress)
        size = part.stat().st_size
        if size > MAX_PACK_BYTES:
            raise DataError(
                f"The pack would take {size / 2**20:.1f} MiB",
                f"a pack is limited to {MAX_PACK_BYTES / 2**20:g} MiB so that it travels easily",
                f"Pack with fewer voxels per case than {max_voxels}",
            )
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    counts = {
        source: sum(record["source"] == source for record in index) for source in {r["source"] for r in index}
    }
    paired = sum(record["companion"] for record in index)
    return {
        "cases": len(index),
        "bytes": size,
        "sources": dict(sorted(counts.items())),
        "companions": paired,
    }


def read_pack(path: Path) -> list[PackedCase]:
    """Read a pack whole into memory.

    Raises:
        DataError: the file is missing, damaged or no pack.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            index = json.loads(archive.read(INDEX_NAME))
            return [_read_case(archive, number, record) for number, record in enumerate(index)]
    except _UNREADABLE as error:
        raise DataError(
            f"Cannot read the pack {path}", str(error), "Make it again with: lightseg pack DATA -o FILE"
        ) from error


def _write(
    path: Path,
    cases: Sequence[ListedCase],
    companions: Mapping[str, ListedCase],
    max_voxels: int,
    progress: Callable[[float, str], None] | None,
) -> list[dict[str, Any]]:
    """Write the cases one by one, so that only one is in memory; returns the index."""
    index: list[dict[str, Any]] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for number, case in enumerate(cases):
            other = companions.get(case.group) if case.folder.name != _source_of(companions) else None
            record = asdict(_pack_case(case, other, max_voxels))
            for name in ("image", "label_map", "companion"):
                array = record.pop(name)
                if array is not None:
                    archive.writestr(f"{number}.{name}.npy", _npy_bytes(array))
            record["companion"] = other is not None
            index.append(record)
            if progress is not None:
                progress((number + 1) / len(cases), case.name)
        archive.writestr(INDEX_NAME, json.dumps(index))
    return index


def _companions(cases: Sequence[ListedCase], source: str | None) -> dict[str, ListedCase]:
    """Person to the case of the source that accompanies the others."""
    if source is None:
        return {}
    found = {case.group: case for case in cases if case.folder.name == source}
    if not found:
        known = ", ".join(sorted({case.folder.name for case in cases}))
        raise DataError(f"There is no source {source} to take companions from", f"There are {known}")
    return found


def _source_of(companions: Mapping[str, ListedCase]) -> str | None:
    return next((case.folder.name for case in companions.values()), None)


def _pack_case(case: ListedCase, other: ListedCase | None, max_voxels: int) -> PackedCase:
    image, label_map, spacing, orientation = read_case(case, max_voxels)
    present = set(np.unique(label_map).tolist()) - {0}
    return PackedCase(
        source=case.folder.name,
        identifier=case.identifier,
        group=case.group,
        spacing_kji=spacing,
        labels={value: name for value, name in case.labels.items() if value in present},
        modality=case.modality,
        licence=case.licence,
        origin=case.origin,
        image=image,
        label_map=label_map,
        companion=None if other is None else read_companion(case, other, max_voxels),
        orientation=orientation,
    )


def _read_case(archive: zipfile.ZipFile, number: int, record: dict[str, Any]) -> PackedCase:
    image, label_map = (_read_array(archive, number, name) for name in ("image", "label_map"))
    companion = _read_array(archive, number, "companion") if record.get("companion") else None
    k, j, i = (float(mm) for mm in record["spacing_kji"])
    if image.ndim != 3 or image.shape != label_map.shape or {image.dtype, label_map.dtype} != {_BYTE}:
        raise ValueError(f"the arrays of case {number} are not an image with its label map")
    if companion is not None and (companion.shape, companion.dtype) != (image.shape, _BYTE):
        raise ValueError(f"the companion of case {number} does not fit its image")
    if not (k > 0 and j > 0 and i > 0):
        raise ValueError(f"the spacing of case {number} is {(k, j, i)}")
    orientation = str(record.get("orientation", ""))
    upright(orientation)  # refuses what is none
    return PackedCase(
        source=record["source"],
        identifier=record["identifier"],
        group=record["group"],
        spacing_kji=(k, j, i),
        labels={int(value): name for value, name in record["labels"].items()},
        modality=record["modality"],
        licence=record["licence"],
        origin=record["origin"],
        image=image,
        label_map=label_map,
        companion=companion,
        orientation=orientation,
    )


def _read_array(archive: zipfile.ZipFile, number: int, name: str) -> np.ndarray:
    array: np.ndarray = np.load(io.BytesIO(archive.read(f"{number}.{name}.npy")), allow_pickle=False)
    return array


def _npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
