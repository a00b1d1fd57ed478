"""The LightSeg module of 3D Slicer: click into an image, and a mask appears in the segment."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

# In a checkout the library lies beside the module's folder.
if importlib.util.find_spec("LightSegLib") is None:
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from LightSegUI.InteractiveLogic import InteractiveLogic
from LightSegUI.Panel import Panel
from LightSegUI.ParameterNode import LightSegParameterNode, parameterNode
from LightSegUI.SharedLogic import bestRunner, closeSharedLogic, sharedLogic


class LightSeg(ScriptedLoadableModule):
    """What Slicer knows of the module before anybody opens it."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("LightSeg")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "SegmentEditor", "Terminologies", "Markups", "Volumes"]
        self.parent.contributors = ["LightSeg contributors"]
        self.parent.helpText = (
            _(
                "Click on a structure in a slice view, and a mask appears in the segment; further clicks "
                "inside and outside correct it. It runs on an ordinary CPU, without a server and without "
                "internet. The same tools are in the Segment Editor, as the effect LightSeg."
            )
            + self.getDefaultModuleDocumentationLink()
        )
        self.parent.acknowledgementText = _(
            "LightSeg stands on 3D Slicer, VTK, ITK, PyTorch and MONAI. Masks are not a diagnosis: a person "
            "qualified to do so has to check them."
        )
        slicer.app.connect("startupCompleted()", onStartupCompleted)


def onStartupCompleted() -> None:
    """Offer the Segment Editor effect and the sample image, and go on with an interrupted installation."""
    from LightSegUI.EffectRegistration import registerEffect
    from LightSegUI.InstallDialog import resumeIfPending
    from LightSegUI.SampleData import registerSampleData

    registerEffect()
    registerSampleData()
    resumeIfPending()


class LightSegWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The module's panel in Slicer's window; what it does is in `LightSegUI.Panel`."""

    def __init__(self, parent=None) -> None:
        self.logic = self.panel = self.editor = self.ui = None
        self._parameterNode: LightSegParameterNode | None = None
        self._parameterNodeGuiTag = None
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)

    def setup(self) -> None:
        """The module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from LightSegUI.EffectRegistration import registerEffect

        registerEffect()  # if Slicer starts with this module, its startup is not completed yet
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/LightSeg.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = sharedLogic(lambda: LightSegLogic(runner=bestRunner()))
        self.panel = Panel(self.ui, self.logic)
        self.editor = self.panel.editor.widget
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()
        if getattr(self.parent, "isEntered", False):  # Slicer does not enter a module again that was reloaded
            self.panel.enter()
            self.watchSlices(True)

    def cleanup(self) -> None:
        """The module is unloaded, or Slicer quits."""
        self.setParameterNode(None)
        self.removeObservers()
        if self.panel is not None:
            self.panel.cleanup()
            self.panel = self.editor = None
        closeSharedLogic()

    def enter(self) -> None:
        """The module is shown."""
        self.initializeParameterNode()
        self.panel.enter()
        self.watchSlices(True)

    def exit(self) -> None:
        """Another module is shown."""
        self.watchSlices(False)
        self.panel.exit()
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event) -> None:
        """The scene is about to be emptied."""
        self.setParameterNode(None)
        self.panel.sceneCloses()

    def onSceneEndClose(self, caller, event) -> None:
        """The scene was emptied."""
        if self.parent.isEntered:
            self.initializeParameterNode()
            self.panel.enter()

    def onSceneEndImport(self, caller, event) -> None:
        """A scene was loaded: what it has chosen was set before there was a node to choose."""
        # Later: right after this event the Segment Editor's widget drops what it could not choose either.
        qt.QTimer.singleShot(0, self.onSceneLoaded)

    def onSceneLoaded(self) -> None:
        """All widgets know the nodes of the loaded scene."""
        if self.panel is not None and self.parent.isEntered:
            self.initializeParameterNode()

    def watchSlices(self, watch: bool) -> None:
        """Begin or stop to notice what is loaded into the slice views."""
        event, slot = vtk.vtkCommand.ModifiedEvent, self.onSlicesChanged
        for composite in sliceComposites():
            if self.hasObserver(composite, event, slot) != watch:
                (self.addObserver if watch else self.removeObserver)(composite, event, slot)

    def onSlicesChanged(self, caller, event) -> None:
        """Another image may be in a slice view: the first one is meant to be segmented."""
        if self._parameterNode is not None and self._parameterNode.volume is None:
            # Later, because Slicer is still busy with showing it in the other views.
            qt.QTimer.singleShot(0, self.takeShownVolume)

    def takeShownVolume(self) -> None:
        """If no image is chosen, take the one that the slice views show."""
        if self._parameterNode is None:
            return  # the module was left meanwhile
        shown = shownVolume()
        if self._parameterNode.volume is None and shown is not None:
            self._parameterNode.volume = shown

    def initializeParameterNode(self) -> None:
        """Take the scene's choices; if no image is chosen, the one that the slice views show."""
        self.setParameterNode(parameterNode())
        self.takeShownVolume()

    def setParameterNode(self, node: LightSegParameterNode | None) -> None:
        """Bind the selectors to a parameter node, or to none."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        self._parameterNode = node
        if node is not None:
            self._parameterNodeGuiTag = node.connectGui(self.ui)
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
            self.onParametersChanged()

    def onParametersChanged(self, caller=None, event=None) -> None:
        """Another image or segmentation was selected, or one was removed from the scene."""
        self.panel.showNodes(self._parameterNode.volume, self._parameterNode.segmentation)


def sliceComposites() -> list:
    """What each slice view shows; none without a main window."""
    layout = slicer.app.layoutManager()
    names = layout.sliceViewNames() if layout is not None else ()
    return [layout.sliceWidget(name).mrmlSliceCompositeNode() for name in names]


def shownVolume():
    """The scalar volume in the slice views' background, else None."""
    for composite in sliceComposites():
        node = slicer.mrmlScene.GetNodeByID(composite.GetBackgroundVolumeID() or "")
        if node is not None and node.GetClassName() == "vtkMRMLScalarVolumeNode":
            return node
    return None


