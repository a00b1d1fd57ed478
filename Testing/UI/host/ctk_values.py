"""CTK's widgets for numbers and paths: slider with spin box, range, path line."""

from __future__ import annotations

from types import SimpleNamespace

from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QSlider, QToolButton, QWidget

from .dialogs import dialogs

_STEPS = 10000


class ctkDoubleSpinBox(QWidget):
    """A spin box for numbers with decimals."""

    valueChanged = Signal(float)
    SIGNATURES = {"valueChanged": "valueChanged(double)"}

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        box = QDoubleSpinBox()
        box.setRange(0.0, 99.99)
        box.valueChanged.connect(lambda value: self.valueChanged.emit(value))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(box)
        self._d = SimpleNamespace(box=box)

    value = Property(float, lambda self: self._d.box.value, lambda self, value: self.setValue(value))
    minimum = Property(float, lambda self: self._d.box.minimum, lambda self, value: self._setMinimum(value))
    maximum = Property(float, lambda self: self._d.box.maximum, lambda self, value: self._setMaximum(value))
    singleStep = Property(
        float, lambda self: self._d.box.singleStep, lambda self, value: self._setSingleStep(value)
    )
    decimals = Property(int, lambda self: self._d.box.decimals, lambda self, value: self.setDecimals(value))
    suffix = Property(str, lambda self: self._d.box.suffix, lambda self, value: self._setSuffix(value))
    prefix = Property(str, lambda self: self._d.box.prefix, lambda self, value: self._setPrefix(value))

    def setValue(self, value: float) -> None:
        self._d.box.setValue(value)

    def _setMinimum(self, value: float) -> None:
        self._d.box.setMinimum(max(value, -1e300))

    def _setMaximum(self, value: float) -> None:
        self._d.box.setMaximum(min(value, 1e300))

    def _setSingleStep(self, value: float) -> None:
        self._d.box.setSingleStep(value)

    def setDecimals(self, value: int) -> None:
        self._d.box.setDecimals(value)

    def _setSuffix(self, text: str) -> None:
        self._d.box.setSuffix(text)

    def _setPrefix(self, text: str) -> None:
        self._d.box.setPrefix(text)


