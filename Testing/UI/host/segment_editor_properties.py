"""Settings of a Segment Editor: which of its parts are shown, and how many states can be undone."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Property, Qt

from .settings import QSettings


def _shown(part: str) -> Any:
    return lambda self: getattr(self._d.ui, part).isVisible()


class EditorProperties:
    """Mixed into the editor widget. As in Slicer, what is visible reads False while a parent is hidden."""

    @staticmethod
    def _properties() -> dict[str, Any]:
        style = Qt.ToolButtonStyle.ToolButtonIconOnly
        state = {"maskingVisible": True, "geometryVisible": True, "autoShow": True, "style": style}
        return state | {"terminologyKey": "Segmentations/DefaultTerminologyEntry"}

    def setSegmentationNodeSelectorVisible(self, visible: bool) -> None:
        self._d.ui.SegmentationNodeComboBox.setVisible(visible)
        self._d.ui.SegmentationNodeLabel.setVisible(visible)

    def setSourceVolumeNodeSelectorVisible(self, visible: bool) -> None:
        self._d.ui.SourceVolumeNodeComboBox.setVisible(visible)
        self._d.ui.SourceVolumeNodeLabel.setVisible(visible)
        self._d.ui.SpecifyGeometryButton.setVisible(visible and self._d.geometryVisible)

    def setMaskingSectionVisible(self, visible: bool) -> None:
        self._d.maskingVisible = visible
        if self._d.node is not None:
            self._updateEffectsSection()

    def setSpecifyGeometryButtonVisible(self, visible: bool) -> None:
        self._d.geometryVisible = visible
        ui = self._d.ui
        ui.SpecifyGeometryButton.setVisible(ui.SourceVolumeNodeComboBox.isVisible() and visible)

    def setShow3DButtonVisible(self, visible: bool) -> None:
        self._d.ui.Show3DButton.setVisible(visible)

    def setAddRemoveSegmentButtonsVisible(self, visible: bool) -> None:
        self._d.ui.AddSegmentButton.setVisible(visible)
        self._d.ui.RemoveSegmentButton.setVisible(visible)

    def setSwitchToSegmentationsButtonVisible(self, visible: bool) -> None:
        self._d.ui.SwitchToSegmentationsButton.setVisible(visible)

    def setAutoShowSourceVolumeNode(self, show: bool) -> None:
        self._d.autoShow = show

    def setUndoEnabled(self, enabled: bool) -> None:
        if enabled:
            self._d.logic.ClearUndoState()
        self._d.ui.UndoRedoGroupBox.setVisible(enabled)

    def setMaximumNumberOfUndoStates(self, number: int) -> None:
        self._d.logic.SetMaximumNumberOfUndoStates(number)

    def setEffectButtonStyle(self, style: Any) -> None:
        self._d.style = Qt.ToolButtonStyle(style)
        for button in self._d.buttons.values():
            button.setToolButtonStyle(self._d.style)

    def setEffectColumnCount(self, count: int) -> None:
        self._d.columns = count
        self.updateEffectList()

    def _setUnorderedEffectsVisible(self, visible: bool) -> None:
        if visible != self._d.unordered:
            self._d.unordered = visible
            self.updateEffectList()

    def setJumpToSelectedSegmentEnabled(self, enable: bool) -> None:
        self._d.ui.SegmentsTableView.setJumpToSelectedSegmentEnabled(enable)

    def _setDefaultTerminologyEntrySettingsKey(self, key: str) -> None:
        self._d.terminologyKey = key

    def _setDefaultTerminologyEntry(self, entry: str) -> None:
        self._d.logic.SetDefaultTerminologyEntry(entry)
        if self._d.terminologyKey:
            QSettings().setValue(self._d.terminologyKey, entry)

    def _defaultTerminologyEntry(self) -> str:
        key = self._d.terminologyKey
        if key and QSettings().contains(key):
            self._d.logic.SetDefaultTerminologyEntry(QSettings().value(key))
        return self._d.logic.GetDefaultTerminologyEntry()

    segmentationNodeSelectorVisible = Property(
        bool, _shown("SegmentationNodeComboBox"), setSegmentationNodeSelectorVisible
    )
    sourceVolumeNodeSelectorVisible = Property(
        bool, _shown("SourceVolumeNodeComboBox"), setSourceVolumeNodeSelectorVisible
    )
    maskingSectionVisible = Property(bool, lambda self: self._d.maskingVisible, setMaskingSectionVisible)
    specifyGeometryButtonVisible = Property(
        bool, lambda self: self._d.geometryVisible, setSpecifyGeometryButtonVisible
    )
    show3DButtonVisible = Property(bool, _shown("Show3DButton"), setShow3DButtonVisible)
    addRemoveSegmentButtonsVisible = Property(
        bool, _shown("AddSegmentButton"), setAddRemoveSegmentButtonsVisible
    )
    switchToSegmentationsButtonVisible = Property(
        bool, _shown("SwitchToSegmentationsButton"), setSwitchToSegmentationsButtonVisible
    )
    autoShowSourceVolumeNode = Property(bool, lambda self: self._d.autoShow, setAutoShowSourceVolumeNode)
    undoEnabled = Property(bool, _shown("UndoRedoGroupBox"), setUndoEnabled)
    maximumNumberOfUndoStates = Property(
        int, lambda self: self._d.logic.GetMaximumNumberOfUndoStates(), setMaximumNumberOfUndoStates
    )
    effectButtonStyle = Property(int, lambda self: int(self._d.style), setEffectButtonStyle)
    effectColumnCount = Property(int, lambda self: self._d.columns, setEffectColumnCount)
    unorderedEffectsVisible = Property(bool, lambda self: self._d.unordered, _setUnorderedEffectsVisible)
    jumpToSelectedSegmentEnabled = Property(
        bool,
        lambda self: self._d.ui.SegmentsTableView.jumpToSelectedSegmentEnabled,
        setJumpToSelectedSegmentEnabled,
    )
    defaultTerminologyEntrySettingsKey = Property(
        str, lambda self: self._d.terminologyKey, _setDefaultTerminologyEntrySettingsKey
    )
    defaultTerminologyEntry = Property(str, _defaultTerminologyEntry, _setDefaultTerminologyEntry)
