"""Runs inside Slicer, without a window: the installed files, the sample, clicks, undo, the check of packages.

What needs PyTorch is skipped where it is not installed. Nothing is downloaded. Every method stands alone.
"""

# ruff: noqa: PT009, PT027 - Slicer runs unittest, not pytest

from __future__ import annotations

import sys
import unittest
from pathlib import Path

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

sys.path.append(str(Path(slicer.util.modulePath("LightSeg")).parent))

from LightSegUI import Installer
from LightSegUI.Runner import WaitingRunner
from LightSegUI.SampleData import SAMPLE, SAMPLE_WITH_OUTLINE, registerSampleData

from LightSeg import LightSegLogic

needsPackages = unittest.skipIf(
    Installer.missing(), f"not installed: {', '.join(item.name for item in Installer.missing())}"
)


class LightSegLogicTest(ScriptedLoadableModuleTest):
    """The logic on real data."""

    def setUp(self) -> None:
        """An empty scene and a logic of one's own."""
        slicer.mrmlScene.Clear()
        registerSampleData()
        self.logic = None

    def tearDown(self) -> None:
        """No thread is left over."""
        if self.logic is not None:
            self.logic.close()
        slicer.mrmlScene.Clear()

    def makeLogic(self, volume):
        """A logic that waits for its results."""
        self.logic = LightSegLogic(runner=WaitingRunner())
        self.logic.setVolumeNode(volume)
        return self.logic

    # --- Without PyTorch ------------------------------------------------------------------------------------

    def test_theBundledModelsAndTheSampleAreInstalled(self) -> None:
        """The library finds them where the extension put them."""
        from LightSegLib import list_models
        from LightSegLib.resources import samples_folder

        self.assertTrue(list_models())
        self.assertTrue((samples_folder() / "sample.json").is_file())

    def test_theSampleLoadsFromTheLocalFile(self) -> None:
        """One volume, in Hounsfield units."""
        volume = loadSample(SAMPLE)[0]
        self.assertEqual(volume.GetImageData().GetDimensions(), (101, 91, 55))

    def test_theSampleLoadsWithTheExpertsOutline(self) -> None:
        """A segmentation with one segment that is not empty."""
        volume, outline = loadSample(SAMPLE_WITH_OUTLINE)
        self.assertEqual(outline.GetSegmentation().GetNumberOfSegments(), 1)
        self.assertGreater(maskOf(outline, outline.GetSegmentation().GetNthSegmentID(0), volume).sum(), 1000)

    def test_namesAreCompletedFromTheInstalledVocabulary(self) -> None:
        """With what a model was taught; a synonym says what it means."""
        from LightSegUI.Names import Names

        offers = [str(each) for each in Names().complete("nier", ["kidney_left"], 5)]
        self.assertIn("Niere links → left kidney", offers)

    def test_theInstalledPackagesAreTriedInAProcessOfTheirOwn(self) -> None:
        """As the installation does it at its end."""
        from LightSegUI.ProcessWatch import ProcessWatch
        from LightSegUI.Verification import verify

        verified = verify(["numpy", "no_such_package"], ProcessWatch(pump=slicer.app.processEvents))
        self.assertIn("numpy", verified.versions)
        self.assertIn("no_such_package", verified.errors)

    def test_aPlanForThisComputerCanBeMade(self) -> None:
        """From the running Slicer, its settings, pip and extensions manager; nothing is installed."""
        from LightSegUI.InstallPlan import Choice

        plan = Installer.Installer.forSlicer().plan(Choice())
        self.assertEqual(bool(plan.steps), bool(Installer.missing()))

    def test_withoutAVolumeAClickIsRefused(self) -> None:
        """With a sentence that says what to do."""
        from LightSegLib.errors import LightSegError

        with self.assertRaises(LightSegError) as caught:
            self.makeLogic(None).segmentPoint((0, 0, 0), wait=True)
        self.assertTrue(caught.exception.next_step)

    # --- With PyTorch ---------------------------------------------------------------------------------------

    @needsPackages
    def test_aClickMakesAMaskLikeTheExperts(self) -> None:
        """With the bundled model, on the CPU."""
        volume, outline = loadSample(SAMPLE_WITH_OUTLINE)
        wanted = maskOf(outline, outline.GetSegmentation().GetNthSegmentID(0), volume)
        logic = self.makeLogic(volume)
        logic.setDevice("cpu")
        answer = logic.segmentPoint(centreOf(wanted, volume), wait=True)
        found = maskOf(logic.segmentationNode, answer.segment_id, volume)
        dice = 2 * (found & wanted).sum() / (found.sum() + wanted.sum())
        self.assertGreater(dice, 0.5)

    @needsPackages
    def test_undoAndRedoGoBackAndForth(self) -> None:
        """One step for each click."""
        volume, outline = loadSample(SAMPLE_WITH_OUTLINE)
        wanted = maskOf(outline, outline.GetSegmentation().GetNthSegmentID(0), volume)
        logic = self.makeLogic(volume)
        segment = logic.segmentPoint(centreOf(wanted, volume), wait=True).segment_id
        clicked = maskOf(logic.segmentationNode, segment, volume)
        self.assertTrue(logic.undo())
        self.assertEqual(maskOf(logic.segmentationNode, segment, volume).sum(), 0)
        self.assertTrue(logic.redo())
        self.assertTrue((maskOf(logic.segmentationNode, segment, volume) == clicked).all())

    @needsPackages
    def test_anAcceptedSegmentIsNotChangedByTheNext(self) -> None:
        """Although the next is clicked in the middle of it."""
        volume, outline = loadSample(SAMPLE_WITH_OUTLINE)
        centre = centreOf(maskOf(outline, outline.GetSegmentation().GetNthSegmentID(0), volume), volume)
        logic = self.makeLogic(volume)
        first = logic.segmentPoint(centre, wait=True).segment_id
        before = maskOf(logic.segmentationNode, first, volume)
        logic.accept(first)
        logic.segmentPoint(centre, segmentId=logic.addSegment("second"), wait=True)
        self.assertTrue((maskOf(logic.segmentationNode, first, volume) == before).all())

    @needsPackages
    def test_aClickOutsideTheImageIsRefused(self) -> None:
        """And nothing is written."""
        from LightSegLib.errors import PromptError

        logic = self.makeLogic(loadSample(SAMPLE)[0])
        with self.assertRaises(PromptError):
            logic.segmentPoint((9999, 0, 0), wait=True)

    @needsPackages
    def test_aNameThatIsUnknownIsSaidAndLeavesNoSegment(self) -> None:
        """With the first bundled model that takes text, if there is one."""
        logic = self.makeLogic(loadSample(SAMPLE)[0])
        models = logic.textModels()
        if not models:
            self.skipTest("no bundled model takes text")
        chosen = logic.modelName
        logic.setModel(models[0])
        try:
            outcomes = logic.segmentTexts("flux capacitor", wait=True)
        finally:
            logic.setModel(chosen)
        self.assertTrue(outcomes[0].error.why)
        self.assertEqual(logic.segmentationNode.GetSegmentation().GetNumberOfSegments(), 0)

    @needsPackages
    def test_closingTheSceneWhileAClickIsAnsweredLosesNothingElse(self) -> None:
        """The result has no place any more; the logic works again with the next image."""
        volume = loadSample(SAMPLE)[0]
        bounds = [0.0] * 6
        volume.GetRASBounds(bounds)
        middle = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
        logic = self.makeLogic(volume)
        logic.segmentPoint(middle, wait=False)
        slicer.mrmlScene.Clear()
        logic.waitUntilIdle()
        logic.setVolumeNode(loadSample(SAMPLE)[0])
        logic.setSegmentationNode(None)
        self.assertIsNotNone(logic.segmentPoint(middle, wait=True))


def loadSample(name: str) -> list:
    """The nodes of a sample."""
    import SampleData

    logic = SampleData.SampleDataLogic()
    return logic.downloadFromSource(logic.sourceForSampleName(name))


def maskOf(segmentation, segmentId: str, volume):
    """Which voxels of the volume belong to a segment: bool (K, J, I)."""
    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, volume) > 0


def centreOf(mask, volume) -> list[float]:
    """World position of the middle of a mask, mm, RAS."""
    import numpy as np
    import vtk

    k, j, i = np.argwhere(mask).mean(axis=0)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return list(matrix.MultiplyPoint((i, j, k, 1.0))[:3])
