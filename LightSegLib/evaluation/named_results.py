"""What an evaluation by name yields: numbers of each object, means over structures, and the table of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

FURTHER_CLICKS = 3
ENOUGH_OBJECTS = 3
"""Objects from which on a structure counts in the mean."""


@dataclass(frozen=True)
class NamedObject:
    """One object, found by its name.

    Attributes:
        source, case_id: where it is.
        structure_id: the vocabulary's id of it.
        structure: the vocabulary's name of it.
        text: Dice of the text alone; 0 if the model said that it is not in the image.
        corrected: Dice after the text and 1, 2, 3 clicks.
        clicked: Dice after 1, 2, 3 clicks without a text.
        confidence: the Dice that the model expected of the text alone.
        seconds: from the text to the readable mask.
    """

    source: str
    case_id: str
    structure_id: str
    structure: str
    text: float
    corrected: tuple[float, ...]
    clicked: tuple[float, ...]
    confidence: float
    seconds: float


@dataclass(frozen=True)
class NamedResults:
    """All objects of a run, in the order in which they were judged."""

    split: str
    objects: tuple[NamedObject, ...]

    @property
    def structures(self) -> tuple[str, ...]:
        """Names of the structures, in the order in which they came."""
        return tuple(dict.fromkeys(each.structure for each in self.objects))

    @property
    def counted(self) -> tuple[str, ...]:
        """Names of the structures with enough objects for the mean."""
        return tuple(name for name in self.structures if len(self.of(name)) >= ENOUGH_OBJECTS)

    def of(self, structure: str) -> tuple[NamedObject, ...]:
        """The objects of a structure."""
        return tuple(each for each in self.objects if each.structure == structure)

    def mean(self, of: Callable[[NamedObject], float]) -> float:
        """Mean over the structures with at least `ENOUGH_OBJECTS` objects of the mean over their objects."""
        means = [float(np.mean([of(each) for each in self.of(name)])) for name in self.counted]
        return float(np.mean(means)) if means else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return {"split": self.split, "objects": [asdict(each) for each in self.objects]}


def render_names(results: NamedResults) -> list[list[str]]:
    """Rows of a table, the header first: a structure each, then the mean."""
    columns: list[tuple[str, Callable[[NamedObject], float]]] = [
        ("text", lambda each: each.text),
        ("text + 1", lambda each: each.corrected[0]),
        ("text + 3", lambda each: each.corrected[2]),
        ("1 click", lambda each: each.clicked[0]),
        ("3 clicks", lambda each: each.clicked[2]),
        ("expected", lambda each: each.confidence),
        ("s", lambda each: each.seconds),
    ]
    rows = [["structure", "objects", *(title for title, _ in columns)]]
    for name in results.structures:
        objects = results.of(name)
        means = [float(np.mean([of(each) for each in objects])) for _, of in columns]
        rows.append([name, str(len(objects)), *(f"{value:.3f}" for value in means)])
    mean = [results.mean(of) for _, of in columns]
    title = f"mean over structures of {ENOUGH_OBJECTS} objects or more"
    return [*rows, [title, str(len(results.objects)), *(f"{value:.3f}" for value in mean)]]
