"""Runs inside Slicer with its window: the module's panel, the effect with the mouse, the installation window.

What needs PyTorch is skipped where it is not installed. Nothing is downloaded. Every method stands alone.
If the variable LIGHTSEG_SCREENSHOTS names a folder, pictures go there.
"""

# ruff: noqa: PT009 - Slicer runs unittest, not pytest

from __future__ import annotations

import os
import sys
import time
import unittest
from pathlib import Path

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

sys.path.append(str(Path(slicer.util.modulePath("LightSeg")).parent))

from LightSegUI import Installer
from LightSegUI.SampleData import SAMPLE_WITH_OUTLINE, registerSampleData

PATIENCE_SECONDS = 180
"""How long an answer may take; generous, because the first one loads the model."""

needsPackages = unittest.skipIf(Installer.missing(), "packages are not installed")
needsWindow = unittest.skipIf(slicer.util.mainWindow() is None, "Slicer runs without a window")


@needsWindow
class LightSegWindowTest(ScriptedLoadableModuleTest):
    """What the user sees and does."""

    def setUp(self) -> None:
        """The sample in four views that are large enough to click into."""
        import SampleData

        slicer.mrmlScene.Clear()
        registerSampleData()
        slicer.util.mainWindow().resize(1400, 900)
        slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        data = SampleData.SampleDataLogic()
        self.volume, self.outline = data.downloadFromSource(data.sourceForSampleName(SAMPLE_WITH_OUTLINE))
        self.outline.GetDisplayNode().SetVisibility(False)
        slicer.util.setSliceViewerLayers(background=self.volume, fit=True)
        pumpFor(1.0)

    def tearDown(self) -> None:
        """Leave the module, so that its shortcuts and observers are gone."""
        slicer.util.selectModule("Welcome" if hasattr(slicer.modules, "welcome") else "Data")
        slicer.mrmlScene.Clear()

    def test_thePanelShowsTheImageAndTheTools(self) -> None:
        """Opened from the module's list."""
        slicer.util.selectModule("LightSeg")
        pumpFor(1.0)
        widget = slicer.modules.lightseg.widgetRepresentation()
        self.assertIsNotNone(widget.self().panel)
        takePicture(widget, "panel.png")
        takePicture(slicer.util.mainWindow(), "module.png")

    def test_namesAreOfferedWhileTypingAndTheChosenOneIsPutIntoTheLine(self) -> None:
        """With the names of one structure, whatever model is chosen."""
        from LightSegUI.Names import Names

        slicer.util.selectModule("LightSeg")
        pumpFor(0.5)
        panel = slicer.modules.lightseg.widgetRepresentation().self().panel
        line, names = panel.tools.textLine, Names()
        panel.tools.setCompletions(lambda prefix: names.complete(prefix, ["kidney_left"], 5))
        line.setEnabled(True)
        line.setFocus()
        try:
            line.insert("liver; nier")
            pumpFor(0.5)
            self.assertIn("Niere links → left kidney", panel.tools.names.offers)
            takePicture(slicer.util.mainWindow(), "names.png")
            panel.tools.names._choose("Niere links → left kidney")  # as the list does when Enter is pressed
            self.assertEqual(line.text, "liver; left kidney")
        finally:
            line.clear()
            panel.tools.setCompletions(panel.logic.completeText)
            panel.refresh()

    def test_theInstallationWindowOpensAndDoesNothingByItself(self) -> None:
        """It says what it would do."""
        from LightSegUI.InstallDialog import openDialog

        before = [item.name for item in Installer.missing()]
        dialog = openDialog()
        pumpFor(1.0)
        self.assertTrue(dialog.form.isVisible())
        self.assertIn("LightSeg", dialog.form.introLabel.text)
        takePicture(dialog.form, "install.png")
        dialog.form.close()
        self.assertEqual([item.name for item in Installer.missing()], before)

    @needsPackages
    def test_aClickWithTheEffectMakesAMask(self) -> None:
        """In the Segment Editor, in the red slice view."""
        from LightSegUI.SharedLogic import sharedLogic

        slicer.util.selectModule("SegmentEditor")
        editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        segmentation.CreateDefaultDisplayNodes()
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        segmentId = segmentation.GetSegmentation().AddEmptySegment("tumor")
        editor.setSegmentationNode(segmentation)
        editor.setSourceVolumeNode(self.volume)
        editor.setCurrentSegmentID(segmentId)
        editor.setActiveEffectByName("LightSeg")
        self.assertIsNotNone(editor.activeEffect())
        pumpFor(0.5)

        self.clickOnTheTumor("Red")
        logic = sharedLogic()
        waitUntil(lambda: not logic.busy and voxels(segmentation, segmentId, self.volume) > 0)
        takePicture(slicer.util.mainWindow(), "effect.png")
        found = voxels(segmentation, segmentId, self.volume)
        self.assertGreater(found, 1000)

        editor.undo()
        waitUntil(lambda: not logic.busy)
        self.assertEqual(voxels(segmentation, segmentId, self.volume), 0)
        editor.redo()
        waitUntil(lambda: not logic.busy)
        self.assertEqual(voxels(segmentation, segmentId, self.volume), found)
        editor.setActiveEffect(None)

    def clickOnTheTumor(self, viewName: str) -> None:
        """Left click on the middle of the expert's outline, in the slice that shows it."""
        import numpy as np
        import vtk

        mask = slicer.util.arrayFromSegmentBinaryLabelmap(
            self.outline, self.outline.GetSegmentation().GetNthSegmentID(0), self.volume
        )
        k, j, i = np.argwhere(mask).mean(axis=0)
        toRas = vtk.vtkMatrix4x4()
        self.volume.GetIJKToRASMatrix(toRas)
        position = toRas.MultiplyPoint((i, j, k, 1.0))
        sliceWidget = slicer.app.layoutManager().sliceWidget(viewName)
        sliceWidget.mrmlSliceNode().JumpSliceByCentering(*position[:3])
        pumpFor(0.5)
        toView = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(sliceWidget.mrmlSliceNode().GetXYToRAS(), toView)
        x, y = (round(value) for value in toView.MultiplyPoint(position)[:2])
        width, height = sliceWidget.sliceView().interactor().GetRenderWindow().GetSize()
        self.assertTrue(0 < x < width and 0 < y < height, "the views are not laid out")
        slicer.util.clickAndDrag(sliceWidget, start=(x, y), end=(x, y), steps=1)


def pumpFor(seconds: float) -> None:
    """Let Slicer draw and answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        slicer.app.processEvents()
        time.sleep(0.01)


def waitUntil(condition) -> None:
    """Let Slicer work until something has come about."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"nothing came of it in {PATIENCE_SECONDS} s")
        pumpFor(0.1)


def voxels(segmentation, segmentId: str, volume) -> int:
    """How many voxels of the volume belong to a segment."""
    return int((slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, volume) > 0).sum())


def takePicture(widget, name: str) -> None:
    """Keep what a widget shows."""
    folder = os.environ.get("LIGHTSEG_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        widget.grab().save(str(Path(folder) / name))
