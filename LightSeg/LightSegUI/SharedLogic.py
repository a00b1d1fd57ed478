"""The one logic that the module's panel and the Segment Editor effect share: one model, one worker thread."""

from __future__ import annotations

from collections.abc import Callable

from LightSegUI.InteractiveLogic import InteractiveLogic
from LightSegUI.Runner import Runner, TimerRunner, WaitingRunner

_shared: list[InteractiveLogic] = []


def sharedLogic(make: Callable[[], InteractiveLogic] | None = None) -> InteractiveLogic:
    """The shared logic; made at the first call, and again after it was closed.

    Args:
        make: how to make it; None for the usual way. It only counts when there is none yet.
    """
    if _shared and _shared[0].closed:
        _shared.clear()
    if not _shared:
        _shared.append(InteractiveLogic(runner=bestRunner()) if make is None else make())
    return _shared[0]


def closeSharedLogic() -> None:
    """Stop its work and end its thread; nothing if there is none. For reloading the module, and for tests."""
    while _shared:
        _shared.pop().close()


def bestRunner() -> Runner:
    """One that serves a user interface where there is one, else one that waits."""
    try:
        import qt
    except ImportError:
        return WaitingRunner()
    return TimerRunner() if qt.QApplication.instance() is not None else WaitingRunner()
