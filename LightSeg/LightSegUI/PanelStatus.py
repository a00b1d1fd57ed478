"""The one place where the panel talks to the user: what to do next, how an answer was, what went wrong, how
far the work is. It has a fixed place, so that nothing jumps when something starts or ends.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import qt

from LightSegUI.StateText import errorText
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegLib.errors import LightSegError

SHOW_PROGRESS_AFTER_MS = 400
"""Most answers are there sooner; a bar that flashes up for them would only disturb."""


class PanelStatus:
    """A message line and a progress bar that take turns.

    Args:
        ui: the panel's widgets: statusStack, messagePage, messageIcon, messageLabel, progressPage,
            progressBar, progressLabel.
    """

    def __init__(self, ui) -> None:
        self._ui = ui
        self._error: LightSegError | None = None
        self._wait = qt.QTimer()
        self._wait.setSingleShot(True)
        self._wait.setInterval(SHOW_PROGRESS_AFTER_MS)
        self._wait.timeout.connect(self._showProgress)
        ui.messageLabel.setTextFormat(qt.Qt.RichText)
        self.showText("")

    @property
    def error(self) -> LightSegError | None:
        """The error shown, None if something else is."""
        return self._error

    def showText(self, text: str) -> None:
        """Say something; it takes the place of an error."""
        self._error = None
        self._ui.messageIcon.setVisible(False)
        self._ui.messageLabel.setText(escape(text))

    def showError(self, error: LightSegError) -> None:
        """Say what went wrong, why, and what to do; it stays until something else is said."""
        self._error = error
        icon = self._ui.messageIcon
        style = icon.style()
        size = style.pixelMetric(qt.QStyle.PM_SmallIconSize)
        icon.setPixmap(style.standardIcon(qt.QStyle.SP_MessageBoxWarning).pixmap(size, size))
        icon.setVisible(True)
        self._ui.messageLabel.setText(errorText(error))

    def setBusy(self, busy: bool) -> None:
        """Work began, or ended."""
        if busy:
            self.setProgress(-1.0, "")
            self._wait.start()
        else:
            self._wait.stop()
            self._ui.statusStack.setCurrentWidget(self._ui.messagePage)

    def setProgress(self, fraction: float, text: str) -> None:
        """How far the work is, 0 to 1 (0 or less: unknown), and what it is doing."""
        bar = self._ui.progressBar
        known = fraction > 0  # a bar that stands at 0 % while the model loads looks stuck
        bar.setRange(0, 100 if known else 0)  # from 0 to 0 is a bar that moves without saying how far
        bar.setValue(round(100 * fraction) if known else 0)
        bar.setTextVisible(known)
        self._ui.progressLabel.setText(text or _("Segmenting"))

    def cleanup(self) -> None:
        """The widgets are about to be destroyed."""
        self._wait.stop()
        self._wait.timeout.disconnect(self._showProgress)

    def _showProgress(self) -> None:
        self._ui.statusStack.setCurrentWidget(self._ui.progressPage)
