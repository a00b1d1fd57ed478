"""The table of segments inside the Segment Editor."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import slicer
from PySide6.QtCore import Property, QItemSelection, QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from .mrml_widgets import qMRMLWidget
from .observing import Observations

_ID = Qt.ItemDataRole.UserRole
_STATUS = ("Not started", "In progress", "Completed", "Flagged")


class qMRMLSegmentsTableView(qMRMLWidget):
    """Visibility, color and name of each segment; one can be selected."""

    selectionChanged = Signal(QItemSelection, QItemSelection)
    segmentAboutToBeModified = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        table = QTableWidget(0, 4)
        table.setHorizontalHeaderLabels(["", "", "Name", "Status"])
        table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        for column in (0, 1):
            table.setColumnWidth(column, 30)
        table.verticalHeader().setVisible(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(table)
        self._d = SimpleNamespace(
            table=table, node=None, observed=Observations(), readOnly=False, jump=False, filling=False
        )
        table.itemSelectionChanged.connect(self._onSelectionChanged)

    segmentCount = Property(int, lambda self: self._d.table.rowCount)
    readOnly = Property(bool, lambda self: self._d.readOnly, lambda self, value: self.setReadOnly(value))
    selectionMode = Property(
        int, lambda self: int(self._d.table.selectionMode), lambda self, value: self.setSelectionMode(value)
    )
    jumpToSelectedSegmentEnabled = Property(
        bool, lambda self: self._d.jump, lambda self, value: self.setJumpToSelectedSegmentEnabled(value)
    )

    def setReadOnly(self, readOnly: bool) -> None:
        self._d.readOnly = readOnly

    def setSelectionMode(self, mode: int) -> None:
        self._d.table.setSelectionMode(QAbstractItemView.SelectionMode(mode))

    def setJumpToSelectedSegmentEnabled(self, enable: bool) -> None:
        self._d.jump = enable

    def tableWidget(self) -> QTableWidget:
        return self._d.table

    def segmentationNode(self) -> Any:
        return self._d.node

    def setSegmentationNode(self, node: Any) -> None:
        """Show the segments of a node and follow them."""
        if node is self._d.node:
            return
        self._d.observed.clear()
        self._d.node = node
        if node is not None:
            kind = slicer.vtkSegmentation
            for event in (
                kind.SegmentAdded,
                kind.SegmentRemoved,
                kind.SegmentModified,
                kind.SegmentsOrderModified,
            ):
                self._d.observed.add(node, event, self._onSegmentsChanged)
            self._d.observed.add(
                node, slicer.vtkMRMLDisplayableNode.DisplayModifiedEvent, self._onSegmentsChanged
            )
        self._fill()

    def displayedSegmentIDs(self) -> tuple[str, ...]:
        return tuple(self._ids())

    def selectedSegmentIDs(self) -> tuple[str, ...]:
        """The selected segments, from top to bottom."""
        rows = sorted({index.row() for index in self._d.table.selectionModel().selectedRows()})
        return tuple(self.segmentIDForRow(row) for row in rows)

    def setSelectedSegmentIDs(self, identifiers: Any) -> None:
        """Select these segments and no others."""
        if tuple(identifiers) == self.selectedSegmentIDs():
            return
        model, flags = self._d.table.selectionModel(), QItemSelectionModel.SelectionFlag
        selection = QItemSelection()
        for identifier in identifiers:
            row = self.rowForSegmentID(identifier)
            if row >= 0:
                index = self._d.table.model().index(row, 0)
                selection.select(index, index)
        model.select(selection, flags.ClearAndSelect | flags.Rows)

    def clearSelection(self) -> None:
        self._d.table.clearSelection()

    def rowForSegmentID(self, identifier: str) -> int:
        """Its row, -1 if it is not shown."""
        ids = self._ids()
        return ids.index(identifier) if identifier in ids else -1

    def segmentIDForRow(self, row: int) -> str:
        item = self._d.table.item(row, 2)
        return item.data(_ID) if item is not None else ""

    # --- Inside -------------------------------------------------------------------------------------------

    def _ids(self) -> list[str]:
        return [self.segmentIDForRow(row) for row in range(self._d.table.rowCount)]

    def _onSegmentsChanged(self, caller: Any, event: str) -> None:
        self._fill()

    def _fill(self) -> None:
        table, node = self._d.table, self._d.node
        selected = self.selectedSegmentIDs()
        self._d.filling = True
        segmentation = node.GetSegmentation() if node is not None else None
        ids = list(segmentation.GetSegmentIDs()) if segmentation is not None else []
        table.setRowCount(len(ids))
        display = node.GetDisplayNode() if node is not None else None
        for row, identifier in enumerate(ids):
            segment = segmentation.GetSegment(identifier)
            shown = display is None or display.GetSegmentVisibility(identifier)
            color = QTableWidgetItem()
            color.setBackground(QColor.fromRgbF(*segment.GetColor()))
            name = QTableWidgetItem(segment.GetName())
            name.setData(_ID, identifier)
            status = _STATUS[slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentStatus(segment)]
            items = (QTableWidgetItem("◉" if shown else "○"), color, name, QTableWidgetItem(status))
            for column, item in enumerate(items):
                table.setItem(row, column, item)
        self.setSelectedSegmentIDs([identifier for identifier in selected if identifier in ids])
        self._d.filling = False
        if self.selectedSegmentIDs() != selected:
            self._onSelectionChanged()

    def _onSelectionChanged(self) -> None:
        if not self._d.filling:
            self.selectionChanged.emit(QItemSelection(), QItemSelection())
