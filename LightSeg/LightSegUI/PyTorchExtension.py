"""PyTorch by way of Slicer's PyTorch extension, which knows the right build for this computer."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from subprocess import CalledProcessError
from typing import Any

from LightSegUI.InstallError import InstallError, InstallStopped
from LightSegUI.PipAdapter import PipAdapter, pipFailed
from LightSegUI.ProcessWatch import ProcessWatch
from LightSegUI.Translation import tr as _

NAME = "PyTorch"

READY, RESTART, DISABLED, ABSENT = "ready", "restart", "disabled", "absent"
"""States of the extension: usable, not loaded before Slicer restarts, switched off, not installed."""


class PyTorchExtension:
    """The extension in the running Slicer.

    Args:
        pip: runs the pips that the extension asks Slicer for.
        slicerModule: `slicer`, or a stand-in with `app` and `modules`.
        importUtils: imports the extension's module PyTorchUtils.
    """

    def __init__(
        self,
        pip: PipAdapter,
        slicerModule: Any = None,
        importUtils: Callable[[], Any] = lambda: _import("PyTorchUtils"),
    ) -> None:
        self._pip = pip
        self._slicer = slicerModule or _import("slicer")
        self._importUtils = importUtils

    def state(self) -> str:
        """READY, RESTART, DISABLED or ABSENT."""
        if hasattr(self._slicer.modules, "pytorchutils"):
            return READY
        manager = self._manager()
        if manager is None or not manager.isExtensionInstalled(NAME):
            return ABSENT
        return RESTART if manager.isExtensionEnabled(NAME) else DISABLED

    def install(self, watch: ProcessWatch) -> None:
        """Get the extension from Slicer's extensions server; it works after a restart.

        Raises:
            InstallError: it could not be had.
        """
        manager = self._manager()
        if manager is None:
            raise InstallError(
                _("This Slicer cannot install extensions"),
                "",
                _("Use a Slicer from download.slicer.org, or install from a folder of wheels"),
            )
        watch.say(_("Getting the PyTorch extension from Slicer's extensions server"))
        asked = manager.interactive
        manager.setInteractive(False)  # the user has just been asked
        try:
            done = manager.installExtensionFromServer(
                NAME, False
            )  # without a restart: it is ours to announce
        finally:
            manager.setInteractive(asked)
        if not done or not manager.isExtensionInstalled(NAME):
            raise InstallError(
                _("The PyTorch extension could not be installed"),
                _("Slicer's extensions server did not deliver it"),
                _(
                    "Check the internet connection, try View > Extensions Manager > PyTorch, or install "
                    "from a folder of wheels"
                ),
            )

    def installTorch(
        self, watch: ProcessWatch, requirement: str, cpuOnly: bool, removeFirst: bool = False
    ) -> None:
        """Install PyTorch.

        Args:
            watch: gets what the installation writes.
            requirement: the wanted versions, ">=2.2,<2.13".
            cpuOnly: the build without GPU support, smaller by gigabytes; otherwise the one for the driver.
            removeFirst: whether a broken installation is in the way.

        Raises:
            InstallError: it failed.
            InstallStopped: the user stopped it.
        """
        logic = self._importUtils().PyTorchUtilsLogic()
        backend = "cpu" if cpuOnly else None
        try:
            with self._pip.watched(watch):
                if removeFirst:
                    logic.uninstallTorch()
                torch = logic.installTorch(
                    askConfirmation=False,
                    forceComputationBackend=backend,
                    torchVersionRequirement=requirement,
                )
        except InstallStopped:
            raise
        except CalledProcessError as error:
            raise pipFailed([NAME], watch.text, error) from error
        except Exception as error:  # the extension imports torch afterwards: anything may go wrong in that
            raise pipFailed([NAME], f"{watch.text}\n{type(error).__name__}: {error}", error) from error
        if torch is None:
            raise InstallError(
                _("PyTorch was not installed"),
                _("The PyTorch extension declined"),
                _("Open the module PyTorch Utils, install PyTorch there, and press Install again"),
            )

    def _manager(self) -> Any | None:
        getter = getattr(self._slicer.app, "extensionsManagerModel", None)
        return None if getter is None else getter()


def _import(name: str) -> Any:
    return importlib.import_module(name)
