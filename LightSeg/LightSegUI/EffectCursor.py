"""The mouse pointer of the effect: a cross where it points, beside it a sign of what a press will do."""

from __future__ import annotations

from typing import Any

import qt

from LightSegUI.EffectMarkers import GREEN, RED, YELLOW
from LightSegUI.Shortcuts import BOX, SCRIBBLE

_SIZE = 32
_HOT = 11  # pixels from the left and the top to the point of the cross
_SIGN = 24  # center of the sign
_BLACK = (0, 0, 0)
_WHITE = (255, 255, 255)


class Cursors:
    """Draws each cursor once."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, bool, bool], Any] = {}

    def cursor(self, tool: str, negative: bool, busy: bool) -> Any:
        """The QCursor for a tool.

        Args:
            tool: "inside", "outside", "box" or "scribble".
            negative: whether a press would say what is outside; boxes do not.
            busy: whether an answer is being computed.
        """
        key = (tool, negative, busy)
        if key not in self._made:
            self._made[key] = _draw(*key)
        return self._made[key]


def _draw(tool: str, negative: bool, busy: bool) -> Any:
    pixmap = qt.QPixmap(_SIZE, _SIZE)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter()
    if not painter.begin(pixmap):
        return qt.QCursor(qt.Qt.CrossCursor)
    # A wide dark line below a narrow bright one is seen on any image.
    for width, color in ((3, _BLACK), (1, _WHITE)):
        _lines(painter, width, color, _cross())
    color = RED if negative else YELLOW if tool == BOX else GREEN
    for width, ink in ((4, _BLACK), (2, color)):
        _lines(painter, width, ink, _sign(tool, negative))
    if busy:
        for width, ink in ((5, _BLACK), (3, _WHITE)):
            _lines(painter, width, ink, [(x, 29, x, 29) for x in (3, 9, 15)])
    painter.end()
    return qt.QCursor(pixmap, _HOT, _HOT)


def _cross() -> list[tuple[int, int, int, int]]:
    """Four strokes that leave the middle, where the user looks, free."""
    near, far = 3, 9
    return [
        (_HOT - far, _HOT, _HOT - near, _HOT),
        (_HOT + near, _HOT, _HOT + far, _HOT),
        (_HOT, _HOT - far, _HOT, _HOT - near),
        (_HOT, _HOT + near, _HOT, _HOT + far),
    ]


def _sign(tool: str, negative: bool) -> list[tuple[int, int, int, int]]:
    """Plus, minus, box or pen."""
    low, high = _SIGN - 5, _SIGN + 5
    if tool == BOX:
        across = [(low, edge, high, edge) for edge in (low, high)]
        return across + [(edge, low, edge, high) for edge in (low, high)]
    if tool == SCRIBBLE:
        # The pen's barrel and tip, and left of it whether it draws inside or outside.
        pen = [
            (low + 3, high - 4, high, low - 1),
            (low + 4, high - 3, high + 1, low),
            (low + 1, high, low + 2, high - 1),
        ]
        left = low - 4
        across, up = (left - 3, _SIGN, left + 3, _SIGN), (left, _SIGN - 3, left, _SIGN + 3)
        return [*pen, across] if negative else [*pen, across, up]
    minus = (low, _SIGN, high, _SIGN)
    return [minus] if negative else [minus, (_SIGN, low, _SIGN, high)]


def _lines(painter: Any, width: int, color: tuple[int, int, int], lines: Any) -> None:
    pen = qt.QPen(qt.QColor(*color))
    pen.setWidth(width)
    painter.setPen(pen)
    for line in lines:
        painter.drawLine(*line)
