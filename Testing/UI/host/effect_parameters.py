"""Parameters of effects: attributes of the segment editor node, "Effect.Name" before the common "Name"."""

from __future__ import annotations

import logging
from typing import Any

import slicer


class EffectParameters:
    """Mixed into effects, whose `_d.node` is the editor node and whose `name` prefixes the parameters."""

    def parameterSetNode(self) -> Any:
        """The segment editor node, or None."""
        return self._d.node

    def setParameterSetNode(self, node: Any) -> None:
        self._d.node = node

    def scene(self) -> Any:
        return self._d.node.GetScene() if self._d.node is not None else None

    def parameter(self, name: str) -> str:
        """The text; "" and an error if there is none."""
        node = self._d.node
        if node is None:
            return ""
        value = node.GetAttribute(f"{self.name}.{name}")
        value = node.GetAttribute(name) if value is None else value
        if value is None:
            logging.error("Parameter named %s cannot be found for effect %s", name, self.name)
        return value or ""

    def integerParameter(self, name: str) -> int:
        """The number; 0 and an error if it is none."""
        return self._number(name, int)

    def doubleParameter(self, name: str) -> float:
        """The number; 0.0 and an error if it is none."""
        return self._number(name, float)

    def _number(self, name: str, kind: Any) -> Any:
        if self._d.node is None:
            return kind(0)
        try:
            return kind(self.parameter(name))
        except ValueError:
            logging.error("Parameter named %s cannot be converted to a number!", name)
            return kind(0)

    def parameterDefined(self, name: str) -> bool:
        return self.commonParameterDefined(f"{self.name}.{name}")

    def commonParameterDefined(self, name: str) -> bool:
        """Whether it is there and not empty."""
        return bool(self._d.node is not None and self._d.node.GetAttribute(name))

    def setParameter(self, name: str, value: Any) -> None:
        """Keep a text, an int or a float for this effect."""
        self.setCommonParameter(f"{self.name}.{name}", value)

    def setParameterDefault(self, name: str, value: Any) -> None:
        """Keep it unless there is one."""
        if not self.parameterDefined(name):
            self.setParameter(name, value)

    def setCommonParameterDefault(self, name: str, value: Any) -> None:
        if not self.commonParameterDefined(name):
            self.setCommonParameter(name, value)

    def setCommonParameter(self, name: str, value: Any) -> None:
        """Keep it for all effects; only a change is told, by EffectParameterModified."""
        node = self._d.node
        if node is None:
            logging.error("Invalid segment editor parameter set node set to effect %s", self.name)
            return
        text, old = _text(value), node.GetAttribute(name)
        if text == (old or ""):
            return
        disabled = node.GetDisableModifiedEvent()
        node.SetDisableModifiedEvent(1)
        node.SetAttribute(name, text)
        node.SetDisableModifiedEvent(disabled)
        node.InvokeCustomModifiedEvent(slicer.vtkMRMLSegmentEditorNode.EffectParameterModified)

    def nodeReference(self, name: str) -> Any:
        """The node, or None."""
        node = self._d.node
        return node and (node.GetNodeReference(f"{self.name}.{name}") or node.GetNodeReference(name))

    def setNodeReference(self, name: str, target: Any) -> None:
        self.setCommonNodeReference(f"{self.name}.{name}", target)

    def setCommonNodeReference(self, name: str, target: Any) -> None:
        node = self._d.node
        if node is None:
            logging.error("Invalid segment editor parameter set node set to effect %s", self.name)
        elif node.GetNodeReference(name) is not target:
            node.SetNodeReferenceID(name, target.GetID() if target is not None else None)
            node.InvokeCustomModifiedEvent(slicer.vtkMRMLSegmentEditorNode.EffectParameterModified)


def _text(value: Any) -> str:
    """The text that Qt makes of a value: booleans count as integers, floats have six digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int)):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.6g}"
    raise ValueError(f"A parameter of an effect is a text, an int or a float, not {type(value).__name__}")
