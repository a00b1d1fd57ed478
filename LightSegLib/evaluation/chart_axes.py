"""Axes of charts: where a value lies, and what is written beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from LightSegLib.errors import DataError


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        label: what it shows, with the unit.
        ticks: numbered places, rising; the axis reaches from the first to the last one.
        logarithmic: equal steps multiply. All ticks are above 0 then.
        names: what the ticks are called; None for their numbers.
    """

    label: str
    ticks: Sequence[float]
    logarithmic: bool = False
    names: Sequence[str] | None = None

    def place(self, value: float) -> float:
        """Where a value lies, from 0 at the first tick to 1 at the last; beyond them the nearer one."""
        scale = math.log if self.logarithmic else float
        low, high = scale(self.ticks[0]), scale(self.ticks[-1])
        clipped = min(max(value, self.ticks[0]), self.ticks[-1])
        return (scale(clipped) - low) / (high - low)

    def check(self) -> None:
        """Refuse an axis that nothing can be placed on.

        Raises:
            DataError: fewer than two ticks, or they fall, or a logarithmic axis starts at 0 or below.
        """
        rises = all(low < high for low, high in zip(self.ticks, self.ticks[1:], strict=False))
        if len(self.ticks) < 2 or not rises or (self.logarithmic and self.ticks[0] <= 0):
            raise DataError(
                f"The axis {self.label} has the ticks {list(self.ticks)}",
                "It needs two or more, rising, and above 0 if it is logarithmic",
            )

    def named_ticks(self) -> list[tuple[float, str]]:
        """Each tick with what it is called."""
        names = [f"{value:g}" for value in self.ticks] if self.names is None else self.names
        return list(zip(self.ticks, names, strict=True))


def ticks_up_to(largest: float, parts: int = 5) -> list[float]:
    """Round numbers from 0 to at least `largest`, about so many steps of 1, 2 or 5 times a power of ten."""
    if not math.isfinite(largest) or largest <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(largest / parts))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * parts >= largest * (1 - 1e-9))
    return [round(step * number, 10) for number in range(math.ceil(largest / step - 1e-9) + 1)]