class ctkSliderWidget(QWidget):
    """A slider and a spin box that show the same number."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    decimalsChanged = Signal(int)
    SIGNATURES = {
        "valueChanged": "valueChanged(double)",
        "valueIsChanging": "valueIsChanging(double)",
    }

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        box, slider = QDoubleSpinBox(), QSlider(Qt.Orientation.Horizontal)
        box.setRange(0.0, 99.0)
        slider.setRange(0, _STEPS)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(slider, 1)
        layout.addWidget(box)
        self._d = SimpleNamespace(box=box, slider=slider, tracking=True)
        box.valueChanged.connect(self._onBox)
        slider.valueChanged.connect(self._onSlider)

    value = Property(float, lambda self: self._d.box.value, lambda self, value: self.setValue(value))
    minimum = Property(float, lambda self: self._d.box.minimum, lambda self, value: self._setMinimum(value))
    maximum = Property(float, lambda self: self._d.box.maximum, lambda self, value: self._setMaximum(value))
    singleStep = Property(
        float, lambda self: self._d.box.singleStep, lambda self, value: self._setSingleStep(value)
    )
    decimals = Property(int, lambda self: self._d.box.decimals, lambda self, value: self.setDecimals(value))
    suffix = Property(str, lambda self: self._d.box.suffix, lambda self, value: self._setSuffix(value))
    prefix = Property(str, lambda self: self._d.box.prefix, lambda self, value: self._setPrefix(value))
    tracking = Property(bool, lambda self: self._d.tracking, lambda self, value: self._setTracking(value))
    spinBoxVisible = Property(
        bool, lambda self: not self._d.box.isHidden(), lambda self, value: self.setSpinBoxVisible(value)
    )

    def setValue(self, value: float) -> None:
        self._d.box.setValue(value)

    def _setMinimum(self, value: float) -> None:
        self._d.box.setMinimum(value)
        self._follow()

    def _setMaximum(self, value: float) -> None:
        self._d.box.setMaximum(value)
        self._follow()

    def _setSingleStep(self, value: float) -> None:
        self._d.box.setSingleStep(value)

    def setDecimals(self, value: int) -> None:
        self._d.box.setDecimals(value)
        self.decimalsChanged.emit(value)

    def _setSuffix(self, text: str) -> None:
        self._d.box.setSuffix(text)

    def _setPrefix(self, text: str) -> None:
        self._d.box.setPrefix(text)

    def _setTracking(self, enable: bool) -> None:
        self._d.tracking = enable
        self._d.slider.setTracking(enable)

    def setSpinBoxVisible(self, visible: bool) -> None:
        self._d.box.setVisible(visible)

    def _follow(self) -> None:
        low, high = self._d.box.minimum, self._d.box.maximum
        blocked = self._d.slider.blockSignals(True)
        self._d.slider.setValue(round((self.value - low) / (high - low) * _STEPS) if high > low else 0)
        self._d.slider.blockSignals(blocked)

    def _onBox(self, value: float) -> None:
        self._follow()
        self.valueChanged.emit(value)

    def _onSlider(self, position: int) -> None:
        low, high = self._d.box.minimum, self._d.box.maximum
        self.valueIsChanging.emit(low + (high - low) * position / _STEPS)
        self._d.box.setValue(low + (high - low) * position / _STEPS)


class ctkRangeWidget(QWidget):
    """Two numbers, the lower and the upper end of a range."""

    valuesChanged = Signal(float, float)
    SIGNATURES = {"valuesChanged": "valuesChanged(double,double)"}

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        low, high = QDoubleSpinBox(), QDoubleSpinBox()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for box, value in ((low, 0.0), (high, 99.0)):
            box.setRange(0.0, 99.0)
            box.setValue(value)
            box.valueChanged.connect(self._onChanged)
            layout.addWidget(box)
        self._d = SimpleNamespace(low=low, high=high)

    minimumValue = Property(
        float, lambda self: self._d.low.value, lambda self, value: self.setMinimumValue(value)
    )
    maximumValue = Property(
        float, lambda self: self._d.high.value, lambda self, value: self.setMaximumValue(value)
    )
    minimum = Property(float, lambda self: self._d.low.minimum, lambda self, value: self._setMinimum(value))
    maximum = Property(float, lambda self: self._d.high.maximum, lambda self, value: self._setMaximum(value))

    def setMinimumValue(self, value: float) -> None:
        self._d.low.setValue(value)

    def setMaximumValue(self, value: float) -> None:
        self._d.high.setValue(value)

    def setValues(self, low: float, high: float) -> None:
        self.setMinimumValue(low)
        self.setMaximumValue(high)

    def _setMinimum(self, value: float) -> None:
        self._d.low.setMinimum(value)
        self._d.high.setMinimum(value)

    def _setMaximum(self, value: float) -> None:
        self._d.low.setMaximum(value)
        self._d.high.setMaximum(value)

    def setRange(self, minimum: float, maximum: float) -> None:
        self._setMinimum(minimum)
        self._setMaximum(maximum)

    def _onChanged(self, _: float) -> None:
        self.valuesChanged.emit(self._d.low.value, self._d.high.value)


class ctkPathLineEdit(QWidget):
    """A line for a path, with a button to choose it."""

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)

    Dirs, Drives, NoSymLinks, Files, Readable, Writable = 0x001, 0x004, 0x008, 0x002, 0x010, 0x020

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        box, button = QComboBox(), QToolButton()
        box.setEditable(True)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        button.setText("...")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(box, 1)
        layout.addWidget(button)
        self._d = SimpleNamespace(box=box, button=button, filters=self.Files, label="", names=[], key="")
        box.editTextChanged.connect(lambda text: self.currentPathChanged.emit(text))
        button.clicked.connect(lambda checked=False: self.browse())

    currentPath = Property(
        str, lambda self: self._d.box.currentText, lambda self, value: self.setCurrentPath(value)
    )
    filters = Property(int, lambda self: self._d.filters, lambda self, value: self._setFilters(value))
    label = Property(str, lambda self: self._d.label, lambda self, value: self._setLabel(value))
    nameFilters = Property(
        "QStringList", lambda self: self._d.names, lambda self, value: self._setNameFilters(value)
    )
    settingKey = Property(str, lambda self: self._d.key, lambda self, value: self._setSettingKey(value))
    showHistoryButton = Property(
        bool, lambda self: False, lambda self, value: self._setShowHistoryButton(value)
    )

    def comboBox(self) -> QComboBox:
        return self._d.box

    def setCurrentPath(self, path: str) -> None:
        self._d.box.setEditText(path)

    def _setFilters(self, filters: int) -> None:
        self._d.filters = int(filters)

    def _setLabel(self, text: str) -> None:
        self._d.label = text

    def _setNameFilters(self, names: list[str]) -> None:
        self._d.names = list(names)

    def _setSettingKey(self, key: str) -> None:
        self._d.key = key

    def _setShowHistoryButton(self, visible: bool) -> None:
        """The button is not imitated."""

    def addCurrentPathToHistory(self) -> None:
        """Keep the path among the box's items."""
        if self._d.box.findText(self.currentPath) < 0:
            self._d.box.addItem(self.currentPath)

    def browse(self) -> None:
        """Ask for a file or folder."""
        folder = bool(self._d.filters & self.Dirs) and not self._d.filters & self.Files
        path = dialogs.ask("ctkPathLineEdit.browse", self._d.label, "folder" if folder else "file")
        if path:
            self.setCurrentPath(path)
