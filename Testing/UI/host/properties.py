"""Qt properties as PythonQt shows them: attributes to read and assign, and never something to call.

PySide6 shows the getters as methods instead. `pythonqt` installs what follows for all of its classes.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache
from typing import Any

from PySide6.QtCore import Property, QObject, Signal, SignalInstance

Reader = Callable[[Any], Any]
Writer = Callable[[Any, Any], Any]

# What PySide6 makes of static functions, which get no instance.
_STATIC = types.BuiltinFunctionType
# Names that PythonQt reads as another property.
ALIASES = {"name": "objectName"}
# A table per class: property name -> (read, write); None where a Python class defines the name itself.
_tables: dict[type, dict[str, tuple[Reader, Writer | None] | None]] = {}


def is_wrapper(kind: type) -> bool:
    """Whether objects of this class stand for C++ objects alone: they take no new attributes."""
    return kind.__module__.partition(".")[0] in ("PySide6", "host")


def table_of(kind: type) -> dict[str, tuple[Reader, Writer | None] | None]:
    """The properties that objects of a class have, most derived first."""
    table = _tables.get(kind)
    if table is None:
        table = {}
        for klass in kind.__mro__:
            if klass.__module__.partition(".")[0] == "PySide6":
                for name, entry in _own_properties(klass).items():
                    table.setdefault(name, entry)
            elif klass is not object:
                for name in vars(klass):
                    table.setdefault(name, None)
        for alias, name in ALIASES.items():
            if table.get(name) is not None:
                table.setdefault(alias, table[name])
        _tables[kind] = table
    return table


def _own_properties(klass: type) -> dict[str, tuple[Reader, Writer | None]]:
    # `staticMetaObject` is inherited: a class without an own one (an event, a layout item) has no properties.
    meta = vars(klass).get("staticMetaObject")
    if meta is None:
        return {}
    found = {}
    for index in range(meta.propertyOffset(), meta.propertyCount()):
        item = meta.property(index)
        found[item.name()] = (_reader(klass, item.name()), _writer(klass, item))
    return found


def _reader(klass: type, name: str) -> Reader:
    capital = name[0].upper() + name[1:]
    for getter in (name, "is" + capital, "has" + capital):
        method = getattr(klass, getter, None)
        if isinstance(method, _STATIC):
            return lambda instance: method()
        if callable(method):
            return method
    return lambda instance: QObject.property(instance, name)


def _writer(klass: type, item: Any) -> Writer | None:
    if not item.isWritable():
        return None
    name = item.name()
    method = getattr(klass, "set" + name[0].upper() + name[1:], None)
    if isinstance(method, _STATIC):
        return lambda instance, value: method(value)
    if callable(method):
        return method
    return lambda instance, value: QObject.setProperty(instance, name, value)


def read(instance: Any, name: str) -> tuple[bool, Any]:
    """(True, value) if `name` is a Qt property of the object, else (False, None)."""
    entry = table_of(type(instance)).get(name)
    return (True, entry[0](instance)) if entry is not None else (False, None)


def write(instance: Any, name: str, value: Any) -> None:
    """Assign an attribute as PythonQt does: a Qt property, or something a Python class keeps for itself.

    Raises:
        AttributeError: the property is read-only, the name is a method or signal of C++, or the object is a
            mere wrapper and has no such attribute.
    """
    kind = type(instance)
    entry = table_of(kind).get(name)
    if entry is not None:
        if entry[1] is None:
            raise AttributeError(f"Property '{name}' of type '{kind.__name__}' object is not writable")
        entry[1](instance, value)
        return
    if not isinstance(value, SignalInstance) and _is_member(kind, name):
        raise AttributeError(f"Slot '{name}' can not be overwritten on {kind.__name__} object")
    own = next((vars(klass)[name] for klass in kind.__mro__ if name in vars(klass)), None)
    if isinstance(own, Property):
        if own.fset is None:
            raise AttributeError(f"Property '{name}' of type '{kind.__name__}' object is not writable")
        own.fset(instance, value)
    elif hasattr(own, "__set__"):
        own.__set__(instance, value)
    elif is_wrapper(kind) and not name.startswith("_") and not isinstance(value, SignalInstance):
        raise AttributeError(
            f"Attribute '{name}' does not exist and creating new attributes on C++ objects is not allowed "
            f"({kind.__name__})"
        )
    else:
        instance.__dict__[name] = value


@cache
def _is_member(kind: type, name: str) -> bool:
    """Whether C++ has a method or signal of this name; a Python class's own does not count."""
    found = (vars(klass)[name] for klass in kind.__mro__ if is_wrapper(klass) and name in vars(klass))
    own = next(found, None)
    if name.startswith("_") or isinstance(own, Property):
        return False
    return callable(own) or isinstance(own, Signal)
