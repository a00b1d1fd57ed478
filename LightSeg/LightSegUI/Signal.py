"""A signal without Qt, so that the logic can tell a panel what happened and yet run where there is no Qt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

_LOG = logging.getLogger(__name__)


class Signal:
    """Calls its listeners, in the order they were connected, on the thread that emits.

    A listener's error is logged and keeps neither the other listeners nor the one who emits from going on. A
    connected method keeps its object alive: disconnect it when the object is done.

    Args:
        name: what happened, for the log.
    """

    def __init__(self, name: str = "signal") -> None:
        self._name = name
        self._listeners: list[Callable[..., Any]] = []

    def connect(self, listener: Callable[..., Any]) -> None:
        """Call this from now on; connecting it again changes nothing."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def disconnect(self, listener: Callable[..., Any] | None = None) -> bool:
        """Call this no more; None disconnects all. Returns whether there was something to disconnect."""
        if listener is None:
            found = bool(self._listeners)
            self._listeners.clear()
            return found
        if listener not in self._listeners:
            return False
        self._listeners.remove(listener)
        return True

    def emit(self, *values: Any) -> None:
        """Tell all that listen now; one that is disconnected meanwhile is not told any more."""
        for listener in list(self._listeners):
            if listener not in self._listeners:
                continue
            try:
                listener(*values)
            except Exception:  # whatever a listener does wrong is its own business
                _LOG.exception("A listener of %s failed", self._name)
