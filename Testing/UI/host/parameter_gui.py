"""Which widget can show which type of parameter, as Slicer's own connectors decide it: by the exact class."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QSpinBox,
    QTextEdit,
)

from .ctk_buttons import ctkCheckBox, ctkComboBox
from .ctk_values import ctkDoubleSpinBox, ctkPathLineEdit, ctkSliderWidget
from .mrml_widgets import qMRMLNodeComboBox
from .parameter_types import (
    PATHS,
    Choice,
    Decimals,
    Maximum,
    Minimum,
    Parameter,
    SingleStep,
    WithinRange,
    split,
)


class Connector:
    """Reads and writes one widget and says when the user changed it."""

    def __init__(
        self, widget: Any, signal: str, read: Callable[[], Any], write: Callable[[Any], None]
    ) -> None:
        self.read, self.write = read, write
        self._widget, self._signal, self._slot = widget, signal, None

    def connect(self, slot: Callable[..., None]) -> None:
        """Call `slot` on changes."""
        self._slot = slot
        if self._signal:
            getattr(self._widget, self._signal).connect(slot)

    def disconnect(self) -> None:
        """Stop calling it."""
        if self._signal:
            getattr(self._widget, self._signal).disconnect(self._slot)


def connector_for(widget: Any, parameter: Parameter) -> Connector:
    """The connector of a widget and a parameter.

    Raises:
        RuntimeError: Slicer has none for the two.
    """
    kind, widget_type = parameter.kind, type(widget)
    made = None
    if kind is bool and widget_type in (QCheckBox, ctkCheckBox, QPushButton):
        made = _checked(widget)
    elif (kind is int and widget_type in (QSpinBox, QSlider)) or (
        kind in (int, float) and widget_type in (QDoubleSpinBox, ctkSliderWidget, ctkDoubleSpinBox)
    ):
        made = _number(widget, parameter)
    elif widget_type in (QComboBox, ctkComboBox):
        made = _choice(widget, parameter)
    elif kind is str and widget_type in (QLineEdit, QLabel, QTextEdit):
        made = _text(widget)
    elif kind in PATHS and widget_type is ctkPathLineEdit:
        made = _path(widget, kind)
    elif parameter.nodes and widget_type is qMRMLNodeComboBox:
        widget.nodeTypes = [node.__name__ for node in parameter.nodes]
        made = Connector(widget, "currentNodeChanged", widget.currentNode, widget.setCurrentNode)
    if made is None:
        raise RuntimeError(
            f"Unable to create GUI connector from datatype '{kind}' to widget type '{widget_type}'."
        )
    return made


def _checked(widget: Any) -> Connector:
    if isinstance(widget, QPushButton):
        widget.setCheckable(True)
        return Connector(widget, "toggled", lambda: widget.checked, widget.setChecked)
    return Connector(widget, "stateChanged", lambda: widget.checked, widget.setChecked)


def _number(widget: Any, parameter: Parameter) -> Connector:
    extras = split(parameter.annotated)[1]
    low = next((item.minimum for item in extras if isinstance(item, (WithinRange, Minimum))), None)
    high = next((item.maximum for item in extras if isinstance(item, (WithinRange, Maximum))), None)
    if isinstance(widget, (QSlider, ctkSliderWidget)) and (low is None or high is None):
        raise RuntimeError(
            f"Cannot have a connection to {type(widget).__name__} where the type is unbounded."
        )
    whole = isinstance(widget, (QSlider, QSpinBox))
    widget.minimum = low if low is not None else -(2**31) if whole else float("-inf")
    widget.maximum = high if high is not None else 2**31 - 1 if whole else float("inf")
    for item in extras:
        if isinstance(item, Decimals) and not whole:
            widget.decimals = item.value
        elif isinstance(item, SingleStep):
            widget.singleStep = item.value
    if parameter.kind is int and not whole:
        widget.decimals = 0
    return Connector(widget, "valueChanged", lambda: parameter.kind(widget.value), widget.setValue)


def _choice(widget: Any, parameter: Parameter) -> Connector | None:
    kind = parameter.kind
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        label = getattr(kind, "label", lambda item: item.name)
        values, texts = list(kind), [label(item) for item in kind]
    elif kind in (int, float, str, bool):
        choices = [item.choices for item in parameter.validators if isinstance(item, Choice)]
        if not choices:
            raise RuntimeError("ComboBoxToStringableConnector requires the Choice annotation to be used.")
        values, texts = list(choices[0]), [str(item) for item in choices[0]]
    else:
        return None
    widget.clear()
    for text in texts:
        widget.addItem(text)
    return Connector(
        widget,
        "currentIndexChanged",
        lambda: values[widget.currentIndex],
        lambda value: widget.setCurrentIndex(values.index(value)),
    )


def _text(widget: Any) -> Connector:
    if isinstance(widget, QTextEdit):
        return Connector(widget, "textChanged", widget.toPlainText, widget.setPlainText)

    def write(value: str) -> None:
        if value != widget.text:
            widget.setText(value)

    return Connector(widget, "" if isinstance(widget, QLabel) else "textChanged", lambda: widget.text, write)


def _path(widget: Any, kind: Any) -> Connector:
    return Connector(
        widget,
        "currentPathChanged",
        lambda: kind(widget.currentPath),
        lambda value: widget.setCurrentPath(str(value)),
    )
