"""Measurements of speed and memory against their budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from LightSegLib.evaluation.markdown import markdown_table

_UNITS = {"s": (1.0, "{:.3f} s"), "ms": (1e3, "{:.1f} ms"), "GB": (1e-9, "{:.2f} GB"), "%": (100, "{:.0f} %")}
_UNITS["times"] = (1.0, "{:.0f} times")


@dataclass(frozen=True)
class Measurement:
    """One number, and what it may be.

    Attributes:
        what: in words.
        value: seconds, bytes or a share; None if it could not be measured.
        unit: how to show it: "s", "ms", "GB", "%" or "times".
        budget: largest value allowed, in the same measure; None if it is shown for information.
        at_least: the budget is the smallest value allowed instead.
    """

    what: str
    value: float | None
    unit: str
    budget: float | None = None
    at_least: bool = False

    @property
    def within(self) -> bool | None:
        """Whether the budget holds; None without a budget or a value."""
        if self.value is None or self.budget is None:
            return None
        return self.value >= self.budget if self.at_least else self.value <= self.budget

    @property
    def verdict(self) -> str:
        """OK, or by how much not: "over by 0.120 s (40 %)", "short by 20 times (20 %)"; empty: no budget."""
        if self.budget is None:
            return ""
        if self.value is None:
            return "not measured"
        if self.within:
            return "OK"
        word = "short" if self.at_least else "over"
        off = abs(self.value - self.budget)
        if self.unit == "%":
            return f"{word} by {100 * off:.0f} percentage points"
        return f"{word} by {self.show(off)} ({100 * off / self.budget:.0f} %)"

    def show(self, value: float | None) -> str:
        """A value in this measurement's unit."""
        if value is None:
            return "-"
        factor, text = _UNITS[self.unit]
        return text.format(factor * value)

    def to_dict(self) -> dict[str, Any]:
        """As JSON types; the value in seconds, bytes or a share, whatever the unit shown."""
        return {**asdict(self), "within": self.within}


def budget_table(measurements: Sequence[Measurement]) -> str:
    """Markdown: what, measured, budget, verdict."""
    rows = [["what", "measured", "budget", "verdict"]]
    for item in measurements:
        limit = "" if item.budget is None else ("at least " if item.at_least else "") + item.show(item.budget)
        rows.append([item.what, item.show(item.value), limit, item.verdict])
    return markdown_table(rows)
