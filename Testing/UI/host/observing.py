"""Observers of MRML objects that do not keep their Qt widget alive, and whose errors a test gets to see."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from typing import Any

from shiboken6 import Shiboken

from . import signals


class Observations:
    """What one widget observes. Methods are held weakly and not called once the widget's C++ part is gone."""

    def __init__(self) -> None:
        self._tags: list[tuple[Any, Any, int]] = []

    def add(self, target: Any, event: Any, method: Callable[..., None], priority: float = 0.0) -> None:
        """Observe; `method` is called with (caller, event)."""
        if target is not None:
            tag = target.AddObserver(event, _weak(method), priority)
            self._tags.append((target, event, tag))

    def remove(self, target: Any) -> None:
        """Stop observing one object."""
        for known, _, tag in [item for item in self._tags if item[0] is target]:
            known.RemoveObserver(tag)
        self._tags = [item for item in self._tags if item[0] is not target]

    def clear(self) -> None:
        """Stop observing anything."""
        for target, _, tag in self._tags:
            target.RemoveObserver(tag)
        self._tags = []


def _weak(method: Callable[..., None]) -> Callable[[Any, str], None]:
    reference = weakref.WeakMethod(method)

    def call(caller: Any, event: str) -> None:
        alive = reference()
        if alive is None or not Shiboken.isValid(alive.__self__):
            return
        try:
            alive(caller, event)
        except Exception as error:
            logging.exception("An error in an observer of %s", event)
            signals.errors.append(error)

    return call
