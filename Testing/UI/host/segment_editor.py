"""`slicer.qMRMLSegmentEditorWidget`: editing with effects, over the real logic with its own history."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import slicer
from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from . import segment_editor_layout
from .dialogs import dialogs
from .mrml_widgets import qMRMLWidget
from .observing import Observations
from .segment_editor_effects import EditorEffects
from .segment_editor_masking import EditorMasking
from .segment_editor_properties import EditorProperties
from .segment_editor_shortcuts import EditorShortcuts
from .segment_editor_views import EditorViews

_EVENTS = slicer.vtkMRMLScene
_SEGMENTS = slicer.vtkSegmentation


class qMRMLSegmentEditorWidget(
    EditorEffects, EditorMasking, EditorProperties, EditorShortcuts, EditorViews, qMRMLWidget
):
    """The Segment Editor as other modules embed it."""

    currentSegmentIDChanged = Signal(str)
    sourceVolumeNodeChanged = Signal(object)
    masterVolumeNodeChanged = Signal(object)
    segmentationNodeChanged = Signal(object)
    SIGNATURES = {
        "mrmlSceneChanged": "mrmlSceneChanged(vtkMRMLScene*)",
        "sourceVolumeNodeChanged": "sourceVolumeNodeChanged(vtkMRMLVolumeNode*)",
        "masterVolumeNodeChanged": "masterVolumeNodeChanged(vtkMRMLVolumeNode*)",
        "segmentationNodeChanged": "segmentationNodeChanged(vtkMRMLSegmentationNode*)",
    }

    def __init__(self, parent: QWidget | None = None) -> None:
        qMRMLWidget.__init__(self, parent)
        ui = segment_editor_layout.build(self)
        logic = slicer.vtkSlicerSegmentEditorLogic()
        self._d = SimpleNamespace(
            ui=ui, logic=logic, node=None, segmentation=None, source=None, locked=False, interaction=None
        )
        self._d.__dict__.update(self._properties())
        self._d.__dict__.update(self._effects())
        self._d.__dict__.update(observations=[], viewsObserved=False, shortcuts=[])
        self._d.observed = Observations()
        self._d.nodeObserved = Observations()
        self._connectChildren()
        self.updateEffectList()

    def _connectChildren(self) -> None:
        ui = self._d.ui
        ui.SegmentationNodeComboBox.currentNodeChanged.connect(self._onSegmentationChosen)
        ui.SourceVolumeNodeComboBox.currentNodeChanged.connect(self._onSourceVolumeChosen)
        ui.SegmentsTableView.selectionChanged.connect(self._onSegmentSelectionChanged)
        ui.SegmentsTableView.segmentAboutToBeModified.connect(self.saveStateForUndo)
        ui.AddSegmentButton.clicked.connect(self._onAddSegment)
        ui.RemoveSegmentButton.clicked.connect(self._onRemoveSegment)
        ui.Show3DButton.toggled.connect(self._d.logic.ToggleSegmentationSurfaceRepresentation)
        ui.UndoButton.clicked.connect(self.undo)
        ui.RedoButton.clicked.connect(self.redo)
        ui.EffectButtonGroup.buttonClicked.connect(self._onEffectButton)
        self._connectMasking()
        history = self._d.logic.SegmentationHistoryChangedEvent
        self._d.observed.add(self._d.logic, history, self._onHistoryChanged)
        for button in (ui.AddSegmentButton, ui.RemoveSegmentButton, ui.EffectsGroupBox):
            button.setEnabled(False)

    # --- Scene and editor node ----------------------------------------------------------------------------

    def setMRMLScene(self, scene: Any) -> None:
        """Use a scene; the editor node comes after it."""
        if scene is self._scene:
            return
        ui = self._d.ui
        if self._scene is not None:
            self._d.observed.remove(self._scene)
        blocked = [
            (box, box.blockSignals(True))
            for box in (ui.SegmentationNodeComboBox, ui.SourceVolumeNodeComboBox)
        ]
        qMRMLWidget.setMRMLScene(self, scene)
        for box, was in blocked:
            box.setMRMLScene(scene)
            box.blockSignals(was)
        ui.SegmentsTableView.setMRMLScene(scene)
        self._d.logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._d.logic.SetMRMLScene(scene)
        self._d.logic.SetVerbose(True)
        slicer.app.layoutManager().layoutChanged.connect(self._onLayoutChanged)
        if scene is not None:
            self.setInteractionNode(scene.GetNodeByID("vtkMRMLInteractionNodeSingleton"))
            self._d.observed.add(scene, _EVENTS.EndCloseEvent, self._onSceneClosed)
            self._d.observed.add(scene, _EVENTS.EndBatchProcessEvent, self._onBatchEnded)
        self.updateWidgetFromMRML()

    def mrmlSegmentEditorNode(self) -> Any:
        return self._d.node

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        """Keep selections and parameters in this node; needed before anything else works."""
        if node is self._d.node:
            return
        self._d.nodeObserved.clear()
        self._d.node = node
        self._d.logic.SetSegmentEditorNode(node)
        if node is None:
            return
        self._d.nodeObserved.add(node, "ModifiedEvent", self._onNodeModified)
        parameter = slicer.vtkMRMLSegmentEditorNode.EffectParameterModified
        self._d.nodeObserved.add(node, parameter, self._onParameterModified)
        self._initializeNode()
        self.updateWidgetFromMRML()

    def setInteractionNode(self, node: Any) -> None:
        """The node whose mouse mode the active effect is told of."""
        if self._d.interaction is not None:
            self._d.observed.remove(self._d.interaction)
        self._d.interaction = node
        if node is not None:
            self._d.observed.add(node, "ModifiedEvent", self._onInteractionModified)

    def interactionNode(self) -> Any:
        return self._d.interaction

    def _initializeNode(self) -> None:
        if self._d.node is None:
            return
        with slicer.util.NodeModify(self._d.node):
            for effect in self._d.effects:
                effect.setParameterSetNode(self._d.node)
                effect._setMRMLDefaults()

    def _onNodeModified(self, caller: Any, event: str) -> None:
        self.updateWidgetFromMRML()

    def _onParameterModified(self, caller: Any, event: str) -> None:
        for effect in self._d.effects:
            effect.updateGUIFromMRML()

    def _onSceneClosed(self, caller: Any, event: str) -> None:
        self._initializeNode()
        self.updateWidgetFromMRML()

    def _onBatchEnded(self, caller: Any, event: str) -> None:
        ui, node = self._d.ui, self._d.node
        if node is not None:
            if node.GetSegmentationNode() is not ui.SegmentationNodeComboBox.currentNode():
                self.setSegmentationNode(ui.SegmentationNodeComboBox.currentNode())
            if node.GetSourceVolumeNode() is not ui.SourceVolumeNodeComboBox.currentNode():
                self.setSourceVolumeNode(ui.SourceVolumeNodeComboBox.currentNode())
        self.updateWidgetFromMRML()

    # --- Segmentation, source volume, segment -------------------------------------------------------------

    def setSegmentationNode(self, node: Any) -> None:
        """Edit this segmentation; the active effect is left."""
        if self._d.logic.GetSegmentationNode() is not node:
            self._d.logic.SetSegmentationNode(node)
            self.setActiveEffect(None)

    def segmentationNode(self) -> Any:
        return self._d.ui.SegmentationNodeComboBox.currentNode()

    def setSegmentationNodeID(self, identifier: str) -> None:
        self.setSegmentationNode(self._scene.GetNodeByID(identifier) if identifier else None)

    def segmentationNodeID(self) -> str:
        return self._d.ui.SegmentationNodeComboBox.currentNodeID

    def setSourceVolumeNode(self, node: Any) -> None:
        """The image; ignored while there is no segmentation."""
        self._d.logic.SetSourceVolumeNode(node)

    def sourceVolumeNode(self) -> Any:
        return self._d.logic.GetSourceVolumeNode()

    def setSourceVolumeNodeID(self, identifier: str) -> None:
        self._d.logic.SetSourceVolumeNodeID(identifier)

    def sourceVolumeNodeID(self) -> str:
        return self._d.source.GetID() if self._d.source is not None else ""

    def currentSegmentID(self) -> str:
        return self._d.logic.GetCurrentSegmentID()

    def setCurrentSegmentID(self, identifier: str) -> None:
        if self._d.node is not None:
            self._d.node.SetSelectedSegmentID(identifier)

    def _onSegmentationChosen(self, node: Any) -> None:
        if self._scene is not None and not self._scene.IsBatchProcessing():
            self.setSegmentationNode(node)

    def _onSourceVolumeChosen(self, node: Any) -> None:
        if self._scene is not None and not self._scene.IsBatchProcessing():
            self.setSourceVolumeNode(node)

    def _onSegmentSelectionChanged(self, selected: Any, deselected: Any) -> None:
        node = self._d.node
        if node is None:
            logging.error("Invalid segment editor parameter set node")
            return
        chosen = next(iter(self._d.ui.SegmentsTableView.selectedSegmentIDs()), "")
        if (node.GetSelectedSegmentID() or "") == chosen:
            return
        node.SetSelectedSegmentID(chosen or None)
        if not chosen and self._d.active is not None and self._d.active.perSegment:
            self.setActiveEffect(None)
        self.updateWidgetFromMRML()
        self.currentSegmentIDChanged.emit(chosen)

    def _onAddSegment(self) -> None:
        self._d.logic.AddEmptySegment("", 0)

    def _onRemoveSegment(self) -> None:
        kept = self._d.logic.RemoveSelectedSegment()
        if kept:
            self._d.ui.SegmentsTableView.setSelectedSegmentIDs([kept])

    # --- Undo ---------------------------------------------------------------------------------------------

    def saveStateForUndo(self) -> None:
        self._d.logic.SaveStateForUndo()

    def undo(self) -> None:
        self._d.logic.Undo()

    def redo(self) -> None:
        self._d.logic.Redo()

    def _onHistoryChanged(self, caller: Any, event: str) -> None:
        self._updateUndoButtons()

    def _updateUndoButtons(self) -> None:
        self._d.ui.UndoButton.setEnabled(not self._d.locked and self._d.logic.CanUndo())
        self._d.ui.RedoButton.setEnabled(not self._d.locked and self._d.logic.CanRedo())

    # --- From the scene to the widget ---------------------------------------------------------------------

    def updateWidgetFromMRML(self) -> None:
        """Show what the editor node says."""
        scene, ui, node = self._scene, self._d.ui, self._d.node
        if scene is None or scene.IsClosing() or scene.IsBatchProcessing():
            return
        if node is None:
            for part in (ui.SegmentationNodeComboBox, ui.SourceVolumeNodeComboBox, ui.EffectsGroupBox):
                part.setEnabled(False)
            return
        ui.SegmentationNodeComboBox.setEnabled(True)
        with slicer.util.NodeModify(node):
            self._updateFromSegmentation()
            self._updateFromSourceVolume()
            there = self._d.segmentation is not None
            for part in (
                ui.EffectsGroupBox,
                ui.MaskingGroupBox,
                ui.EffectsOptionsFrame,
                ui.SourceVolumeNodeComboBox,
            ):
                part.setEnabled(there)
            selected = node.GetSelectedSegmentID() or ""
            if not there or self._d.segmentation.GetSegmentation().GetSegmentIndex(selected) < 0:
                selected = ""
            ui.AddSegmentButton.setEnabled(self._d.logic.CanAddSegments())
            ui.RemoveSegmentButton.setEnabled(bool(selected) and not self._d.locked)
            ui.SwitchToSegmentationsButton.setEnabled(True)
            if selected:
                ui.SegmentsTableView.setSelectedSegmentIDs([selected])
            else:
                ui.SegmentsTableView.clearSelection()
            ui.SegmentsTableView.setReadOnly(self._d.locked)
            self._updateEffectsSection()
            self._updateUndoButtons()
            self._updateMaskingSection()
            self._updateMaskSegments()

    def _updateFromSegmentation(self) -> None:
        ui, node = self._d.ui, self._d.logic.GetSegmentationNode()
        if node is not ui.SegmentationNodeComboBox.currentNode():
            blocked = ui.SegmentationNodeComboBox.blockSignals(True)
            ui.SegmentationNodeComboBox.setCurrentNode(node)
            ui.SegmentationNodeComboBox.blockSignals(blocked)
        if node is self._d.segmentation:
            return
        if self._d.segmentation is not None:
            self._d.observed.remove(self._d.segmentation)
        self._d.segmentation = node
        if node is not None:
            self._d.observed.add(node, "ModifiedEvent", self._onNodeModified)
            for event in (_SEGMENTS.SegmentAdded, _SEGMENTS.SegmentRemoved):
                self._d.observed.add(node, event, self._onSegmentsChanged)
            self._d.observed.add(node, _SEGMENTS.SegmentModified, self._onSegmentModified)
        blocked = ui.SegmentsTableView.blockSignals(True)
        ui.SegmentsTableView.setSegmentationNode(node)
        ui.SegmentsTableView.blockSignals(blocked)
        if node is not None:
            role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
            ui.SourceVolumeNodeComboBox.setCurrentNode(node.GetNodeReference(role))
            node.CreateDefaultDisplayNodes()
            ids = self._d.logic.GetSegmentIDs()
            if ids:
                ui.SegmentsTableView.setSelectedSegmentIDs([ids[0]])
        self.segmentationNodeChanged.emit(node)

    def _updateFromSourceVolume(self) -> None:
        if self._d.node.GetSegmentationNode() is None:
            return
        source = self._d.logic.GetSourceVolumeNode()
        if source is self._d.source:
            return
        self._d.source = source
        box = self._d.ui.SourceVolumeNodeComboBox
        blocked = box.blockSignals(True)
        box.setCurrentNode(source)
        box.blockSignals(blocked)
        if source is not None and self._d.autoShow:
            self.showSourceVolumeInSliceViewers()
        self._updateIntensityRange()
        self.sourceVolumeNodeChanged.emit(source)
        self.masterVolumeNodeChanged.emit(source)
        for effect in self._d.effects:
            effect._sourceVolumeNodeChanged()
            effect._masterVolumeNodeChanged()

    def _onSegmentsChanged(self, caller: Any, event: str) -> None:
        self._updateMaskSegments()

    def _onSegmentModified(self, caller: Any, event: str) -> None:
        self._updateMaskingSection()

    def _makeLabelmapSource(self) -> bool:
        """Whether the segmentation can be edited; asks before it converts."""
        logic = self._d.logic
        if logic.CanTriviallyConvertSourceRepresentationToBinaryLabelMap():
            return logic.TrivialSetSourceRepresentationToBinaryLabelmap()
        if self._d.segmentation is None:
            return False
        title = "Change source representation to binary labelmap?"
        answer = dialogs.ask("QMessageBox.question", title, "")
        return answer == QMessageBox.StandardButton.Yes and logic.SetSourceRepresentationToBinaryLabelMap()

    readOnly = Property(bool, lambda self: self._d.locked, lambda self, value: self.setReadOnly(value))

    def setReadOnly(self, readOnly: bool) -> None:
        """Lock the buttons; scripts can go on."""
        self._d.locked = readOnly
        if readOnly:
            self.setActiveEffect(None)
        self.updateWidgetFromMRML()
