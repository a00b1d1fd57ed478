"""Labelled volumes on disk, read one at a time.

A data set is a folder:

    SOURCE/images/ID.nii.gz    image
    SOURCE/labels/ID.nii.gz    label map of small integers on the same grid, 0 is background
    SOURCE/dataset.json        label_origin, labels {"1": name}, cases [{id, group, ...}]
    split.json                 {SOURCE: {"train": [ID], "val": [ID]}}

Nothing is read but the JSON files until a case is loaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from LightSegLib.channels import stack_channels
from LightSegLib.errors import DataError
from LightSegLib.geometry import Volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SPLITS = ("train", "val", "all")


@dataclass(frozen=True)
class LabelledCase:
    """One case in memory: the image and its label map (K, J, I), integers on the image's grid."""

    volume: Volume
    labels: npt.NDArray[Any]

    def truth(self, label: int) -> npt.NDArray[np.bool_]:
        """Return the mask of one label, bool (K, J, I)."""
        mask: npt.NDArray[np.bool_] = self.labels == label
        return mask


@dataclass(frozen=True)
class CaseReference:
    """Where one case lies and what is known of it without reading it.

    Attributes:
        source: name of the source.
        case_id: name of the case, unique within its source.
        group: the person; cases of one group belong on one side of a split.
        image_path: image file.
        label_path: label map file.
        label_names: structure name of each label value of the source.
        spacing_is_estimated: the file's millimetres are a guess; do not report distances.
        companion_path: another image of the same person, which becomes the second channel; None for none.
    """

    source: str
    case_id: str
    group: str
    image_path: Path
    label_path: Path
    label_names: Mapping[int, str]
    spacing_is_estimated: bool = False
    companion_path: Path | None = None

    def load(self) -> LabelledCase:
        """Read image and label map.

        Raises:
            ImageFileError: a file is missing or unreadable.
            DataError: the label map holds no integers or is not on the image's grid.
            GeometryError: the companion lies elsewhere in space.
        """
        volume, label_volume = Volume.read(self.image_path), Volume.read(self.label_path)
        labels = label_volume.channel(0)
        name = f"{self.source}/{self.case_id}"
        if label_volume.shape_ijk != volume.shape_ijk or not np.allclose(
            label_volume.ijk_to_ras, volume.ijk_to_ras, atol=1e-3
        ):
            raise DataError(
                f"The label map of {name} does not lie on the grid of its image",
                f"image {volume.shape_ijk}, labels {label_volume.shape_ijk}, or elsewhere in space",
                "Resample the label map onto the image.",
            )
        if not np.issubdtype(labels.dtype, np.integer):
            raise DataError(
                f"The label map of {name} holds {labels.dtype} values",
                "Labels are integers",
                "Save it with an integer type.",
            )
        if self.companion_path is not None:
            volume = stack_channels([volume, Volume.read(self.companion_path)])
        return LabelledCase(volume, labels)


@dataclass(frozen=True)
class DataSource:
    """One source of a data set: cases that share modality, licence and label names."""

    name: str
    modality: str
    licence: str
    label_origin: str
    label_names: Mapping[int, str]
    cases: tuple[CaseReference, ...]

    @property
    def is_manual(self) -> bool:
        """Whether people drew the labels: labels made by a model are for training, never for judging."""
        return "model" not in self.label_origin.casefold()


