"""One entry of the vocabulary: a structure with its code, its colour and what people call it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from LightSegLib.errors import DataError
from LightSegLib.resources import resources_folder

STRUCTURES_NAME = "structures.json"
SCHEMA_PATH = Path(__file__).with_name("structures.schema.json")
FORMAT_VERSION = 1
ANATOMY = "123037004"
"""SNOMED CT code of the category of anatomical structures; all else is a finding."""


@dataclass(frozen=True)
class Structure:
    """A structure that can be named.

    Attributes:
        id: key in files, "kidney_left".
        name: English name, "left kidney".
        code: SNOMED CT code of the type, "64033007"; empty where none is certain.
        meaning: what the terminology calls the code, "Kidney".
        category: SNOMED CT code of the category, "123037004" for an anatomical structure.
        category_meaning: what the terminology calls the category.
        laterality: "left", "right" or "".
        colour: recommended red, green and blue, 0 to 255.
        synonyms: other names by language: en, la, de, fr, es; abbreviations under "short".
        sides: ids of the left and the right one, for the name of both ("kidney").
        parts: ids of what makes it up, as far as the vocabulary knows them ("hippocampus").
        training_labels: (source, label name) of the training data that stand for it.
    """

    id: str
    name: str
    code: str
    meaning: str
    category: str
    category_meaning: str
    laterality: str
    colour: tuple[int, int, int]
    synonyms: Mapping[str, tuple[str, ...]] = field(hash=False)
    sides: tuple[str, ...]
    parts: tuple[str, ...]
    training_labels: tuple[tuple[str, str], ...]

    def names(self) -> Iterator[str]:
        """The English name, then all synonyms, each spelling once."""
        yield from dict.fromkeys((self.name, *(text for texts in self.synonyms.values() for text in texts)))

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any], categories: Mapping[str, str]) -> Structure:
        """Read an entry of structures.json.

        Raises:
            KeyError, TypeError, ValueError: something is missing or of the wrong kind.
        """
        red, green, blue = entry["colour"]
        return cls(
            id=entry["id"],
            name=entry["name"],
            code=entry["code"],
            meaning=entry["meaning"],
            category=entry["category"],
            category_meaning=categories[entry["category"]],
            laterality=entry["laterality"],
            colour=(int(red), int(green), int(blue)),
            synonyms={language: tuple(texts) for language, texts in entry["synonyms"].items()},
            sides=tuple(entry.get("sides", ())),
            parts=tuple(entry.get("parts", ())),
            training_labels=tuple((source, label) for source, label in entry["training_labels"]),
        )


def vocabulary_folder() -> Path:
    """The folder of structures.json and embeddings.safetensors."""
    return resources_folder() / "Vocabulary"


def read_structures(path: Path | None = None) -> list[Structure]:
    """All structures of a file, in its order.

    Args:
        path: a file like structures.json; the bundled one by default.

    Raises:
        DataError: the file is missing or damaged, has a newer layout, or names an id that it does not hold.
    """
    file = vocabulary_folder() / STRUCTURES_NAME if path is None else path
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["format"] != FORMAT_VERSION:
            raise ValueError(f"its format is {content['format']}; this version reads {FORMAT_VERSION}")
        structures = [Structure.from_dict(entry, content["categories"]) for entry in content["structures"]]
        _check_ids(structures)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"The vocabulary {file} cannot be read",
            str(error) if isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: {error}",
            "Get LightSeg's Resources folder again, whole",
        ) from error
    return structures


def _check_ids(structures: list[Structure]) -> None:
    ids = {structure.id for structure in structures}
    if len(ids) != len(structures):
        raise ValueError("an id stands there twice")
    unknown = sorted({member for each in structures for member in (*each.sides, *each.parts)} - ids)
    if unknown:
        raise ValueError(f"it has no entry for {', '.join(unknown)}")
