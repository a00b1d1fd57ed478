"""The labelled cases of a data folder, listed, read, checked and made coarse enough for a pack.

The layout is that of `evaluation.dataset`: SOURCE/images, SOURCE/labels, SOURCE/dataset.json and split.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from LightSegLib.errors import DataError

Triple = tuple[float, float, float]
LEAST_SHARED = 0.2
"""Share of a case's grid that another image of the same person must cover."""


@dataclass(frozen=True)
class ListedCase:
    """A case by name, and what its source says about it.

    Attributes:
        folder: of its source; it bears the source's name.
        identifier: case name in that source.
        group: person the case comes from.
        labels: label value to structure name, all of the source.
        modality, licence, origin: of the source.
    """

    folder: Path
    identifier: str
    group: str
    labels: dict[int, str]
    modality: str
    licence: str
    origin: str

    @property
    def name(self) -> str:
        """The case in messages: "SOURCE/ID"."""
        return f"{self.folder.name}/{self.identifier}"


def listed_cases(data_folder: Path, split: str) -> list[ListedCase]:
    """All cases of one split, source by source.

    Args:
        data_folder: the folder that holds split.json.
        split: key of split.json, "train" or "val".

    Raises:
        DataError: a JSON file is missing or damaged, or the split names a case that its source lacks.
    """
    try:
        splits = _read_json(data_folder / "split.json")
        return [
            case
            for source in sorted(splits)
            for case in _of_source(data_folder / source, splits[source].get(split, []))
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{data_folder} is not a data folder",
            f"split.json or a dataset.json is missing or damaged ({type(error).__name__}: {error})",
            "Give the folder that holds split.json and one folder per source",
        ) from error


def read_case(case: ListedCase, max_voxels: int) -> tuple[np.ndarray, np.ndarray, Triple, str]:
    """Read a case and make it fit.

    Args:
        case: which.
        max_voxels: a larger case is resampled to about this many voxels.

    Returns:
        Image, uint8 (K, J, I), 0 to 255 from its 0.5th to its 99.5th percentile; label map, uint8 (K, J, I);
        mm per voxel, array order; and where the axes i, j, k run, such as "LPS", see `PackedCase`.

    Raises:
        DataError: a file is missing, unreadable, or unfit to learn from.
    """
    image, label_map = (_read_image(case, kind) for kind in ("images", "labels"))
    _check(case, image, label_map)
    image, label_map = _at_most(image, max_voxels, linear=True), _at_most(label_map, max_voxels, linear=False)
    spacing = image.GetSpacing()
    return (
        _to_bytes(image),
        _array(label_map).astype(np.uint8),
        (spacing[2], spacing[1], spacing[0]),
        _orientation(image),
    )


def read_companion(case: ListedCase, other: ListedCase, max_voxels: int) -> np.ndarray:
    """Another image of the same person on the grid of a case, by their affines.

    Args:
        case: whose grid it is, as `read_case` makes it.
        other: the other image; beyond its field of view it goes on with its lowest value.
        max_voxels: as for the case.

    Returns:
        uint8 (K, J, I), 0 to 255 from its 0.5th to its 99.5th percentile.

    Raises:
        DataError: a file is missing or unreadable, or the two do not lie in the same place.
    """
    import SimpleITK

    frame, image = _read_image(case, "images"), _read_image(other, "images")
    outside = float(_array(image).min()) - 1.0
    image = SimpleITK.Cast(image, SimpleITK.sitkFloat32)
    moved = SimpleITK.Resample(image, frame, SimpleITK.Transform(), SimpleITK.sitkLinear, outside)
    if float((_array(moved) > outside).mean()) < LEAST_SHARED:
        raise DataError(
            f"{other.name} hardly covers {case.name}, though both are of {case.group}",
            "Companions lie in one frame of reference",
            "Correct the affines or the groups in dataset.json, or pack without --companion",
        )
    return _to_bytes(_at_most(SimpleITK.Clamp(moved, lowerBound=outside + 1.0), max_voxels, linear=True))


def _at_most(image: Any, max_voxels: int, *, linear: bool) -> Any:
    """The image, coarser where it has more voxels."""
    factor = max(1.0, (image.GetNumberOfPixels() / max_voxels) ** (1 / 3))
    return _coarser(image, factor, linear=linear) if factor > 1.0 else image


