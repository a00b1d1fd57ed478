"""Annotations of parameter nodes, and how each type of value is kept in a node as text or reference."""

from __future__ import annotations

import enum
import pathlib
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer

PATHS = (pathlib.Path, pathlib.PosixPath, pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath)


@dataclass
class Default:
    """The value of a parameter that was never set."""

    value: Any


@dataclass
class Decimals:
    """Digits that a spin box or slider shows."""

    value: int


@dataclass
class SingleStep:
    """The step of a spin box or slider."""

    value: float


class Validator:
    """Refuses values."""

    def validate(self, value: Any) -> None:
        """Raise ValueError or TypeError for a value that does not fit."""
        raise NotImplementedError


@dataclass
class WithinRange(Validator):
    """A number between two others."""

    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


@dataclass
class Minimum(Validator):
    """A number not below another."""

    minimum: float

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"Value must be greater than {self.minimum}, is {value}")


@dataclass
class Maximum(Validator):
    """A number not above another."""

    maximum: float

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"Value must be less than {self.maximum}, is {value}")


@dataclass
class Choice(Validator):
    """One of a few values."""

    choices: Any

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"Value is {value}, but must be in one of the following: {self.choices}")


@dataclass
class Exclude(Validator):
    """None of a few values."""

    excludedValues: Any

    def validate(self, value: Any) -> None:
        if value in self.excludedValues:
            raise ValueError(f"Value is {value}, but must not be an excluded value: {self.excludedValues}")


def split(annotated: Any) -> tuple[Any, list[Any]]:
    """The bare type and its annotations; `X | None` of a node counts as the node."""
    if typing.get_origin(annotated) is typing.Annotated:
        bare, *extras = typing.get_args(annotated)
    else:
        bare, extras = annotated, []
    return bare, list(extras)


def node_classes(kind: Any) -> list[type]:
    """The node classes of a node type or a union of them (None left out); [] for other types."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(kind) if part is not type(None)]
    else:
        parts = [kind]
    fits = all(isinstance(part, type) and issubclass(part, slicer.vtkMRMLNode) for part in parts)
    return parts if fits else []


class Parameter:
    """One typed value in a vtkMRMLScriptedModuleNode."""

    def __init__(self, name: str, annotated: Any, default: Any = None) -> None:
        self.name = name
        self.annotated = annotated
        self.kind, extras = split(annotated)
        self.validators = [item for item in extras if isinstance(item, Validator)]
        self.nodes = node_classes(self.kind)
        self._read, self._write, self._fallback = self._codec()
        given = [item.value for item in extras if isinstance(item, Default)]
        self.default = default if default is not None else given[0] if given else self._start()
        self.check(self.default)

    def _start(self) -> Any:
        for item in self.validators:
            if isinstance(item, Choice):
                return next(iter(item.choices))
            if isinstance(item, WithinRange):
                return self.kind(min(max(0, item.minimum), item.maximum))
        return self._fallback

    def _codec(self) -> tuple[Callable[[str], Any], Callable[[Any], str], Any]:
        kind = self.kind
        if self.nodes:
            return str, str, None
        if kind is bool:
            return (lambda text: text == "True"), (lambda value: "True" if value else "False"), False
        if kind in (int, float, str):
            return kind, str, kind()
        if kind in PATHS:
            return kind, str, kind()
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return (lambda text: kind[text]), (lambda value: value.name), next(iter(kind))
        raise Exception(f"Unable to create serializer for type: {kind}")

    def check(self, value: Any) -> None:
        """Raise TypeError or ValueError if the value does not fit the parameter."""
        if self.nodes:
            if value is not None and not isinstance(value, tuple(self.nodes)):
                raise TypeError(
                    f"Value must be of type '{self.kind}', is type '{type(value)}' value '{value}'"
                )
            return
        kinds = (int, float) if self.kind is float else PATHS if self.kind in PATHS else (self.kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and self.kind in (int, float)):
            raise TypeError(f"Value must be of type '{self.kind}', is type '{type(value)}' value '{value}'")
        for validator in self.validators:
            validator.validate(value)

    def read(self, node: Any) -> Any:
        """The value kept in the node."""
        if self.nodes:
            return node.GetNodeReference(self.name)
        return self._read(node.GetParameter(self.name))

    def write(self, node: Any, value: Any) -> None:
        """Keep a value in the node."""
        self.check(value)
        if self.nodes:
            node.SetParameter(self.name, "")
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
        else:
            node.SetParameter(self.name, self._write(value))
