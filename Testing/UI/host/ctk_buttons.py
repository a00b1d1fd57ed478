"""CTK's buttons, boxes and message box, as far as modules of Slicer commonly use them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from PySide6.QtCore import Property, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QMessageBox,
    QPushButton,
    QStyle,
    QStyleOption,
    QStyleOptionButton,
    QTextBrowser,
    QWidget,
)

from .settings import QSettings


class ctkCollapsibleButton(QAbstractButton):
    """A header that shows or hides the widgets laid out in it."""

    contentsCollapsed = Signal(bool)

    def __init__(self, *arguments: Any) -> None:
        texts = [item for item in arguments if isinstance(item, str)]
        super().__init__(next((item for item in arguments if not isinstance(item, str)), None))
        self._d = SimpleNamespace(collapsed=False, hidden=[], height=10)
        self.setText(texts[0] if texts else "")
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._onToggled)
        self.setContentsMargins(0, self._header(), 0, 0)

    collapsed = Property(bool, lambda self: self._d.collapsed, lambda self, value: self._setCollapsed(value))
    collapsedHeight = Property(
        int, lambda self: self._d.height, lambda self, value: self._setCollapsedHeight(value)
    )

    def _setCollapsed(self, collapsed: bool) -> None:
        """Hide (True) or show the contents."""
        if collapsed == self._d.collapsed:
            return
        self._d.collapsed = collapsed
        self.setChecked(not collapsed)
        if collapsed:
            children = [item for item in self.children() if item.isWidgetType() and not item.isHidden()]
            self._d.hidden = children
            for child in children:
                child.hide()
        else:
            for child in self._d.hidden:
                child.show()
            self._d.hidden = []
        self.updateGeometry()
        self.contentsCollapsed.emit(collapsed)

    def _setCollapsedHeight(self, height: int) -> None:
        """The height of the frame shown below a collapsed header."""
        self._d.height = height

    def sizeHint(self) -> QSize:
        layout = self.layout()
        inner = layout.sizeHint() if layout is not None and not self._d.collapsed else QSize(0, 0)
        return QSize(max(inner.width(), 120), max(inner.height(), self._header()))

    def minimumSizeHint(self) -> QSize:
        layout = self.layout()
        inner = layout.minimumSize() if layout is not None and not self._d.collapsed else QSize(0, 0)
        return QSize(inner.width(), max(inner.height(), self._header()))

    def hitButton(self, position: Any) -> bool:
        return position.y() < self._header()

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        option = QStyleOptionButton()
        option.initFrom(self)
        option.rect.setHeight(self._header())
        option.text = "    " + self.text
        style = self.style()
        style.drawControl(QStyle.ControlElement.CE_PushButtonBevel, option, painter, self)
        arrow = QStyleOption()
        arrow.initFrom(self)
        arrow.rect = option.rect.adjusted(8, 8, 0, -8)
        arrow.rect.setWidth(arrow.rect.height())
        element = QStyle.PrimitiveElement.PE_IndicatorArrowRight
        if not self._d.collapsed:
            element = QStyle.PrimitiveElement.PE_IndicatorArrowDown
        style.drawPrimitive(element, arrow, painter, self)
        text = option.rect.adjusted(8 + arrow.rect.width(), 0, 0, 0)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        style.drawItemText(painter, text.adjusted(6, 0, 0, 0), flags, self.palette, self.enabled, self.text)
        painter.end()

    def _header(self) -> int:
        return self.fontMetrics().height() + 10

    def _onToggled(self, checked: bool) -> None:
        self._setCollapsed(not checked)


class ctkPushButton(QPushButton):
    """A push button whose text and icon can be aligned."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._d = SimpleNamespace(text=Qt.AlignmentFlag.AlignHCenter, icon=Qt.AlignmentFlag.AlignLeft)

    def _setButtonTextAlignment(self, alignment: Any) -> None:
        """Where the text stands."""
        self._d.text = alignment

    def _setIconAlignment(self, alignment: Any) -> None:
        """Where the icon stands."""
        self._d.icon = alignment

    buttonTextAlignment = Property(int, lambda self: int(self._d.text), _setButtonTextAlignment)
    iconAlignment = Property(int, lambda self: int(self._d.icon), _setIconAlignment)


