"""Effects of a Segment Editor: its own copies, their buttons, and which one is active."""

from __future__ import annotations

import logging
from typing import Any

import slicer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QSizePolicy, QToolButton

from .effects import qSlicerSegmentEditorEffectFactory

ORDER = [
    "Threshold",
    "Paint",
    "Draw",
    "Erase",
    "Level tracing",
    "Grow from seeds",
    "Fill between slices",
    "Margin",
    "Hollow",
    "Smoothing",
    "Scissors",
    "Islands",
    "Logical operators",
    "Mask volume",
]
_NONE = "NULL"


class EditorEffects:
    """Mixed into the editor widget."""

    @staticmethod
    def _effects() -> dict[str, Any]:
        state = {"effects": [], "active": None, "last": None, "order": list(ORDER), "unordered": True}
        return state | {"columns": 2, "buttons": {}}

    def updateEffectList(self) -> None:
        """Copy effects that are newly registered, and lay out the buttons."""
        if None not in self._d.buttons:
            self._addButton(None, _NONE, "None", QIcon())
        for effect in qSlicerSegmentEditorEffectFactory.instance()._copies(self._d.effects):
            effect._selectEffect.connect(self.setActiveEffectByName)
            effect._saveState.connect(self.saveStateForUndo)
            effect._setSegmentEditorLogic(self._d.logic)
            if self._d.node is not None:
                effect.setParameterSetNode(self._d.node)
                effect._setMRMLDefaults()
            self._addButton(effect, effect.name, effect.title, effect._icon())
            effect._setupOptionsFrame()
            effect.optionsFrame().setVisible(False)
            self._d.ui.EffectsOptionsFrame.layout().addWidget(effect.optionsFrame())
        self._layOutButtons()

    def _addButton(self, effect: Any, name: str, title: str, icon: QIcon) -> None:
        button = QToolButton(self._d.ui.EffectsGroupBox)
        button.setObjectName(name)
        button.setCheckable(True)
        button.setIcon(icon)
        button.setText(title)
        button.setToolTip(title or "No editing")
        button.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred)
        self._d.ui.EffectButtonGroup.addButton(button)
        self._d.buttons[effect] = button

    def _displayed(self) -> list[Any]:
        ordered = [self.effectByName(name) for name in self._d.order]
        shown = [effect for effect in ordered if effect is not None]
        rest = [effect for effect in self._d.effects if effect not in shown] if self._d.unordered else []
        return [None, *shown, *rest]

    def _layOutButtons(self) -> None:
        grid = self._d.ui.EffectsGroupBox.layout()
        for button in self._d.buttons.values():
            grid.removeWidget(button)
            button.hide()
        for place, effect in enumerate(self._displayed()):
            button = self._d.buttons[effect]
            grid.addWidget(button, place // self._d.columns, place % self._d.columns)
            button.show()

    # --- Asking -------------------------------------------------------------------------------------------

    def effectByName(self, name: str) -> Any:
        return next((effect for effect in self._d.effects if name and effect.name == name), None)

    def availableEffectNames(self) -> tuple[str, ...]:
        return tuple(effect.name for effect in self._d.effects)

    def effectNameOrder(self) -> tuple[str, ...]:
        return tuple(self._d.order)

    def setEffectNameOrder(self, names: Any) -> None:
        """Show these first."""
        if list(names) != self._d.order:
            self._d.order = list(names)
            self.updateEffectList()

    def effectCount(self) -> int:
        """How many buttons there are, the one for no effect included."""
        return len(self._displayed())

    def effectByIndex(self, index: int) -> Any:
        shown = self._displayed()
        return shown[index] if 0 <= index < len(shown) else None

    # --- The active one -----------------------------------------------------------------------------------

    def activeEffect(self) -> Any:
        return self._d.active

    def setActiveEffect(self, effect: Any) -> None:
        """Ask the editor node for an effect, None for no editing."""
        if self._d.node is None:
            if effect is not None:
                logging.error("Invalid segment editor parameter set node")
            return
        self._d.node.SetActiveEffectName(effect.name if effect is not None else "")

    def setActiveEffectByName(self, name: str) -> None:
        self.setActiveEffect(self.effectByName(name))

    def _onEffectButton(self, button: Any) -> None:
        self.setActiveEffect(next(effect for effect, known in self._d.buttons.items() if known == button))

    def _updateEffectsSection(self) -> None:
        ui, node = self._d.ui, self._d.node
        usable = node.GetSourceVolumeNode() is not None and not self._d.locked
        ui.EffectsGroupBox.setEnabled(usable)
        ui.OptionsGroupBox.setEnabled(usable)
        segmentation = node.GetSegmentationNode()
        segments = segmentation is not None and segmentation.GetSegmentation().GetNumberOfSegments() > 0
        selected = bool(node.GetSelectedSegmentID())
        if usable:
            for effect, button in self._d.buttons.items():
                if effect is not None:
                    fits = segments and (selected or not effect.perSegment)
                    button.setEnabled(not effect.requireSegments or fits)
        wanted = self.effectByName(node.GetActiveEffectName() or "")
        if wanted is not self._d.active:
            self._switchEffect(wanted)

    def _switchEffect(self, wanted: Any) -> None:
        ui = self._d.ui
        if self._d.active is not None:
            self._d.active.deactivate()
        if wanted is not None and not self._makeLabelmapSource():
            wanted = None
        if wanted is not None:
            self.setupViewObservations()
            interaction = self._d.interaction
            transform = slicer.vtkMRMLInteractionNode.ViewTransform
            if interaction is not None and interaction.GetCurrentInteractionMode() != transform:
                interaction.SetCurrentInteractionMode(transform)
            wanted.activate()
            ui.OptionsGroupBox.show()
            ui.OptionsGroupBox.setTitle(wanted.title)
            ui.EffectHelpBrowser.setCollapsibleText(wanted.helpText())
            ui.MaskingGroupBox.setVisible(self._d.maskingVisible)
        else:
            ui.OptionsGroupBox.hide()
            ui.OptionsGroupBox.setTitle("")
            ui.EffectHelpBrowser.setText("")
            ui.MaskingGroupBox.hide()
            self.removeViewObservations()
        for effect, button in self._d.buttons.items():
            blocked = button.blockSignals(True)
            button.setChecked(effect is wanted)
            button.blockSignals(blocked)
        self.setEffectCursor(wanted)
        self._d.last, self._d.active = self._d.active, wanted

    def _onInteractionModified(self, caller: Any, event: str) -> None:
        if self._d.active is not None:
            self._d.active._interactionNodeModified(self._d.interaction)