# In this order, because Slicer's base class would otherwise call the other's constructor without arguments.
class LightSegLogic(InteractiveLogic, ScriptedLoadableModuleLogic):
    """Everything the module does, callable without a window; see `InteractiveLogic` for what that is.

    logic = LightSegLogic()
    logic.setVolumeNode(slicer.util.getNode("CT"))
    logic.segmentPoint((12.5, -30.0, 104.0))
    """

    def __init__(self, scene=None, runner=None, settings=None, loadModel=None, tryModel=None) -> None:
        InteractiveLogic.__init__(self, scene, runner, settings, loadModel, tryModel)
        ScriptedLoadableModuleLogic.__init__(self)

    def getParameterNode(self) -> LightSegParameterNode:
        """What is saved with the scene."""
        return LightSegParameterNode(super().getParameterNode())


class LightSegTest(ScriptedLoadableModuleTest):
    """Self test that runs inside Slicer; every method stands alone. More are in the Testing folder."""

    def setUp(self) -> None:
        """Start with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Run all tests, for Reload and Test."""
        for name in sorted(vars(type(self))):
            if name.startswith("test_"):
                self.setUp()
                getattr(self, name)()

    def test_openingTheModuleInstallsAndImportsNothing(self) -> None:
        """What is heavy is imported when it is needed."""
        before = "torch" in sys.modules
        slicer.util.selectModule("LightSeg")
        assert ("torch" in sys.modules) == before

    def test_theSegmentEditorKnowsTheEffect(self) -> None:
        """The effect is registered once Slicer has started."""
        slicer.util.selectModule("LightSeg")
        editor = slicer.modules.lightseg.widgetRepresentation().self().editor
        assert editor.effectByName("LightSeg") is not None

    def test_withoutAnImageThePanelSaysWhatToDo(self) -> None:
        """No tool can be used, and its tooltip says why."""
        slicer.util.selectModule("LightSeg")
        panel = slicer.modules.lightseg.widgetRepresentation().self().panel
        panel.refresh()
        assert not panel.tools.buttons["inside"].isEnabled()
        assert panel.tools.state.reasons["inside"]