def _orientation(image: Any) -> str:
    import SimpleITK

    code = SimpleITK.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
    return str(code)


def _to_bytes(image: Any) -> np.ndarray:
    array = _array(image).astype(np.float32)
    low, high = np.percentile(array, [0.5, 99.5])
    scaled = np.clip((array - low) / max(high - low, 1e-6), 0, 1) * 255 + 0.5
    return scaled.astype(np.uint8)


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _of_source(folder: Path, wanted: list[str]) -> list[ListedCase]:
    description = _read_json(folder / "dataset.json")
    entries = {str(entry["id"]): entry for entry in description["cases"]}
    unknown = sorted(set(wanted) - set(entries))
    if unknown:
        raise DataError(
            f"split.json names cases that {folder.name}/dataset.json does not have: {', '.join(unknown[:5])}",
            "The two files do not belong together",
            "Correct either of them",
        )
    labels = {int(value): str(name) for value, name in description["labels"].items()}
    about = [str(description.get(key, "")) for key in ("modality", "licence", "original_source")]
    return [
        ListedCase(folder, name, str(entry.get("group", name)), labels, *about)
        for name, entry in entries.items()
        if name in set(wanted)
    ]


def _read_image(case: ListedCase, kind: str) -> Any:
    import SimpleITK

    try:
        return SimpleITK.ReadImage(str(case.folder / kind / f"{case.identifier}.nii.gz"))
    except RuntimeError as error:
        raise DataError(
            f"Cannot read {case.name} in {kind}", str(error).splitlines()[-1], "Check the data folder"
        ) from error


def _array(image: Any) -> np.ndarray:
    import SimpleITK

    array: np.ndarray = SimpleITK.GetArrayViewFromImage(image)
    return array


def _check(case: ListedCase, image: Any, label_map: Any) -> None:
    """Refuse what would be learnt wrongly without anybody noticing."""
    shapes = [_array(part).shape for part in (image, label_map)]
    if len(shapes[0]) != 3:
        raise DataError(
            f"The image of {case.name} has the shape {shapes[0]}", "Three axes and one channel are needed"
        )
    # Real files round their affines differently, hence the tolerance.
    places = np.array([(*x.GetOrigin(), *x.GetSpacing(), *x.GetDirection()) for x in (image, label_map)])
    if shapes[0] != shapes[1] or not np.allclose(places[0], places[1], atol=1e-3):
        raise DataError(
            f"The label map of {case.name} does not lie on the grid of its image",
            f"image {shapes[0]}, labels {shapes[1]}, or elsewhere in space",
            "Resample the label map onto the image",
        )
    values = np.unique(_array(label_map))
    if values[0] < 0 or values[-1] > 255 or np.any(values != np.round(values)):
        raise DataError(
            f"The label map of {case.name} holds values from {values[0]} to {values[-1]}",
            "A pack stores labels as whole numbers from 0 to 255",
            "Number the labels anew",
        )


def _coarser(image: Any, factor: float, *, linear: bool) -> Any:
    """Resample to 1 / factor^3 of the voxels, first along the finest axes, so thick slices stay as they
    are.
    """
    import SimpleITK

    spacing, size = np.array(image.GetSpacing()), np.array(image.GetSize())
    target = float(spacing.min()) * factor
    while True:
        new_spacing = np.maximum(spacing, target)
        new_size = np.maximum(np.round(size * spacing / new_spacing), 1).astype(int)
        if new_size.prod() <= size.prod() / factor**3 * 1.05:
            break
        target *= 1.05
    if linear:
        image = SimpleITK.Cast(image, SimpleITK.sitkFloat32)
        for axis in np.flatnonzero((new_spacing > spacing) & (size >= 4)):  # it needs four voxels
            image = SimpleITK.RecursiveGaussian(image, 0.4 * float(new_spacing[axis]), direction=int(axis))
    first = image.TransformContinuousIndexToPhysicalPoint(((new_spacing / spacing - 1) / 2).tolist())
    return SimpleITK.Resample(
        image,
        new_size.tolist(),
        SimpleITK.Transform(),
        SimpleITK.sitkLinear if linear else SimpleITK.sitkNearestNeighbor,
        first,
        new_spacing.tolist(),
        image.GetDirection(),
        0.0,
        image.GetPixelID(),
        True,  # the last sample may lie on the image's very rim: take the nearest voxel there, not zero
    )
