"""Is the Dice that a model expects of its mask the Dice that the mask has?

Clicks are sorted by what was expected into bins of equal width. In a calibrated model the mean Dice of each
bin is the mean of what was expected there. The expected calibration error is the mean distance of the two
over the bins, each bin weighing as much as the clicks in it (Naeini, Cooper, Hauskrecht, AAAI 2015, with Dice
in place of accuracy). Clicks come in groups, one per source, and each group weighs the same, so that a source
with many cases does not outvote the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10


@dataclass(frozen=True)
class Bin:
    """The clicks whose expected Dice lies in one range.

    Attributes:
        lower, upper: the range; the upper end belongs to the next bin, but 1 to the last one.
        clicks: how many.
        weight: their share of all weight, 0 to 1.
        expected: mean Dice that was expected.
        dice: mean Dice there was.
    """

    lower: float
    upper: float
    clicks: int
    weight: float
    expected: float
    dice: float


@dataclass(frozen=True)
class Calibration:
    """How far what was expected is from what came.

    Attributes:
        bins: those with clicks, from low to high.
        clicks: how many in all.
        expected: mean Dice that was expected.
        dice: mean Dice there was.
        error: expected calibration error, 0 to 1; small is good.
        gap: mean distance between expected and true Dice click by click; never below `error`.
    """

    bins: tuple[Bin, ...]
    clicks: int
    expected: float
    dice: float
    error: float
    gap: float


def calibrate(groups: Sequence[Sequence[tuple[float, float]]], bins: int = BINS) -> Calibration | None:
    """Compare expected with true Dice.

    Args:
        groups: per source the pairs (expected, true) of its clicks, both 0 to 1. Empty groups do not count.
        bins: ranges of equal width, at least 1.

    Returns:
        None without any click.
    """
    filled = [np.asarray(group, dtype=float).reshape(-1, 2) for group in groups if len(group)]
    if not filled:
        return None
    expected, true = np.concatenate(filled).T
    weight = np.concatenate([np.full(len(group), 1 / len(group)) for group in filled]) / len(filled)
    number = np.minimum((expected * bins).astype(int), bins - 1)
    found = []
    for each in np.unique(number).tolist():
        here = number == each
        share = float(weight[here].sum())
        means = [float(np.average(values[here], weights=weight[here])) for values in (expected, true)]
        found.append(Bin(each / bins, (each + 1) / bins, int(here.sum()), share, *means))
    return Calibration(
        bins=tuple(found),
        clicks=len(expected),
        expected=float((weight * expected).sum()),
        dice=float((weight * true).sum()),
        error=sum(each.weight * abs(each.expected - each.dice) for each in found),
        gap=float((weight * np.abs(expected - true)).sum()),
    )
