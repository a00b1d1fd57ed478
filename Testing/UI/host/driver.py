"""What a test holds: `Host` is the application as its user and its developer meet it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk

from . import settings, signals
from .dialogs import Dialogs, dialogs
from .effects import qSlicerSegmentEditorEffectFactory
from .keyboard import Keyboard
from .slice_mouse import SliceMouse

MODULES = Path(__file__).resolve().parents[3] / "LightSeg"


class Host:
    """A Slicer of its own for each test, with one empty scene.

    Attributes:
        app: slicer.app
        scene: slicer.mrmlScene
        dialogs: prepare answers for modal dialogs here, see `dialogs.Dialogs`.
        mouse: clicks and drags in slice views, see `slice_mouse.SliceMouse`.
        keyboard: shortcuts and keys, see `keyboard.Keyboard`.
        errors: exceptions in slots, observers and callbacks so far; any that are left fail the test.
    """

    def __init__(self, app: Any, folder: Path) -> None:
        settings.use_folder(folder)
        dialogs.clear()
        signals.errors.clear()
        qSlicerSegmentEditorEffectFactory._instance = None
        app._begin(folder)
        self.app = app
        self.scene = slicer.mrmlScene
        self.dialogs: Dialogs = dialogs
        self.errors = signals.errors
        self.folder = folder
        self.mouse = SliceMouse(app)
        self.keyboard = Keyboard(app)
        self._editor: Any = None

    def close(self) -> None:
        """Leave Slicer: the module is left, aboutToQuit, modules are cleaned up, the scene is cleared."""
        slicer.util.mainWindow().moduleSelector().selectModule("")
        self.app._end()
        self.pump()
        for signal in ("aboutToQuit", "startupCompleted"):
            signals._disconnect(self.app, signal, None)

    # --- Modules ------------------------------------------------------------------------------------------

    def load(self, name: str, folder: Path = MODULES) -> Any:
        """Load a scripted module from its folder, as Slicer does before startup is completed."""
        return self.app.moduleManager()._load(folder / f"{name}.py")

    def start(self) -> None:
        """Tell the modules that startup is completed."""
        self.app.startupCompleted.emit()
        self.pump()

    def open(self, name: str) -> Any:
        """Select a module; the instance of its widget class comes back."""
        slicer.util.selectModule(name)
        slicer.util.mainWindow().show()
        self.pump()
        return slicer.util.getModuleWidget(name)

    def leave(self) -> None:
        """Switch to no module."""
        slicer.util.mainWindow().moduleSelector().selectModule("")
        self.pump()

    def reload(self, name: str) -> Any:
        """The Reload button of the developer mode; the new instance of the widget class comes back."""
        slicer.util.reloadScriptedModule(name)
        self.pump()
        return slicer.util.getModuleWidget(name)

    def segmentEditor(self) -> Any:
        """The Segment Editor module's editor widget, with the module's own singleton node."""
        if self._editor is None:
            node = slicer.vtkMRMLSegmentEditorNode()
            node.SetSingletonTag("SegmentEditor")
            self._editor = slicer.qMRMLSegmentEditorWidget()
            self._editor.setMaximumNumberOfUndoStates(10)
            self._editor.setMRMLScene(slicer.mrmlScene)
            self._editor.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNode(node))
            factory = slicer.qSlicerSegmentEditorEffectFactory.instance()
            factory.connect("effectRegistered(QString)", lambda name: self._editor.updateEffectList())
        return self._editor

    # --- Scene --------------------------------------------------------------------------------------------

    def addVolume(
        self,
        array: Any = None,
        ijk_to_ras: Any = None,
        name: str = "Image",
        kind: str = "vtkMRMLScalarVolumeNode",
    ) -> Any:
        """A volume node with an array (K, J, I), shown in the slice views; a gradient by default."""
        if array is None:
            array = np.add.outer(np.add.outer(np.arange(40), np.arange(50)), np.arange(60)).astype(np.int16)
        node = slicer.mrmlScene.AddNewNodeByClass(kind, name)
        slicer.util.updateVolumeFromArray(node, np.asarray(array))
        if ijk_to_ras is not None:
            node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(np.asarray(ijk_to_ras, dtype=float)))
        node.CreateDefaultDisplayNodes()
        self.mouse.show(node)
        return node

    def addSegmentation(self, volume: Any, *names: str) -> Any:
        """A segmentation node with the volume's geometry and empty segments of these names."""
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        for name in names:
            node.GetSegmentation().AddEmptySegment(name, name)
        return node

    # --- Time ---------------------------------------------------------------------------------------------

    def pump(self, until: Callable[[], Any] | None = None, seconds: float = 10.0) -> bool:
        """Process events: once until there are none, or until a condition holds.

        Args:
            until: what to wait for; None processes what is waiting, deletions included.
            seconds: how long to wait at most.

        Returns:
            Whether the condition holds.
        """
        from PySide6.QtCore import QCoreApplication, QEvent

        end = time.monotonic() + seconds
        for _ in range(3):
            self.app.processEvents()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        if until is None:
            return True
        while not until() and time.monotonic() < end:
            self.app.processEvents()
            time.sleep(0.001)
        return bool(until())

    def expectErrors(self) -> list[BaseException]:
        """The errors so far, which then no longer fail the test."""
        found = list(self.errors)
        self.errors.clear()
        return found

    def setTesting(self, on: bool = True) -> None:
        """As if Slicer had been started with --testing."""
        self.app._d.testing = on

    def restartSettings(self) -> None:
        """Read the user's settings anew from their file, as after a restart."""
        settings.restart()

    def grab(self, widget: Any, path: Path) -> Path:
        """Save a picture of a widget."""
        widget.show()
        self.pump()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not widget.grab().save(str(path)):
            raise OSError(f"{path} could not be written")
        logging.info("Saved %s", path)
        return path

    @staticmethod
    def worldOf(volume: Any, ijk: Any) -> tuple[float, float, float]:
        """The RAS position of a voxel, parent transforms included."""
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        ras = matrix.MultiplyPoint((*[float(value) for value in ijk], 1.0))[:3]
        if volume.GetParentTransformNode() is not None:
            transform = vtk.vtkGeneralTransform()
            volume.GetParentTransformNode().GetTransformToWorld(transform)
            ras = transform.TransformPoint(ras)
        return tuple(ras)
