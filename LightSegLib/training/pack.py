"""Packing a labelled data set into one compact file, and reading it back.

Training wants every case in memory and nothing of the original precision: a pack holds 8-bit intensities
between robust percentiles and 8-bit label maps, resampled so that no case exceeds a number of voxels. The
file is a plain compressed NumPy archive without pickled objects; its index is JSON.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from lzma import LZMAError
from pathlib import Path
from typing import Any

import numpy as np

from LightSegLib.errors import DataError
from LightSegLib.training.data_folder import ListedCase, listed_cases, read_case

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


def write_pack(
    data_folder: Path,
    output: Path,
    *,
    split: str = "train",
    max_voxels: int = 700_000,
    progress: Callable[[float, str], None] | None = None,
) -> dict[str, Any]:
    """Pack one split of a data folder (SOURCE/images, SOURCE/labels, SOURCE/dataset.json, split.json).

    Args:
        data_folder: the folder that holds split.json.
        output: the file to write; its folder is made.
        split: key of split.json, "train" or "val".
        max_voxels: cases above are resampled to about this many voxels.
        progress: called with the share done, 0 to 1, and the case's name.

    Returns:
        A summary: cases, bytes, and cases per source.

    Raises:
        DataError: the folder is not in that layout, a case is unfit, or the pack exceeds 48 MiB. An earlier
            pack at `output` then stays.
    """
    cases = listed_cases(data_folder, split)
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f"{output.name}.part")
    try:
        index = _write(part, cases, max_voxels, progress)
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
    return {"cases": len(index), "bytes": size, "sources": dict(sorted(counts.items()))}


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
    max_voxels: int,
    progress: Callable[[float, str], None] | None,
) -> list[dict[str, Any]]:
    """Write the cases one by one, so that only one is in memory; returns the index."""
    index: list[dict[str, Any]] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for number, case in enumerate(cases):
            record = asdict(_pack_case(case, max_voxels))
            for name in ("image", "label_map"):
                archive.writestr(f"{number}.{name}.npy", _npy_bytes(record.pop(name)))
            index.append(record)
            if progress is not None:
                progress((number + 1) / len(cases), case.name)
        archive.writestr(INDEX_NAME, json.dumps(index))
    return index


def _pack_case(case: ListedCase, max_voxels: int) -> PackedCase:
    image, label_map, spacing = read_case(case, max_voxels)
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
    )


def _read_case(archive: zipfile.ZipFile, number: int, record: dict[str, Any]) -> PackedCase:
    image, label_map = (
        np.load(io.BytesIO(archive.read(f"{number}.{name}.npy")), allow_pickle=False)
        for name in ("image", "label_map")
    )
    k, j, i = (float(mm) for mm in record["spacing_kji"])
    if image.ndim != 3 or image.shape != label_map.shape or {image.dtype, label_map.dtype} != {_BYTE}:
        raise ValueError(f"the arrays of case {number} are not an image with its label map")
    if not (k > 0 and j > 0 and i > 0):
        raise ValueError(f"the spacing of case {number} is {(k, j, i)}")
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
    )


def _npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
