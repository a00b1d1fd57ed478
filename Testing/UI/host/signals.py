"""Signals as PythonQt has them: connected by name or attribute; a slot gets as many arguments as it takes."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from PySide6.QtCore import QMetaMethod, QMetaObject, QObject
from shiboken6 import Shiboken

Slot = Callable[..., Any]
original_disconnect = QObject.disconnect

# What went wrong inside slots since the last test began. PythonQt prints it and goes on; a test shall not.
errors: list[BaseException] = []

# Qt 5 lists an overload first that Qt 6 no longer has: how many arguments a slot connected by attribute gets.
_FIRST_OVERLOAD = {"QProcess.finished": 1}
# Signals with types of VTK: PySide6 knows their arguments as Python objects only.
_VTK_TYPES = ("vtkMRML", "vtkObject", "vtkCollection")
_connections: dict[int, list[tuple[str, Slot, QMetaObject.Connection]]] = {}


class BoundSignal:
    """`object.signal` of PythonQt: connect, disconnect, emit."""

    def __init__(self, sender: QObject, name: str, instance: Any) -> None:
        self._sender = sender
        self._name = name
        self._instance = instance

    def connect(self, slot: Slot) -> bool:
        """Connect a callable; the first overload of the signal counts."""
        first = _overloads(self._sender, self._name)[0]
        return _connect(self._sender, first, slot, _limit(self._sender, self._name))

    def disconnect(self, slot: Slot | None = None) -> bool:
        """Disconnect a callable, or all that were connected from Python; False if there was none."""
        return _disconnect(self._sender, self._name, slot)

    def emit(self, *arguments: Any) -> None:
        """Emit the overload with that many arguments."""
        for signature in _overloads(self._sender, self._name):
            types = _types(signature)
            if len(types) == len(arguments):
                _instance_for(self._sender, self._name, types).emit(*arguments)
                return
        raise ValueError(f"Could not find matching overload of {self._name} for {len(arguments)} arguments")

    def __getitem__(self, key: Any) -> Any:
        raise TypeError(
            "'builtin_qt_signal' object is not subscriptable: select overloads by connect(\"name(type)\", f)"
        )


def connect(sender: QObject, signature: str, slot: Any, member: str | None = None) -> bool:
    """`object.connect("clicked(bool)", callable)`, `object.connect("clicked()", receiver, "setFocus()")`."""
    wanted = QMetaObject.normalizedSignature(signature).data().decode()
    name = wanted.partition("(")[0]
    matches = [known for known in _overloads(sender, name) if _matches(sender, known, wanted)]
    if not matches:
        raise AttributeError(f"{type(sender).__name__} has no signal {wanted}")
    if member is not None:
        slot = getattr(slot, member.partition("(")[0])
    return _connect(sender, matches[0], slot, len(_types(wanted)))


def disconnect(sender: QObject, signature: str, slot: Any = None, member: str | None = None) -> bool:
    """The reverse of `connect`; False if that was not connected."""
    name = QMetaObject.normalizedSignature(signature).data().decode().partition("(")[0]
    if not _overloads(sender, name):
        raise AttributeError(f"{type(sender).__name__} has no signal {signature}")
    return _disconnect(sender, name, getattr(slot, member.partition("(")[0]) if member is not None else slot)


def argument_count(slot: Slot) -> int | None:
    """How many arguments PythonQt hands to a slot at most; None is all: only functions and methods tell."""
    if inspect.ismethod(slot):
        code, bound = slot.__func__.__code__, 1
    elif inspect.isfunction(slot):
        code, bound = slot.__code__, 0
    else:
        return None
    return None if code.co_flags & inspect.CO_VARARGS else max(0, code.co_argcount - bound)


def _connect(sender: QObject, signature: str, slot: Slot, limit: int | None) -> bool:
    if not callable(slot):
        raise TypeError(f"{slot!r} cannot be called, so it cannot be connected to {signature}")
    takes = argument_count(slot)
    counts = [count for count in (limit, takes) if count is not None]

    # The closure keeps a bound method's object alive, as PythonQt does.
    def call(*arguments: Any) -> None:
        try:
            slot(*arguments[: min(counts)] if counts else arguments)
        except Exception as error:
            logging.exception("An error in %r, connected to %s", slot, signature)
            errors.append(error)

    name, types = signature.partition("(")[0], _types(signature)
    connection = _instance_for(sender, name, types).connect(call)
    _remember(sender).append((name, slot, connection))
    return True


def _remember(sender: QObject) -> list[tuple[str, Slot, QMetaObject.Connection]]:
    key = Shiboken.getCppPointer(sender)[0]
    if key not in _connections:
        _connections[key] = []
        _raw(sender, "destroyed").connect(lambda *_: _connections.pop(key, None))
    return _connections[key]


def _disconnect(sender: QObject, name: str, slot: Slot | None) -> bool:
    known = _connections.get(Shiboken.getCppPointer(sender)[0], [])
    gone = [item for item in known if item[0] == name and (slot is None or item[1] == slot)]
    for item in gone:
        known.remove(item)
        original_disconnect(item[2])
    return bool(gone)


def _overloads(sender: QObject, name: str) -> list[str]:
    """The signatures of a signal, in the order Qt lists them."""
    return _signals_of(type(sender)).get(name, [])


@cache
def _signals_of(kind: type) -> dict[str, list[str]]:
    # Never by `sender.metaObject()`: PySide6 ties that to the object, and with it the class loses its own.
    meta = kind.staticMetaObject
    found: dict[str, list[str]] = {}
    for index in range(meta.methodCount()):
        method = meta.method(index)
        if method.methodType() == QMetaMethod.MethodType.Signal:
            found.setdefault(method.name().data().decode(), []).append(
                method.methodSignature().data().decode()
            )
    return found


def _types(signature: str) -> list[str]:
    inner = signature.partition("(")[2].rpartition(")")[0]
    return inner.split(",") if inner else []


def _matches(sender: QObject, known: str, wanted: str) -> bool:
    if known == wanted:
        return True
    ours, theirs = _types(known), _types(wanted)
    documented = getattr(type(sender), "SIGNATURES", {}).get(wanted.partition("(")[0])
    if documented is not None and wanted != documented:
        return False
    return len(ours) == len(theirs) and all(
        a == b or (a == "PyObject" and b.startswith(_VTK_TYPES)) for a, b in zip(ours, theirs, strict=True)
    )


def _limit(sender: QObject, name: str) -> int | None:
    for klass in type(sender).__mro__:
        if f"{klass.__name__}.{name}" in _FIRST_OVERLOAD:
            return _FIRST_OVERLOAD[f"{klass.__name__}.{name}"]
    return None


def _raw(sender: QObject, name: str) -> Any:
    from . import pythonqt

    return pythonqt.original_getattribute(sender, name)


def _instance_for(sender: QObject, name: str, types: list[str]) -> Any:
    instance = _raw(sender, name)
    return instance[",".join(types)] if len(_overloads(sender, name)) > 1 else instance
