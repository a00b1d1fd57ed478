"""`slicer.parameterNodeWrapper`: typed parameter nodes, bound to widgets by SlicerParameterName."""

from __future__ import annotations

import typing
from typing import Any

import slicer
from PySide6.QtWidgets import QWidget

from .parameter_gui import connector_for
from .parameter_types import (
    Choice,
    Decimals,
    Default,
    Exclude,
    Maximum,
    Minimum,
    Parameter,
    SingleStep,
    Validator,
    WithinRange,
)

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "Maximum",
    "Minimum",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "Validator",
    "WithinRange",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]

SlicerParameterNamePropertyName = "SlicerParameterName"


class _Wrapper:
    """What `parameterNodeWrapper` adds to a class."""

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        self.parameterNode = parameterNode
        self._connectors: dict[int, dict[str, Any]] = {}
        self._tags: dict[int, int] = {}
        self._showing = False
        for parameter in self.allParameters.values():
            if not parameterNode.HasParameter(parameter.name):
                parameter.write(parameterNode, parameter.default)

    def _known(self, name: str) -> Parameter:
        if name not in self.allParameters:
            names = ", ".join(self.allParameters)
            raise ValueError(f"Cannot find a param with the given name: {name}\n  Found parameters [{names}]")
        return self.allParameters[name]

    def getValue(self, name: str) -> Any:
        return self._known(name).read(self.parameterNode)

    def setValue(self, name: str, value: Any) -> None:
        self._known(name).write(self.parameterNode, value)

    def default(self, name: str) -> Default:
        return Default(self._known(name).default)

    def isCached(self, name: str) -> bool:
        self._known(name)
        return True

    @classmethod
    def dataType(cls, name: str) -> Any:
        if name not in cls.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}")
        return cls.allParameters[name].annotated

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified: int) -> int:
        return self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()

    def connectGui(self, gui: Any) -> int:
        """Bind the widgets that have the property, in a widget or in what childWidgetVariables gave."""
        is_widget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren(QWidget) if is_widget else list(vars(gui).values())
        mapping = {}
        for widget in widgets:
            name = widget.property(SlicerParameterNamePropertyName)
            if name:
                mapping[name] = widget
        return self.connectParametersToGui(mapping)

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        """Bind widgets by parameter name; the tag undoes it."""
        parameters = {name: self._known(name) for name in mapping}
        connectors = {name: connector_for(widget, parameters[name]) for name, widget in mapping.items()}
        tag = max(self._connectors, default=-1) + 1
        self._connectors[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.connect(self._from_gui(name, connector))
        self._tags[tag] = self.AddObserver("ModifiedEvent", lambda caller, event: self._to_gui())
        return tag

    def disconnectGui(self, tag: int) -> None:
        """Undo a binding; an unknown tag does nothing."""
        for connector in self._connectors.pop(tag, {}).values():
            connector.disconnect()
        if tag in self._tags:
            self.RemoveObserver(self._tags.pop(tag))

    def _from_gui(self, name: str, connector: Any) -> Any:
        def changed(*_: Any) -> None:
            if not self._showing:
                with slicer.util.NodeModify(self):
                    self.setValue(name, connector.read())

        return changed

    def _to_gui(self) -> None:
        if self._showing:
            return
        self._showing = True
        try:
            for connectors in self._connectors.values():
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
        finally:
            self._showing = False


def parameterNodeWrapper(classtype: type | None = None) -> Any:
    """Class decorator: each annotated name becomes a property kept in the parameter node."""
    return _wrap if classtype is None else _wrap(classtype)


def isParameterNodeWrapper(classOrObj: Any) -> bool:
    return getattr(classOrObj, "_is_parameter_node_wrapper", False)


def _wrap(kind: type) -> type:
    parameters = {}
    for name, annotated in typing.get_type_hints(kind, include_extras=True).items():
        parameters[name] = Parameter(name, annotated, getattr(kind, name, None))
        setattr(kind, name, _property(name))
    for name, value in vars(_Wrapper).items():
        if name == "__init__" or not name.startswith("__"):
            if name != "__init__" and hasattr(kind, name):
                raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
            setattr(kind, name, value)
    kind.allParameters = parameters
    kind._is_parameter_node_wrapper = True
    return kind


def _property(name: str) -> property:
    return property(lambda self: self.getValue(name), lambda self, value: self.setValue(name, value))
