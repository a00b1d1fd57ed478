"""The widgets inside the Segment Editor, with the names they have in Slicer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import slicer
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFormLayout,
    QFrame,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .ctk_buttons import ctkCheckBox, ctkFittedTextBrowser
from .ctk_values import ctkRangeWidget
from .mrml_widgets import qMRMLNodeComboBox
from .segment_table import qMRMLSegmentsTableView

_NODE, _EDITOR = slicer.vtkMRMLSegmentationNode, slicer.vtkMRMLSegmentEditorNode
EDITABLE = (
    ("Everywhere", _NODE.EditAllowedEverywhere),
    ("Inside all segments", _NODE.EditAllowedInsideAllSegments),
    ("Inside all visible segments", _NODE.EditAllowedInsideVisibleSegments),
    ("Outside all segments", _NODE.EditAllowedOutsideAllSegments),
    ("Outside all visible segments", _NODE.EditAllowedOutsideVisibleSegments),
)
OVERWRITE = (
    ("Overwrite all", _EDITOR.OverwriteAllSegments),
    ("Overwrite visible", _EDITOR.OverwriteVisibleSegments),
    ("Allow overlap", _EDITOR.OverwriteNone),
)


def named(widget: Any, name: str, tip: str = "") -> Any:
    """The widget with an object name and a tooltip."""
    widget.setObjectName(name)
    widget.setToolTip(tip)
    return widget


def build(top: QWidget) -> SimpleNamespace:
    """Make the children of a Segment Editor; the result has them by name."""
    ui = SimpleNamespace()
    column = QVBoxLayout(top)
    column.setContentsMargins(0, 0, 0, 0)
    column.addLayout(_selectors(ui))
    column.addLayout(_actions(ui))
    row = QHBoxLayout()
    effects = QVBoxLayout()
    ui.EffectsGroupBox = named(QFrame(), "EffectsGroupBox")
    QGridLayout(ui.EffectsGroupBox).setContentsMargins(0, 0, 0, 0)
    effects.addWidget(ui.EffectsGroupBox)
    effects.addWidget(_undo(ui))
    effects.addStretch(1)
    row.addLayout(effects)
    right = QVBoxLayout()
    ui.SegmentsTableView = named(qMRMLSegmentsTableView(), "SegmentsTableView")
    right.addWidget(ui.SegmentsTableView)
    right.addWidget(_options(ui))
    right.addWidget(_masking(ui))
    row.addLayout(right, 1)
    column.addLayout(row)
    ui.EffectButtonGroup = QButtonGroup(top)
    ui.EffectButtonGroup.setExclusive(True)
    return ui


def _selectors(ui: SimpleNamespace) -> QGridLayout:
    grid = QGridLayout()
    for row, (name, label, kind) in enumerate(
        (
            ("SegmentationNode", "Segmentation:", "vtkMRMLSegmentationNode"),
            ("SourceVolumeNode", "Source volume:", "vtkMRMLScalarVolumeNode"),
        )
    ):
        caption, box = named(QLabel(label), name + "Label"), named(qMRMLNodeComboBox(), name + "ComboBox")
        box.nodeTypes = [kind]
        grid.addWidget(caption, row, 0)
        grid.addWidget(box, row, 1)
        setattr(ui, name + "Label", caption)
        setattr(ui, name + "ComboBox", box)
    ui.SourceVolumeNodeComboBox.hideChildNodeTypes = ["vtkMRMLLabelMapVolumeNode"]
    ui.SourceVolumeNodeComboBox.noneEnabled = True
    ui.SourceVolumeNodeComboBox.noneDisplay = "Select source volume to enable editing"
    ui.SpecifyGeometryButton = named(QToolButton(), "SpecifyGeometryButton", "Specify geometry")
    grid.addWidget(ui.SpecifyGeometryButton, 1, 2)
    grid.setColumnStretch(1, 1)
    return grid


def _actions(ui: SimpleNamespace) -> QHBoxLayout:
    row = QHBoxLayout()
    ui.AddSegmentButton = named(QPushButton("Add"), "AddSegmentButton", "Add new empty segment")
    ui.RemoveSegmentButton = named(QPushButton("Remove"), "RemoveSegmentButton", "Remove selected segment(s)")
    ui.Show3DButton = named(QPushButton("Show 3D"), "Show3DButton", "Show in 3D")
    ui.Show3DButton.setCheckable(True)
    ui.SwitchToSegmentationsButton = named(
        QToolButton(), "SwitchToSegmentationsButton", "Go to Segmentations module"
    )
    ui.SwitchToSegmentationsButton.setText("Segmentations...")
    for button in (
        ui.AddSegmentButton,
        ui.RemoveSegmentButton,
        ui.Show3DButton,
        ui.SwitchToSegmentationsButton,
    ):
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row.addWidget(button)
    ui.SwitchToSegmentationsButton.setEnabled(False)
    return row


def _undo(ui: SimpleNamespace) -> QFrame:
    ui.UndoRedoGroupBox = named(QFrame(), "UndoRedoGroupBox")
    grid = QGridLayout(ui.UndoRedoGroupBox)
    grid.setContentsMargins(0, 0, 0, 0)
    ui.UndoButton = named(QToolButton(), "UndoButton", "Undo last editing operation")
    ui.UndoButton.setText("Undo")
    ui.RedoButton = named(QToolButton(), "RedoButton", "Redo last editing operation")
    ui.RedoButton.setText("Redo")
    grid.addWidget(ui.UndoButton, 0, 0)
    grid.addWidget(ui.RedoButton, 0, 1)
    return ui.UndoRedoGroupBox


def _options(ui: SimpleNamespace) -> QGroupBox:
    ui.OptionsGroupBox = named(QGroupBox(), "OptionsGroupBox")
    column = QVBoxLayout(ui.OptionsGroupBox)
    ui.EffectHelpBrowser = named(ctkFittedTextBrowser(), "EffectHelpBrowser")
    ui.EffectHelpBrowser.setMaximumHeight(60)
    ui.EffectsOptionsFrame = named(QFrame(), "EffectsOptionsFrame")
    QVBoxLayout(ui.EffectsOptionsFrame).setContentsMargins(0, 0, 0, 0)
    column.addWidget(ui.EffectHelpBrowser)
    column.addWidget(ui.EffectsOptionsFrame)
    ui.OptionsGroupBox.hide()
    return ui.OptionsGroupBox


def _masking(ui: SimpleNamespace) -> QGroupBox:
    ui.MaskingGroupBox = named(QGroupBox("Masking"), "MaskingGroupBox")
    form = QFormLayout(ui.MaskingGroupBox)
    ui.MaskModeComboBox = named(QComboBox(), "MaskModeComboBox")
    ui.OverwriteModeComboBox = named(QComboBox(), "OverwriteModeComboBox")
    for box, items in ((ui.MaskModeComboBox, EDITABLE), (ui.OverwriteModeComboBox, OVERWRITE)):
        for text, value in items:
            box.addItem(text, int(value))
    ui.MaskModeComboBox.insertSeparator(ui.MaskModeComboBox.count)
    ui.SourceVolumeIntensityMaskCheckBox = named(ctkCheckBox(), "SourceVolumeIntensityMaskCheckBox")
    ui.SourceVolumeIntensityMaskRangeWidget = named(ctkRangeWidget(), "SourceVolumeIntensityMaskRangeWidget")
    form.addRow("Editable area:", ui.MaskModeComboBox)
    form.addRow("Editable intensity range:", ui.SourceVolumeIntensityMaskCheckBox)
    form.addRow(ui.SourceVolumeIntensityMaskRangeWidget)
    form.addRow("Modify other segments:", ui.OverwriteModeComboBox)
    ui.MaskingGroupBox.hide()
    return ui.MaskingGroupBox
