"""Line charts as SVG, written by hand: no package draws them, and the files can be read and compared as text.

The same numbers give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from LightSegLib.errors import DataError
from LightSegLib.evaluation.chart_axes import Axis

Corner = Literal["upper left", "upper right", "lower right"]

WIDTH, HEIGHT = 720, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 60, 48, 64
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
"""Told apart also by the colour-blind: Okabe and Ito, Color Universal Design (2008)."""
_FONT = "font-family='system-ui, Helvetica, Arial, sans-serif'"
_LEGEND_LINE = 20


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    Attributes:
        name: for the legend.
        x, y: of its points, from left to right, as many of one as of the other; finite.
        weights: 0 to 1, shown as the area of the points' dots; None for small dots of one size.
        dashed: a comparison rather than the thing itself.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    weights: Sequence[float] | None = None
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart of lines.

    Attributes:
        title: above it.
        x, y: its axes.
        series: its lines, in the order of the legend.
        diagonal: also a thin line from the lower left to the upper right corner.
        legend: the corner in which it stands.
    """

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series] = field(default_factory=tuple)
    diagonal: bool = False
    legend: Corner = "lower right"

    def svg(self) -> str:
        """The chart as an SVG document.

        Raises:
            DataError: a line has not as many x as y, or values that are not finite; an axis has fewer than
                two ticks, or falls.
        """
        for axis in (self.x, self.y):
            axis.check()
        parts = [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' "
            f"width='{WIDTH}' height='{HEIGHT}' role='img' aria-label='{escape(self.title)}'>",
            f"<rect width='{WIDTH}' height='{HEIGHT}' fill='#ffffff'/>",
            _text(WIDTH / 2, _TOP / 2, self.title, size=16, anchor="middle"),
            *self._axes(),
        ]
        if self.diagonal:
            (x0, y0), (x1, y1) = _corner(0, 0), _corner(1, 1)
            parts.append(
                f"<line x1='{x0}' y1='{y0}' x2='{x1}' y2='{y1}' stroke='#999999' stroke-dasharray='2 4'/>"
            )
        for number, series in enumerate(self.series):
            parts += self._line(series, _COLOURS[number % len(_COLOURS)])
        return "\n".join([*parts, *self._legend(), "</svg>", ""])

    def _axes(self) -> list[str]:
        (left, bottom), (right, top) = _corner(0, 0), _corner(1, 1)
        parts = []
        for value, name in self.x.named_ticks():
            x = _corner(self.x.place(value), 0)[0]
            parts.append(f"<line x1='{x}' y1='{bottom}' x2='{x}' y2='{top}' stroke='#e5e5e5'/>")
            parts.append(_text(x, bottom + 20, name, anchor="middle"))
        for value, name in self.y.named_ticks():
            y = _corner(0, self.y.place(value))[1]
            parts.append(f"<line x1='{left}' y1='{y}' x2='{right}' y2='{y}' stroke='#e5e5e5'/>")
            parts.append(_text(left - 8, y + 4, name, anchor="end"))
        parts.append(f"<path d='M{left} {top}V{bottom}H{right}' fill='none' stroke='#333333'/>")
        parts.append(_text((left + right) / 2, HEIGHT - 16, self.x.label, size=14, anchor="middle"))
        middle = (top + bottom) / 2
        turned = f" transform='rotate(-90 18 {middle})'"
        return [*parts, _text(18, middle, self.y.label, size=14, anchor="middle", more=turned)]

    def _line(self, series: Series, colour: str) -> list[str]:
        if len(series.x) != len(series.y) or not all(map(math.isfinite, (*series.x, *series.y))):
            raise DataError(
                f"The line {series.name} cannot be drawn",
                f"It has {len(series.x)} x and {len(series.y)} y, or one that is not finite",
            )
        points = [_corner(self.x.place(x), self.y.place(y)) for x, y in zip(series.x, series.y, strict=True)]
        path = " ".join(f"{x},{y}" for x, y in points)
        dash = " stroke-dasharray='7 4'" if series.dashed else ""
        line = f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2.5'{dash}/>"
        radii = [3.0] * len(points)
        if series.weights is not None:
            radii = [round(3 + 22 * math.sqrt(weight), 1) for weight in series.weights]
        fade = "" if series.weights is None else " fill-opacity='0.45'"
        dots = [
            f"<circle cx='{x}' cy='{y}' r='{radius}' fill='{colour}'{fade}/>"
            for (x, y), radius in zip(points, radii, strict=True)
        ]
        return [line, *dots]

    def _legend(self) -> list[str]:
        (left, bottom), (right, top) = _corner(0, 0), _corner(1, 1)
        width = 46 + 7.2 * max((len(series.name) for series in self.series), default=0)
        height = _LEGEND_LINE * len(self.series) + 8
        x = left + 12 if self.legend == "upper left" else right - width - 8
        y = bottom - height - 10 if self.legend == "lower right" else top + 8
        parts = [
            f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height}' fill='#ffffff' "
            "fill-opacity='0.85' stroke='#dddddd'/>"
        ]
        for number, series in enumerate(self.series):
            at = y + _LEGEND_LINE * number + 18
            dash = " stroke-dasharray='7 4'" if series.dashed else ""
            parts.append(
                f"<line x1='{x + 8:.1f}' y1='{at - 4:.1f}' x2='{x + 32:.1f}' y2='{at - 4:.1f}' "
                f"stroke='{_COLOURS[number % len(_COLOURS)]}' stroke-width='2.5'{dash}/>"
            )
            parts.append(_text(x + 38, at, series.name))
        return parts if self.series else []


def _corner(x: float, y: float) -> tuple[float, float]:
    """Where a place, 0 to 1 to the right and up, lies in the picture: pixels from the upper left corner."""
    width, height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    return round(_LEFT + x * width, 1), round(HEIGHT - _BOTTOM - y * height, 1)


def _text(x: float, y: float, words: str, *, size: int = 13, anchor: str = "start", more: str = "") -> str:
    place = f"x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' fill='#222222'"
    return f"<text {place} {_FONT}{more}>{escape(words)}</text>"
