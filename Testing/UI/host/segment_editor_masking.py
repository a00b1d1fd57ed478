"""The masking section of the Segment Editor: editable area, intensity range, overwriting."""

from __future__ import annotations

from typing import Any

import slicer

from .segment_editor_layout import EDITABLE

_FIXED = len(EDITABLE) + 1  # and the separator


class EditorMasking:
    """Mixed into the editor widget."""

    def _connectMasking(self) -> None:
        ui = self._d.ui
        ui.MaskModeComboBox.currentIndexChanged.connect(self._onMaskMode)
        ui.OverwriteModeComboBox.currentIndexChanged.connect(self._onOverwriteMode)
        ui.SourceVolumeIntensityMaskCheckBox.toggled.connect(self._onIntensityMask)
        ui.SourceVolumeIntensityMaskRangeWidget.valuesChanged.connect(self._onIntensityRange)

    def toggleSourceVolumeIntensityMaskEnabled(self) -> None:
        self._d.logic.ToggleSourceVolumeIntensityMask()

    def _onMaskMode(self, index: int) -> None:
        node, box = self._d.node, self._d.ui.MaskModeComboBox
        if node is None:
            return
        if index >= _FIXED:
            node.SetMaskSegmentID(box.itemData(index))
            node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
        else:
            node.SetMaskMode(int(box.itemData(index) or 0))

    def _onOverwriteMode(self, index: int) -> None:
        if self._d.node is not None:
            self._d.node.SetOverwriteMode(int(self._d.ui.OverwriteModeComboBox.itemData(index)))

    def _onIntensityMask(self, checked: bool) -> None:
        if self._d.node is not None:
            self._d.node.SetSourceVolumeIntensityMask(checked)

    def _onIntensityRange(self, low: float, high: float) -> None:
        if self._d.node is not None:
            self._d.node.SetSourceVolumeIntensityMaskRange(low, high)

    def _updateIntensityRange(self) -> None:
        widget, source = self._d.ui.SourceVolumeIntensityMaskRangeWidget, self._d.source
        image = source.GetImageData() if source is not None else None
        widget.setEnabled(image is not None)
        if image is not None:
            widget.setRange(*image.GetScalarRange())

    def _updateMaskingSection(self) -> None:
        ui, node = self._d.ui, self._d.node
        if node is None or self._scene is None or self._scene.IsClosing():
            return
        single = node.GetMaskMode() == slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment
        value: Any = node.GetMaskSegmentID() if single else node.GetMaskMode()
        low, high = node.GetSourceVolumeIntensityMaskRange()
        source = self._d.source
        if (
            node.GetSourceVolumeIntensityMask()
            and low == high
            and source is not None
            and source.GetImageData()
        ):
            first, last = source.GetImageData().GetScalarRange()
            low, high = first + 0.25 * (last - first), first + 0.75 * (last - first)
            node.SetSourceVolumeIntensityMaskRange(low, high)
        boxes = (ui.MaskModeComboBox, ui.OverwriteModeComboBox, ui.SourceVolumeIntensityMaskCheckBox)
        parts = (*boxes, ui.SourceVolumeIntensityMaskRangeWidget)
        blocked = [part.blockSignals(True) for part in parts]
        ui.MaskModeComboBox.setCurrentIndex(ui.MaskModeComboBox.findData(value))
        ui.OverwriteModeComboBox.setCurrentIndex(ui.OverwriteModeComboBox.findData(node.GetOverwriteMode()))
        ui.SourceVolumeIntensityMaskCheckBox.setChecked(bool(node.GetSourceVolumeIntensityMask()))
        ui.SourceVolumeIntensityMaskRangeWidget.setVisible(bool(node.GetSourceVolumeIntensityMask()))
        ui.SourceVolumeIntensityMaskRangeWidget.setValues(low, high)
        for part, was in zip(parts, blocked, strict=True):
            part.blockSignals(was)

    def _updateMaskSegments(self) -> None:
        """List the segments as editable areas."""
        box, node = self._d.ui.MaskModeComboBox, self._d.node
        segmentation = node.GetSegmentationNode() if node is not None else None
        blocked = box.blockSignals(True)
        chosen = box.itemData(box.currentIndex) if box.currentIndex >= _FIXED else None
        while box.count > _FIXED:
            box.removeItem(box.count - 1)
        if segmentation is not None:
            for identifier in segmentation.GetSegmentation().GetSegmentIDs():
                name = segmentation.GetSegmentation().GetSegment(identifier).GetName()
                box.addItem(f"Inside {name}", identifier)
            if chosen is not None:
                box.setCurrentIndex(box.findData(chosen))
        box.blockSignals(blocked)
        if segmentation is not None and box.currentIndex < 0:
            box.setCurrentIndex(0)
