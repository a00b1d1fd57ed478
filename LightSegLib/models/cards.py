"""Model cards: what a model is, may be used for, was trained on and is worth;
one JSON file beside the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from LightSegLib.errors import ModelError
from LightSegLib.models.base import Capabilities

CARD_NAME = "card.json"
SCHEMA_PATH = Path(__file__).with_name("card.schema.json")
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Weights:
    """The weight file: its name beside the card, checksum and size.

    Attributes:
        file: file name.
        sha256: checksum of the file, 64 hexadecimal digits.
        bytes: its size.
        precision: number format in the file, "float16" or "float32".
        parameters: numbers in it.
    """

    file: str
    sha256: str
    bytes: int
    precision: str
    parameters: int


@dataclass(frozen=True)
class ModelCard:
    """All that is known about a model. Written by the trainer, never by hand.

    Attributes:
        id: the model's name, and its folder's.
        title: one line for people.
        licence: SPDX name of the weights' licence.
        architecture: what `models.build` makes the network from.
        patch: samples along the edge of the cube the network sees.
        capabilities: prompts and images it understands.
        weights: the file.
        regions: settings of the region policy, where they differ from the defaults.
        training: commit, recipe, hardware, minutes, steps, samples, date, and the model it started from.
        data: sources with licence, origin and number of cases.
        validation: Dice after 1, 3, 5 and 10 simulated clicks per source, and the baseline's; under "by_name"
            Dice by structure of its name alone and with 1 and 3 clicks, and how often what is absent was
            refused. Empty if not measured.
        memory_bytes: estimated peak of one forward pass, 0 if unknown.
        limits: what it is not good for.
        format: version of this layout.
    """

    id: str
    title: str
    licence: str
    architecture: dict[str, Any]
    patch: int
    capabilities: Capabilities
    weights: Weights
    regions: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    data: list[dict[str, Any]] = field(default_factory=list)
    validation: dict[str, Any] = field(default_factory=dict)
    memory_bytes: int = 0
    limits: str = ""
    format: int = FORMAT_VERSION

    def to_dict(self) -> dict[str, Any]:
        """The card as JSON types."""
        entries: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return entries

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> ModelCard:
        """Read a card.

        Raises:
            ModelError: an entry is missing or of the wrong kind, or the card is of a newer layout.
        """
        if entries.get("format", FORMAT_VERSION) != FORMAT_VERSION:
            raise ModelError(
                f"The model card has format {entries['format']}",
                f"this version of LightSeg reads format {FORMAT_VERSION}",
                "Update LightSeg, or take an older model",
            )
        try:
            known = {item.name for item in fields(cls)}
            values = {name: value for name, value in entries.items() if name in known}
            values["capabilities"] = Capabilities(**entries["capabilities"])
            values["weights"] = Weights(**entries["weights"])
            return _of_right_kinds(cls(**values))
        except (KeyError, TypeError) as error:
            raise ModelError(
                "The model card is incomplete or damaged", str(error), "Get the model's folder again, whole"
            ) from error

    def write(self, folder: Path) -> Path:
        """Write card.json into a folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / CARD_NAME
        path.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        return path


def _of_right_kinds(card: ModelCard) -> ModelCard:
    """The card itself; TypeError where an entry is a text in place of a number, and the like."""
    for part in (card, card.capabilities, card.weights):
        for name, hint in get_type_hints(type(part)).items():
            kind, value = get_origin(hint) or hint, getattr(part, name)
            if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                raise TypeError(f"the entry {name!r} is {value!r}, not of type {kind.__name__}")
    return card


def read_card(folder: Path) -> ModelCard:
    """Read the card of a model folder.

    Raises:
        ModelError: the card is missing, is no JSON, or is incomplete.
    """
    path = folder / CARD_NAME
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"{folder} is not a model",
            f"it holds no {CARD_NAME}",
            "Give a folder with card.json and model.safetensors, or a name that `lightseg models` lists",
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"Cannot read {path}", str(error), "Get the model's folder again, whole") from error
    if not isinstance(entries, dict):
        raise ModelError(
            f"{path} is not a model card", "it holds no JSON object", "Get the model's folder again"
        )
    return ModelCard.from_dict(entries)