@dataclass(frozen=True)
class DataSet:
    """All sources of a folder in the order of split.json, and who is on which side of the split."""

    folder: Path
    sources: Mapping[str, DataSource]
    split: Mapping[str, Mapping[str, tuple[str, ...]]]

    @classmethod
    def open(cls, folder: str | Path) -> DataSet:
        """Read the JSON files of a data set folder.

        Raises:
            DataError: there is no data set in the folder, or a JSON file is broken or contradicts the split.
        """
        root = Path(folder)
        split = _read_split(root / "split.json")
        found = sorted(path.parent.name for path in root.glob("*/dataset.json")) if root.is_dir() else []
        names = [*split, *(name for name in found if name not in split)]
        if not names:
            message = f"There is no data set in {root}"
            raise DataError(
                message, "It has no SOURCE/dataset.json", "Give the folder that holds the sources."
            )
        sources = {name: _read_source(root / name) for name in names}
        for name, sides in split.items():
            known = {case.case_id for case in sources[name].cases}
            unknown = sorted({case for ids in sides.values() for case in ids} - known)
            if unknown:
                message = (
                    f"split.json names cases that {name}/dataset.json does not have: {', '.join(unknown[:5])}"
                )
                raise DataError(message, "The two files do not belong together")
        return cls(root, sources, split)

    def select(self, sources: Iterable[str] | None = None) -> list[DataSource]:
        """Return the named sources, or all, in the data set's order.

        Raises:
            DataError: a source is unknown.
        """
        if sources is None:
            return list(self.sources.values())
        wanted = set(sources)
        unknown = sorted(wanted - set(self.sources))
        if unknown:
            raise DataError(
                f"Unknown source: {', '.join(unknown)}", f"The data set has {', '.join(self.sources)}"
            )
        return [source for name, source in self.sources.items() if name in wanted]

    def cases(self, source: str, split: str = "val", limit: int | None = None) -> Iterator[CaseReference]:
        """Yield a source's cases on one side of the split, in the order of the JSON files.

        Args:
            source: name of the source.
            split: "train", "val" or "all".
            limit: at most that many, from the start.

        Raises:
            DataError: the source or the split is unknown, or the data set has no split.json.
        """
        cases = {case.case_id: case for case in self.select([source])[0].cases}
        if split not in SPLITS:
            raise DataError(f"Unknown split '{split}'", f"There are {', '.join(SPLITS)}")
        if split != "all" and not self.split:
            message = f"{self.folder} has no split.json"
            raise DataError(
                message, f"So there is no split '{split}'", "Ask for the split 'all', or write one."
            )
        ids = tuple(cases) if split == "all" else self.split.get(source, {}).get(split, ())
        for case_id in ids[:limit]:
            yield cases[case_id]


def _read_split(path: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return source -> side -> case ids; empty when there is no such file."""
    if not path.is_file():
        return {}
    raw = _read_json(path)
    sides = [side for side in raw.values() if isinstance(side, dict)]
    if len(sides) != len(raw) or not all(isinstance(ids, list) for side in sides for ids in side.values()):
        raise DataError(f"{path} is not a split", 'It must hold {"SOURCE": {"train": [ID], "val": [ID]}}')
    return {
        source: {side: tuple(str(case_id) for case_id in ids) for side, ids in content.items()}
        for source, content in raw.items()
    }


def _read_source(folder: Path) -> DataSource:
    description = _read_json(folder / "dataset.json")
    try:
        names = {int(value): str(name) for value, name in description["labels"].items()}
        cases = tuple(_case(folder, entry, names) for entry in description["cases"])
        origin = str(description["label_origin"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{folder / 'dataset.json'} does not describe a source",
            f"It needs label_origin, labels and cases with an id ({type(error).__name__}: {error})",
        ) from error
    modality, licence = str(description.get("modality", "")), str(description.get("licence", ""))
    return DataSource(folder.name, modality, licence, origin, names, cases)


def _case(folder: Path, entry: dict[str, Any], names: dict[int, str]) -> CaseReference:
    case_id = str(entry["id"])
    if Path(case_id).name != case_id:
        raise ValueError(f"The case id '{case_id}' is not a plain file name")
    return CaseReference(
        source=folder.name,
        case_id=case_id,
        group=str(entry.get("group", case_id)),
        image_path=folder / "images" / f"{case_id}.nii.gz",
        label_path=folder / "labels" / f"{case_id}.nii.gz",
        label_names=names,
        spacing_is_estimated=bool(entry.get("spacing_is_estimated", False)),
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot read {path}", str(error)) from error
    if not isinstance(content, dict):
        raise DataError(f"{path} does not hold a JSON object")
    return content
