"""The area at the top of the panel that is there only while Python packages are missing."""

from __future__ import annotations

from collections.abc import Callable

from LightSegUI import Installer
from LightSegUI.Signal import Signal
from LightSegUI.Translation import tr as _


class PanelInstall:
    """Says what is missing and opens the installation.

    Signals:
        changed(): other packages are missing than before.

    Args:
        ui: the panel's widgets: installFrame, installLabel, installButton.
        openDialog: shows the installation and calls what it is given when packages may have changed;
            None for LightSeg's own window.
    """

    def __init__(self, ui, openDialog: Callable[[Callable[[], None]], None] | None = None) -> None:
        self.changed = Signal("changed")
        self._ui = ui
        self._openDialog = openDialog or _openDialog
        self._missing: tuple[str, ...] = ()
        ui.installButton.clicked.connect(self._onInstall)
        self._show()

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the packages that are missing, as far as was looked."""
        return self._missing

    def look(self) -> None:
        """Look what is missing; cheap, and imports none of it."""
        found = tuple(package.name for package in Installer.missing())
        if found != self._missing:
            self._missing = found
            self._show()
            self.changed.emit()

    def cleanup(self) -> None:
        """The widgets are about to be destroyed."""
        self.changed.disconnect()
        self._ui.installButton.clicked.disconnect(self._onInstall)

    def _show(self) -> None:
        self._ui.installFrame.setVisible(bool(self._missing))
        self._ui.installLabel.setText(
            _(
                "LightSeg needs some Python packages that Slicer does not have yet: {names}. They are "
                "installed once, and nothing is downloaded before you agree."
            ).format(names=", ".join(self._missing))
        )

    def _onInstall(self, *unused) -> None:
        self._openDialog(self.look)


def _openDialog(done: Callable[[], None]) -> None:
    from LightSegUI.InstallDialog import openDialog

    openDialog(done)
