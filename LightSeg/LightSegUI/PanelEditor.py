"""The Segment Editor inside the panel: its own editor node, its nodes, and which prompt tool is on."""

from __future__ import annotations

import slicer
import vtk
from slicer.util import VTKObservationMixin

from LightSegUI.EffectRegistration import EFFECT_NAME, TOOL_PARAMETER
from LightSegUI.PromptToolsState import TOOLS
from LightSegUI.SceneEditing import PANEL_TAG, EditorWidgetUndo, EffectUndo
from LightSegUI.Signal import Signal

EFFECTS = ("Paint", "Erase", "Scissors", "Islands", "Smoothing")
"""What the panel offers for work by hand; everything else is in the Segment Editor module."""

_EFFECT_PARAMETER_MODIFIED = slicer.vtkMRMLSegmentEditorNode.EffectParameterModified


class PanelEditor(VTKObservationMixin):
    """Keeps the panel's qMRMLSegmentEditorWidget in step with the scene, and the panel with the editor.

    Signals:
        changed(): another tool, effect or segment, or the selected segment changed.

    Args:
        widget: the qMRMLSegmentEditorWidget; its scene is set already.
    """

    def __init__(self, widget) -> None:
        VTKObservationMixin.__init__(self)
        self.changed = Signal("changed")
        self.widget = widget
        self._segmentation = None
        widget.setEffectNameOrder(list(EFFECTS))
        widget.setProperty("unorderedEffectsVisible", False)  # Python sees no setter for it
        self._fold("MaskingGroupBox")
        self._optionsBoxes = slicer.util.findChildren(widget, name="OptionsGroupBox")
        self.useEditorNode()

    # --- Nodes --------------------------------------------------------------------------------------------

    @property
    def node(self):
        """The panel's vtkMRMLSegmentEditorNode, apart from the one of the Segment Editor module."""
        return self.widget.mrmlSegmentEditorNode()

    def useEditorNode(self) -> None:
        """Find or make the editor node and give it to the widget; needed again after the scene was closed."""
        node = slicer.mrmlScene.GetSingletonNode(PANEL_TAG, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.vtkMRMLSegmentEditorNode()
            node.SetSingletonTag(PANEL_TAG)
            node = slicer.mrmlScene.AddNode(node)
        if self.node != node:
            self.widget.setMRMLSegmentEditorNode(node)
        for event in (vtk.vtkCommand.ModifiedEvent, _EFFECT_PARAMETER_MODIFIED):
            if not self.hasObserver(node, event, self._onChanged):
                self.addObserver(node, event, self._onChanged)

    def show(self, volume, segmentation) -> None:
        """Edit this segmentation over this volume; either may be None."""
        self.useEditorNode()
        # In this order: the widget ignores a volume as long as it has no segmentation.
        if self.widget.segmentationNode() != segmentation:
            self.widget.setSegmentationNode(segmentation)
        if segmentation is not None and self.widget.sourceVolumeNode() != volume:
            self.widget.setSourceVolumeNode(volume)
        if segmentation is None and self.tool:
            self.widget.setActiveEffect(None)
        self._observeSegments(segmentation)

    # --- Segment ------------------------------------------------------------------------------------------

    @property
    def segmentId(self) -> str:
        """ID of the selected segment, "" if none is."""
        return (self.node.GetSelectedSegmentID() or "") if self.node is not None else ""

    @property
    def segment(self):
        """The selected vtkSegment, None if none is."""
        if self._segmentation is None or not self.segmentId:
            return None
        return self._segmentation.GetSegmentation().GetSegment(self.segmentId)

    @property
    def contentStamp(self) -> int:
        """Another number whenever the voxels of the selected segment's layer were changed, by whomever."""
        segment = self.segment
        name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
        labelmap = segment.GetRepresentation(name) if segment is not None else None
        return labelmap.GetMTime() if labelmap is not None else 0

    def selectSegment(self, segmentId: str) -> None:
        """Select a segment in the table."""
        if segmentId != self.segmentId:
            self.widget.setCurrentSegmentID(segmentId)

    # --- Undo ----------------------------------------------------------------------------------------------

    @property
    def undoOwner(self):
        """The editor's history, equal to the one that the LightSeg effect here hands to the logic."""
        effect = self.widget.effectByName(EFFECT_NAME)
        return EditorWidgetUndo(self.widget) if effect is None else EffectUndo(effect)

    # --- Tool ---------------------------------------------------------------------------------------------

    @property
    def tool(self) -> str:
        """The prompt tool that is on, "" if the LightSeg effect is not active."""
        if self.node is None or self.node.GetActiveEffectName() != EFFECT_NAME:
            return ""
        tool = self.node.GetAttribute(f"{EFFECT_NAME}.{TOOL_PARAMETER}") or ""
        return tool if tool in TOOLS else TOOLS[0]

    def setTool(self, name: str) -> bool:
        """Switch a prompt tool on, or with "" the LightSeg effect off.

        Returns:
            Whether it is now so; False if Slicer does not know the effect.
        """
        if not name:
            if self.tool:
                self.widget.setActiveEffect(None)
            return True
        effect = self.widget.effectByName(EFFECT_NAME)
        if effect is None:
            return False
        effect.setParameter(TOOL_PARAMETER, name)
        self.widget.setActiveEffectByName(EFFECT_NAME)
        self.hideEffectOptions()
        return self.tool == name

    def hideEffectOptions(self) -> None:
        """The panel shows the tools itself, so the editor need not show the LightSeg effect's options too."""
        if self.tool:
            for box in self._optionsBoxes:
                box.setVisible(False)

    # --- Life ---------------------------------------------------------------------------------------------

    def enter(self, window) -> None:
        """The module is shown: listen to slice views, and to the keys of a window if there is one."""
        self.useEditorNode()
        self.widget.setupViewObservations()
        if window is not None:
            self.widget.installKeyboardShortcuts(window)
        self.widget.updateWidgetFromMRML()

    def exit(self) -> None:
        """The module is left: an effect that stayed active would go on taking clicks."""
        if self.node is not None:
            self.widget.setActiveEffect(None)
        self.widget.uninstallKeyboardShortcuts()
        self.widget.removeViewObservations()

    def sceneCloses(self) -> None:
        """The scene is about to be emptied."""
        self._observeSegments(None)
        self.widget.setSegmentationNode(None)
        self.widget.removeViewObservations()

    def cleanup(self) -> None:
        """The widget is about to be destroyed."""
        self.removeObservers()
        self.changed.disconnect()
        self.exit()
        self.widget.setMRMLSegmentEditorNode(None)

    # --- Events -------------------------------------------------------------------------------------------

    def _observeSegments(self, segmentation) -> None:
        if segmentation == self._segmentation:
            return
        for watched, event in _eventsOf(self._segmentation):
            if self.hasObserver(watched, event, self._onChanged):
                self.removeObserver(watched, event, self._onChanged)
        for watched, event in _eventsOf(segmentation):
            self.addObserver(watched, event, self._onChanged)
        self._segmentation = segmentation

    def _onChanged(self, *unused) -> None:
        self.changed.emit()

    def _fold(self, name: str) -> None:
        """Fold a section of the editor that few need; in Slicer it is a ctkCollapsibleGroupBox."""
        for box in slicer.util.findChildren(self.widget, name=name):
            box.setProperty("collapsed", True)


def _eventsOf(segmentation) -> list:
    """What to observe of a segmentation node: its segments, and whether they are shown."""
    if segmentation is None:
        return []
    segments, events = segmentation.GetSegmentation(), slicer.vtkSegmentation
    return [
        (segments, events.SegmentAdded),
        (segments, events.SegmentRemoved),
        (segments, events.SegmentModified),
        (segments, events.SourceRepresentationModified),
        (segmentation, segmentation.DisplayModifiedEvent),
    ]