class ctkCheckBox(QCheckBox):
    """A check box (its indicator's icon is not imitated)."""


class ctkComboBox(QComboBox):
    """A combo box that can keep the wheel from changing it."""

    NeverScroll, AlwaysScroll, ScrollWithFocus, ScrollWithNoVScrollBar = range(4)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._d = SimpleNamespace(text="", effect=self.AlwaysScroll)

    def _setDefaultText(self, text: str) -> None:
        """What is shown while nothing is selected."""
        self._d.text = text
        self.setPlaceholderText(text)

    def _setScrollWheelEffect(self, effect: int) -> None:
        """When the wheel changes the current item."""
        self._d.effect = int(effect)

    def _setCurrentUserDataAsString(self, text: str) -> None:
        """Select the item with this data."""
        self.setCurrentIndex(self.findData(text))

    defaultText = Property(str, lambda self: self._d.text, _setDefaultText)
    scrollWheelEffect = Property(int, lambda self: self._d.effect, _setScrollWheelEffect)
    currentUserDataAsString = Property(
        str, lambda self: str(self.currentData() or ""), _setCurrentUserDataAsString
    )


class ctkFittedTextBrowser(QTextBrowser):
    """Text as high as it needs to be, cut behind the first paragraph when collapsed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._d = SimpleNamespace(collapsed=True, text="")

    def _setCollapsed(self, collapsed: bool) -> None:
        """Show the first paragraph alone (True) or all."""
        self._d.collapsed = collapsed
        self.setHtml(self._d.text.partition("<p>")[0] if collapsed else self._d.text)

    def setCollapsibleText(self, text: str) -> None:
        """The whole text; its first paragraph is the teaser."""
        self._d.text = text
        self._setCollapsed(self._d.collapsed)

    def collapsibleText(self) -> str:
        """The whole text."""
        return self._d.text

    collapsed = Property(bool, lambda self: self._d.collapsed, _setCollapsed)

    def sizeHint(self) -> QSize:
        self.document.setTextWidth(max(100, self.viewport().width))
        return QSize(200, int(self.document.size.height()) + 6)

    def minimumSizeHint(self) -> QSize:
        return QSize(100, self.sizeHint().height())


class ctkMessageBox(QMessageBox):
    """A message box with "Don't show this message again"."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._d = SimpleNamespace(key="", again=False, visible=False, roles=[])

    def setDontShowAgain(self, dont: bool) -> None:
        """Tick the box."""
        self._d.again = dont

    def _setDontShowAgainVisible(self, visible: bool) -> None:
        """Show the box."""
        self._d.visible = visible

    def _setDontShowAgainSettingsKey(self, key: str) -> None:
        """Where the answer is remembered."""
        self._d.key = key

    def addDontShowAgainButtonRole(self, role: Any) -> None:
        """Remember the answer if it has this role."""
        self._d.roles.append(role)

    def exec(self) -> int:
        """The remembered answer, or the user's."""
        from .dialogs import dialogs

        remembered = QSettings().value(self._d.key) if self._d.key else None
        if remembered is not None and int(remembered) != int(QMessageBox.ButtonRole.InvalidRole):
            return int(remembered)
        result = dialogs.run(self)
        if self._d.key and self._d.again:
            QSettings().setValue(self._d.key, result)
        return result

    def exec_(self) -> int:
        return self.exec()

    dontShowAgain = Property(bool, lambda self: self._d.again, setDontShowAgain)
    dontShowAgainVisible = Property(bool, lambda self: self._d.visible, _setDontShowAgainVisible)
    dontShowAgainSettingsKey = Property(str, lambda self: self._d.key, _setDontShowAgainSettingsKey)
