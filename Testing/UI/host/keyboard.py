"""The keyboard: shortcuts of the main window, and keys for a widget that has the focus."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest


class Keyboard:
    """Presses keys as Qt gets them: shortcuts first, then the widget with the focus."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def press(self, keys: str, widget: Any = None) -> None:
        """Press "Ctrl+Z" or "P"; for the main window, or the widget that is to have the focus."""
        window = slicer.util.mainWindow()
        target = widget if widget is not None else window
        self._activate(target.window())
        if widget is not None:
            widget.setFocus()
        self._app.processEvents()
        QTest.keySequence(target, QKeySequence(keys))
        self._app.processEvents()

    def type(self, text: str, widget: Any) -> None:
        """Type text into a widget."""
        self._activate(widget.window())
        widget.setFocus()
        QTest.keyClicks(widget, text)
        self._app.processEvents()

    def owners(self, keys: str) -> list[Any]:
        """The enabled shortcuts of the application with this key; two or more are ambiguous."""
        return self._app._shortcuts_for(keys)

    def _activate(self, window: Any) -> None:
        window.show()
        window.activateWindow()
        if not QTest.qWaitForWindowActive(window):
            modal = self._app.activeModalWidget()
            raise RuntimeError(f"{window} cannot become the active window; modal is {modal}")
