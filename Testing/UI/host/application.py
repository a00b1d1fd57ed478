"""`slicer.app`: the one application object, and what of it each test gets anew."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import slicer
from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QApplication, QMainWindow, QTabWidget, QVBoxLayout, QWidget

from .layout_manager import qSlicerLayoutManager
from .module_manager import qSlicerModuleManager
from .module_panel import qSlicerModuleSelectorToolBar
from .settings import QSettings

VERSION = "5.12.3"


class qSlicerMainWindow(QMainWindow):
    """The main window: module panel at the left, views at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        center = QWidget()
        row = QVBoxLayout(center)
        panel, viewport = QTabWidget(), QWidget()
        row.addWidget(panel)
        row.addWidget(viewport)
        self.setCentralWidget(center)
        self._d = SimpleNamespace(
            panel=panel, viewport=viewport, selector=qSlicerModuleSelectorToolBar(panel)
        )

    def moduleSelector(self) -> qSlicerModuleSelectorToolBar:
        return self._d.selector


class qSlicerApplication(QApplication):
    """The application. `testingEnabled` says False unless a test switches it."""

    startupCompleted = Signal()
    mrmlSceneChanged = Signal(object)
    renderPaused = Signal(bool)
    SIGNATURES = {"mrmlSceneChanged": "mrmlSceneChanged(vtkMRMLScene*)"}

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments)
        self._d = SimpleNamespace(testing=False)
        self.setApplicationName("Slicer")
        self.setOrganizationName("slicer.org")
        self.setApplicationVersion(VERSION)

    def _begin(self, folder: Path) -> None:
        """Start over: scene, logics, modules, main window, views."""
        self._d = SimpleNamespace(testing=False, folder=folder, paused=0)
        scene = slicer.vtkMRMLScene()
        self._d.scene = slicer.mrmlScene = scene
        self._d.logic = slicer.vtkSlicerApplicationLogic()
        self._d.logic.SetMRMLScene(scene)
        self._d.modules = qSlicerModuleManager(self._d.logic, scene)
        self._d.window = qSlicerMainWindow()
        self._d.window.resize(1200, 900)
        self._d.layouts = qSlicerLayoutManager(self._d.window._d.viewport, scene, self._d.logic)
        self._d.layouts._connect()

    def _end(self) -> None:
        """Close everything, as on leaving Slicer: aboutToQuit first, then the modules go."""
        self.aboutToQuit.emit()
        self._d.modules._unloadAll()
        self._d.scene.Clear(1)
        self._d.modules.deleteLater()
        for widget in self.topLevelWidgets():
            widget.close()
            if not _belongs_to_a_completer(widget):
                widget.deleteLater()

    # --- Questions ----------------------------------------------------------------------------------------

    majorVersion = Property(int, lambda self: 5)
    minorVersion = Property(int, lambda self: 12)
    os = Property(str, lambda self: "linux")
    arch = Property(str, lambda self: "amd64")
    platform = Property(str, lambda self: "linux-amd64")
    revision = Property(str, lambda self: "34627")
    mainApplicationName = Property(str, lambda self: "Slicer")
    documentationBaseUrl = Property(str, lambda self: "https://slicer.readthedocs.io/en/v5.12/")
    slicerHome = Property(str, lambda self: str(self._d.folder))
    temporaryPath = Property(
        str, lambda self: str(self._d.folder), lambda self, value: self._setTemporaryPath(value)
    )
    cachePath = Property(str, lambda self: str(self._d.folder / "cache"))
    extensionsInstallPath = Property(str, lambda self: str(self._d.folder / "Extensions"))
    slicerUserSettingsFilePath = Property(str, lambda self: QSettings().fileName())

    def testingEnabled(self) -> bool:
        """Whether Slicer was started with --testing."""
        return self._d.testing

    def _setTemporaryPath(self, path: str) -> None:
        self._d.folder = Path(path)

    def mrmlScene(self) -> Any:
        return self._d.scene

    def applicationLogic(self) -> Any:
        return self._d.logic

    def moduleManager(self) -> qSlicerModuleManager:
        return self._d.modules

    def moduleLogic(self, name: str) -> Any:
        return self._d.logic.GetModuleLogic(name)

    def layoutManager(self) -> qSlicerLayoutManager:
        return self._d.layouts

    def settings(self) -> QSettings:
        return QSettings()

    def userSettings(self) -> QSettings:
        return QSettings()

    def revisionUserSettings(self) -> QSettings:
        return QSettings()

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def pauseRender(self) -> None:
        self._d.paused += 1

    def resumeRender(self) -> None:
        self._d.paused -= 1

    def _shortcuts_for(self, symbol: str, modifiers: Any = ()) -> list[Any]:
        """The enabled shortcuts of the main window for a key."""
        keys = QKeySequence("+".join([*modifiers, symbol]))
        found = self._d.window.findChildren(QShortcut)
        return [item for item in found if item.isEnabled() and item.key == keys]


def _belongs_to_a_completer(widget: QWidget) -> bool:
    """Whether a window is the list of a QCompleter, which deletes it itself, whatever became of it."""
    return isinstance(widget, QAbstractItemView) and widget.windowType() == Qt.WindowType.Popup
