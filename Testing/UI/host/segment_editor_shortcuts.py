"""The Segment Editor's keyboard shortcuts: 35 of them on the main window while they are installed."""

from __future__ import annotations

from functools import partial
from typing import Any

import slicer
from PySide6.QtGui import QKeySequence, QShortcut

_SEGMENT_KEYS = (("Q", "W"), ("/", "*"), (",", "."), (">", "<"))


class EditorShortcuts:
    """Mixed into the editor widget."""

    def installKeyboardShortcuts(self, parent: Any = None) -> None:
        """Listen to keys on a widget, the main window if none is given."""
        self.uninstallKeyboardShortcuts()
        target = parent if parent is not None else slicer.util.mainWindow()
        for number in range(1, 11):
            self._shortcut(target, str(number % 10), partial(self._selectEffectByKey, number))
            self._shortcut(target, f"Shift+{number % 10}", partial(self._selectEffectByKey, number + 10))
        self._shortcut(target, "Esc", partial(self._selectEffectByKey, 0))
        self._shortcut(target, "Space", partial(self._selectEffectByKey, -1))
        for keys in ("Z", QKeySequence(QKeySequence.StandardKey.Undo)):
            self._shortcut(target, keys, self.undo)
        for keys in ("Y", QKeySequence(QKeySequence.StandardKey.Redo)):
            self._shortcut(target, keys, self.redo)
        for previous, following in _SEGMENT_KEYS:
            self._shortcut(target, previous, self.selectPreviousSegment)
            self._shortcut(target, following, self.selectNextSegment)
        self._shortcut(target, "I", self.toggleSourceVolumeIntensityMaskEnabled)

    def uninstallKeyboardShortcuts(self) -> None:
        """Stop listening."""
        for shortcut in self._d.shortcuts:
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._d.shortcuts = []

    def _shortcut(self, parent: Any, keys: Any, action: Any) -> None:
        shortcut = QShortcut(QKeySequence(keys), parent)
        shortcut.activated.connect(action)
        self._d.shortcuts.append(shortcut)

    def _selectEffectByKey(self, index: int) -> None:
        if self._d.locked:
            return
        effect = self._d.last if index < 0 else self.effectByIndex(index)
        self.setActiveEffect(None if index >= 0 and effect is self._d.active else effect)

    def selectPreviousSegment(self) -> None:
        self.selectSegmentAtOffset(-1)

    def selectNextSegment(self) -> None:
        self.selectSegmentAtOffset(1)

    def selectSegmentAtOffset(self, offset: int) -> None:
        """The next visible segment of the table in that direction."""
        node, table = self._d.segmentation, self._d.ui.SegmentsTableView
        ids = table.displayedSegmentIDs()
        selected = table.selectedSegmentIDs()
        if node is None or node.GetDisplayNode() is None or not selected:
            return
        row = ids.index(selected[0])
        for _ in ids:
            row = max(0, (row + offset) % len(ids))
            if node.GetDisplayNode().GetSegmentVisibility(ids[row]):
                self.setCurrentSegmentID(ids[row])
                return
