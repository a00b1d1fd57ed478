"""From which expected Dice on a named structure counts as being in the image.

A model expects a Dice of what it finds by a name. Of a structure that is not there it should expect
little. How little has to be measured, with names of what is in images and of what certainly is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from LightSegLib.errors import DataError

WANTED_REFUSED = 0.95
"""Share of the absent names that a threshold should refuse."""
LEAST_REFUSED = 0.85
"""What is enough where the wanted share would cost many present ones."""
MANY_LOST = 0.10
"""Share of the present names whose loss is much."""
STEPS = 1000
"""Thresholds are multiples of 1 / STEPS."""


@dataclass(frozen=True)
class Absence:
    """A threshold, and what it does to the names that it was chosen on.

    Attributes:
        threshold: below this expected Dice, 0 to 1, a structure counts as not in the image.
        absent: number of absent names.
        refused: share of them below the threshold.
        present: number of present names.
        lost: share of them below the threshold; 0 without any.
    """

    threshold: float
    absent: int
    refused: float
    present: int
    lost: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


def choose_threshold(present: Sequence[float], absent: Sequence[float]) -> Absence:
    """The threshold for a model, by the Dice that it expected.

    It is the lowest one that refuses 95 % of the absent names: of few names, at least that share, so of less
    than 20 all. If that loses more than 10 % of the present names, the two overlap: then, among those that
    refuse at least 85 %, it is the one with the best mean of the shares of absent names refused and of
    present names kept; the lowest of equals.

    Args:
        present: expected Dice, 0 to 1, of names of what is in the image.
        absent: the same of names of what is not.

    Raises:
        DataError: there is no absent name, or a value is no expected Dice.
    """
    if not len(absent):
        raise DataError(
            "There is no absent name to choose a threshold by",
            "",
            "Take cases in which some structure is certain not to be",
        )
    values = np.array([*present, *absent], np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise DataError(
            "An expected Dice is not between 0 and 1", f"They reach from {values.min()} to {values.max()}"
        )
    thresholds = np.arange(STEPS + 1) / STEPS
    refused, lost = _shares_below(absent, thresholds), _shares_below(present, thresholds)
    chosen = _lowest(refused >= WANTED_REFUSED)
    if lost[chosen] > MANY_LOST:
        worth = np.where(refused >= LEAST_REFUSED, refused + 1 - lost, -1.0)
        chosen = int(worth.argmax())
    return Absence(
        float(thresholds[chosen]), len(absent), float(refused[chosen]), len(present), float(lost[chosen])
    )


def _shares_below(values: Sequence[float], thresholds: np.ndarray) -> np.ndarray:
    """For each threshold, the share of values below it; 0 without any value."""
    counts: np.ndarray = np.searchsorted(np.sort(np.asarray(values, np.float64)), thresholds, side="left")
    return counts / max(len(values), 1)


def _lowest(holds: np.ndarray) -> int:
    """The first index that holds; the last one if none does, as for a model that is certain of all."""
    return int(holds.argmax()) if holds.any() else len(holds) - 1
