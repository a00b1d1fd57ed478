"""The sample case that ships with LightSeg."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from LightSegLib.errors import DataError
from LightSegLib.resources import samples_folder

if TYPE_CHECKING:
    from LightSegLib.evaluation.dataset import LabelledCase


@dataclass(frozen=True)
class Sample:
    """Where the sample lies and what it shows.

    Attributes:
        title: what the image is.
        structure: what is labelled.
        label: its value in the label map.
        image_path, label_path: the files.
        origin: licence and where the attribution stands.
    """

    title: str
    structure: str
    label: int
    image_path: Path
    label_path: Path
    origin: str

    def load(self) -> LabelledCase:
        """Read image and label map.

        Raises:
            ImageFileError: a file is missing or damaged.
            DataError: the label map does not fit the image.
        """
        from LightSegLib.evaluation.dataset import CaseReference

        names = {self.label: self.structure}
        return CaseReference("sample", "sample", "sample", self.image_path, self.label_path, names).load()


def read_sample() -> Sample:
    """Find the bundled sample.

    Raises:
        DataError: it is not there, or its description is damaged.
    """
    folder = samples_folder()
    try:
        entries = json.loads((folder / "sample.json").read_text(encoding="utf-8"))
        return Sample(
            title=entries["title"],
            structure=entries["structure"],
            label=int(entries["label_value"]),
            image_path=folder / entries["image"]["file"],
            label_path=folder / entries["label"]["file"],
            origin=f"{entries['licence']}, see {folder / entries['attribution']}",
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"The sample in {folder} cannot be used",
            f"{type(error).__name__}: {error}",
            "Get LightSeg again, with its Resources folder",
        ) from error
