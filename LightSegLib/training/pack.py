"""Packing a labelled data set into one compact file, and reading it back.

Training wants every case in memory and nothing of the original precision: a pack holds 8-bit intensities
between robust percentiles and 8-bit label maps, resampled so that no case exceeds a number of voxels. The
file is a plain compressed NumPy archive without pickled objects; its index is JSON.
"""

from __future__ import annotations

import io
import json
import logging
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from LightSegLib.errors import DataError

logger = logging.getLogger(__name__)

MAX_PACK_BYTES = 48 * 2**20
INDEX_NAME = "index.json"


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
        DataError: the folder is not in that layout, or the pack exceeds 48 MiB (it is then removed).
    """
    cases = list(_listed_cases(data_folder, split))
    output.parent.mkdir(parents=True, exist_ok=True)
    index: list[dict[str, Any]] = []
    with zipfile.ZipFile(output, "w", zipfile.ZIP_LZMA) as archive:
        for number, (source, description, entry) in enumerate(cases):
            packed = _pack_case(data_folder, source, description, entry, max_voxels)
            for name in ("image", "label_map"):
                archive.writestr(f"{number}.{name}.npy", _npy_bytes(getattr(packed, name)))
            record = {
                key: value for key, value in asdict(packed).items() if key not in ("image", "label_map")
            }
            index.append(record)
            if progress is not None:
                progress((number + 1) / len(cases), f"{source}/{packed.identifier}")
        archive.writestr(INDEX_NAME, json.dumps(index))
    size = output.stat().st_size
    if size > MAX_PACK_BYTES:
        output.unlink()
        raise DataError(
            f"The pack would take {size / 2**20:.1f} MiB",
            "a pack is limited to 48 MiB so that it travels easily to a training machine",
            f"Pack with fewer voxels per case than {max_voxels}",
        )
    counts = {
        source: sum(record["source"] == source for record in index) for source in {r["source"] for r in index}
    }
    return {"cases": len(index), "bytes": size, "sources": dict(sorted(counts.items()))}


def read_pack(path: Path) -> list[PackedCase]:
    """Read a pack whole into memory.

    Raises:
        DataError: the file is missing or is not a pack.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            index = json.loads(archive.read(INDEX_NAME))
            return [
                PackedCase(
                    source=record["source"],
                    identifier=record["identifier"],
                    group=record["group"],
                    spacing_kji=tuple(record["spacing_kji"]),
                    labels={int(value): name for value, name in record["labels"].items()},
                    modality=record["modality"],
                    licence=record["licence"],
                    origin=record["origin"],
                    image=_read_npy(archive, f"{number}.image.npy"),
                    label_map=_read_npy(archive, f"{number}.label_map.npy"),
                )
                for number, record in enumerate(index)
            ]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"Cannot read the pack {path}", str(error), "Make it again with: lightseg pack DATA -o FILE"
        ) from error


def _npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _read_npy(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    return np.load(io.BytesIO(archive.read(name)), allow_pickle=False)


def _listed_cases(data_folder: Path, split: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    try:
        splits = json.loads((data_folder / "split.json").read_text(encoding="utf-8"))
        for source in sorted(splits):
            description = json.loads((data_folder / source / "dataset.json").read_text(encoding="utf-8"))
            wanted = set(splits[source].get(split, []))
            for entry in description["cases"]:
                if entry["id"] in wanted:
                    yield source, description, entry
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{data_folder} is not a data folder",
            f"split.json or a dataset.json is missing or damaged ({error})",
            "Give the folder that holds split.json and one folder per source",
        ) from error


def _pack_case(
    data_folder: Path, source: str, description: dict[str, Any], entry: dict[str, Any], max_voxels: int
) -> PackedCase:
    import SimpleITK

    identifier = entry["id"]
    try:
        image = SimpleITK.ReadImage(str(data_folder / source / "images" / f"{identifier}.nii.gz"))
        label_map = SimpleITK.ReadImage(str(data_folder / source / "labels" / f"{identifier}.nii.gz"))
    except RuntimeError as error:
        raise DataError(
            f"Cannot read {source}/{identifier}", str(error).splitlines()[-1], "Check the data folder"
        ) from error
    factor = max(1.0, (image.GetNumberOfPixels() / max_voxels) ** (1 / 3))
    if factor > 1.0:
        image, label_map = _coarser(image, factor, linear=True), _coarser(label_map, factor, linear=False)
    array = SimpleITK.GetArrayFromImage(image).astype(np.float32)
    low, high = np.percentile(array, [0.5, 99.5])
    scaled = np.clip((array - low) / max(high - low, 1e-6), 0, 1) * 255 + 0.5
    labels = SimpleITK.GetArrayFromImage(label_map).astype(np.uint8)
    present = {int(value) for value in np.unique(labels)} - {0}
    spacing = image.GetSpacing()
    return PackedCase(
        source=source,
        identifier=identifier,
        group=str(entry.get("group", identifier)),
        spacing_kji=(float(spacing[2]), float(spacing[1]), float(spacing[0])),
        labels={int(k): name for k, name in description["labels"].items() if int(k) in present},
        modality=str(description.get("modality", "")),
        licence=str(description.get("licence", "")),
        origin=str(description.get("original_source", "")),
        image=scaled.astype(np.uint8),
        label_map=labels,
    )


def _coarser(image: Any, factor: float, *, linear: bool) -> Any:
    """Resample by `factor` along the axes that are finer than the result's,
    so thick slices stay as they are.
    """
    import SimpleITK

    spacing = np.array(image.GetSpacing())
    size = np.array(image.GetSize())
    target = float(spacing.min()) * factor
    for _ in range(8):
        new_spacing = np.maximum(spacing, target)
        new_size = np.maximum(np.round(size * spacing / new_spacing), 1).astype(int)
        if new_size.prod() <= size.prod() / factor**3 * 1.05:
            break
        target *= 1.05
    if linear:
        sigma = np.where(new_spacing > spacing, 0.4 * new_spacing, 1e-3 * spacing)
        image = SimpleITK.SmoothingRecursiveGaussian(
            SimpleITK.Cast(image, SimpleITK.sitkFloat32), sigma.tolist()
        )
    origin = np.array(
        image.TransformContinuousIndexToPhysicalPoint(((new_spacing / spacing - 1) / 2).tolist())
    )
    return SimpleITK.Resample(
        image,
        new_size.tolist(),
        SimpleITK.Transform(),
        SimpleITK.sitkLinear if linear else SimpleITK.sitkNearestNeighbor,
        origin.tolist(),
        new_spacing.tolist(),
        image.GetDirection(),
        0.0,
        image.GetPixelID(),
    )
