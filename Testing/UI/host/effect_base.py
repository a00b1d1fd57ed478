"""The C++ base class of Segment Editor effects, over the real segmentation logic and editor node."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import slicer
from PySide6.QtCore import Property, QObject, Qt, Signal
from PySide6.QtGui import QCursor, QIcon
from PySide6.QtWidgets import QFormLayout, QFrame, QLabel, QMessageBox, QSizePolicy

from .ctk_buttons import ctkMessageBox
from .effect_parameters import EffectParameters
from .effect_views import EffectViews

_MODES = [
    getattr(slicer.vtkSlicerSegmentEditorLogic, f"ModificationMode{name}")
    for name in ("Set", "Add", "Remove", "RemoveAll")
]


class qSlicerSegmentEditorAbstractEffect(EffectParameters, EffectViews, QObject):
    """What every effect can do: parameters, options, views, writing. Only scripted ones may set a name."""

    # Slicer keeps the first three in a private object; the editor widget listens.
    _selectEffect = Signal(str)
    _updateVolume = Signal(object)
    _saveState = Signal()

    ModificationModeSet, ModificationModeAdd, ModificationModeRemove, ModificationModeRemoveAll = range(4)
    NotConfirmed, ConfirmedWithoutDialog, ConfirmedWithDialog = range(3)

    def __init__(self, parent: QObject | None = None) -> None:
        QObject.__init__(self, parent)
        frame = QFrame()
        frame.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        layout = QFormLayout(frame)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        self._d = SimpleNamespace(
            name="",
            title="",
            perSegment=True,
            requireSegments=True,
            sliceCursor=True,
            threeDCursor=False,
            active=False,
            node=None,
            logic=None,
            frame=frame,
            layout=layout,
            confirmed=None,
            savedCursor=QCursor(Qt.CursorShape.ArrowCursor),
        )

    # --- Properties ---------------------------------------------------------------------------------------

    name = Property(str, lambda self: self._d.name, lambda self, value: self._setName(value))
    title = Property(
        str, lambda self: self._d.title or self._d.name, lambda self, value: self._setTitle(value)
    )
    perSegment = Property(bool, lambda self: self._d.perSegment, lambda s, v: s._setPerSegment(v))
    requireSegments = Property(
        bool, lambda self: self._d.requireSegments, lambda self, value: self._setRequireSegments(value)
    )
    showEffectCursorInSliceView = Property(
        bool,
        lambda self: self._d.sliceCursor,
        lambda self, value: self._setShowEffectCursorInSliceView(value),
    )
    showEffectCursorInThreeDView = Property(
        bool,
        lambda self: self._d.threeDCursor,
        lambda self, value: self._setShowEffectCursorInThreeDView(value),
    )

    def _setName(self, name: str) -> None:
        logging.error("Cannot set effect name by method, only in constructor!")

    def _setTitle(self, title: str) -> None:
        self._d.title = title

    def _setPerSegment(self, perSegment: bool) -> None:
        logging.error("Cannot set per-segment flag by method, only in constructor!")

    def _setRequireSegments(self, required: bool) -> None:
        self._d.requireSegments = required

    def _setShowEffectCursorInSliceView(self, show: bool) -> None:
        self._d.sliceCursor = show

    def _setShowEffectCursorInThreeDView(self, show: bool) -> None:
        self._d.threeDCursor = show

    # --- Life ---------------------------------------------------------------------------------------------

    def _icon(self) -> QIcon:
        return QIcon()

    def helpText(self) -> str:
        return ""

    def activate(self) -> None:
        self._d.frame.setVisible(True)
        self._d.active = True
        self.updateGUIFromMRML()

    def deactivate(self) -> None:
        self._d.frame.setVisible(False)
        self._d.active = False

    def active(self) -> bool:
        return self._d.active

    def createCursor(self, viewWidget: Any) -> QCursor:
        return QCursor(Qt.CursorShape.ArrowCursor)

    def _interactionNodeModified(self, interactionNode: Any) -> None:
        """Give up when the user starts placing markups or changing window and level."""
        transform = slicer.vtkMRMLInteractionNode.ViewTransform
        if interactionNode is not None and interactionNode.GetCurrentInteractionMode() != transform:
            self.selectEffect("")

    def selectEffect(self, name: str) -> None:
        """Ask the editor for another effect, "" for none."""
        self._selectEffect.emit(name)

    def saveStateForUndo(self) -> None:
        """Ask the editor to remember the segmentation."""
        self._saveState.emit()

    # --- Options ------------------------------------------------------------------------------------------

    def optionsFrame(self) -> QFrame:
        return self._d.frame

    def optionsLayout(self) -> QFormLayout:
        return self._d.layout

    def addOptionsWidget(self, item: Any) -> None:
        """Add a widget or layout as a row of the options."""
        if item.isWidgetType():
            item.setParent(self._d.frame)
            item.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self._d.layout.addRow(item)

    def addLabeledOptionsWidget(self, label: str, item: Any) -> QLabel:
        """Add a widget or layout with a label."""
        caption = QLabel(label)
        if item.isWidgetType():
            item.setParent(self._d.frame)
            item.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self._d.layout.addRow(caption, item)
        return caption

    # --- Writing ------------------------------------------------------------------------------------------

    def modifySelectedSegmentByLabelmap(self, modifier: Any, mode: int, *options: Any) -> None:
        """(image, mode[, six ints][, bypassMasking]) on the selected segment."""
        node = self.parameterSetNode()
        identifier = node.GetSelectedSegmentID() or ""
        self.modifySegmentByLabelmap(node.GetSegmentationNode(), identifier, modifier, mode, *options)

    def modifySegmentByLabelmap(
        self, segmentation: Any, segmentID: str, modifier: Any, mode: int, *options: Any
    ) -> None:
        """(segmentation, segment, image, mode[, six ints][, bypassMasking])."""
        extent, rest = (0, -1, 0, -1, 0, -1), list(options)
        if rest and not isinstance(rest[0], (bool, int)):
            extent = tuple(int(value) for value in rest.pop(0))
        if len(rest) > 1 or any(not isinstance(value, (bool, int)) for value in rest):
            raise ValueError(f"Could not find matching overload of modifySegmentByLabelmap for {options}")
        if len(extent) != 6:
            logging.error("modifySelectedSegmentByLabelmap failed: extent must have 6 int values")
            return
        if self._d.logic is not None:
            bypass = bool(rest[0]) if rest else False
            self._d.logic.ModifySegmentByLabelmap(
                segmentation, segmentID, modifier, _MODES[int(mode)], extent, self.perSegment, bypass
            )

    def _setSegmentEditorLogic(self, logic: Any) -> None:
        self._d.logic = logic

    def segmentationDisplayableInView(self, viewNode: Any) -> bool:
        return bool(self._d.logic is not None and self._d.logic.IsSegmentationDisplayableInView(viewNode))

    def modifierLabelmap(self) -> Any:
        return self._d.logic.GetModifierLabelmap()

    def defaultModifierLabelmap(self) -> Any:
        """The modifier, emptied and in the reference geometry."""
        return self.modifierLabelmap() if self._d.logic.ResetModifierLabelmapToDefault() else None

    def maskLabelmap(self) -> Any:
        return self._d.logic.GetMaskLabelmap() if self._d.logic.UpdateMaskLabelmap() else None

    def selectedSegmentLabelmap(self) -> Any:
        return (
            self._d.logic.GetSelectedSegmentLabelmap()
            if self._d.logic.UpdateSelectedSegmentLabelmap()
            else None
        )

    def referenceGeometryImage(self) -> Any:
        return (
            self._d.logic.GetReferenceGeometryImage()
            if self._d.logic.UpdateReferenceGeometryImage()
            else None
        )

    def sourceVolumeImageData(self) -> Any:
        """The source volume in the segmentation's geometry, or None."""
        return self._d.logic.GetAlignedSourceVolume() if self._d.logic.UpdateAlignedSourceVolume() else None

    # --- Asking -------------------------------------------------------------------------------------------

    def confirmCurrentSegmentVisible(self) -> int:
        """Ask, also in testing mode, whether to work on a hidden segment: not confirmed is 0."""
        node = self.parameterSetNode()
        segmentation = node.GetSegmentationNode() if node is not None else None
        identifier = node.GetSelectedSegmentID() if node is not None else None
        if segmentation is None or not identifier:
            return self.ConfirmedWithoutDialog
        segment = segmentation.GetSegmentation().GetSegment(identifier)
        if segment is not None and self._d.confirmed is segment:
            return self.ConfirmedWithoutDialog
        displays = [
            segmentation.GetNthDisplayNode(index) for index in range(segmentation.GetNumberOfDisplayNodes())
        ]
        if any(item.GetVisibility() and item.GetSegmentVisibility(identifier) for item in displays if item):
            return self.ConfirmedWithoutDialog
        box = ctkMessageBox()
        box.setWindowTitle("Operate on invisible segment?")
        box.setText("The currently selected segment is hidden. Would you like to make it visible?")
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Yes | buttons.No | buttons.Cancel)
        box.dontShowAgainSettingsKey = "Segmentations/ConfirmEditHiddenSegment"
        answer = box.exec()
        if answer == buttons.Cancel:
            return self.NotConfirmed
        if answer == buttons.Yes:
            for item in displays:
                item.SetVisibility(True)
                item.SetSegmentVisibility(identifier, True)
        else:
            self._d.confirmed = segment
        return self.ConfirmedWithDialog
