"""How the main thread waits for the worker thread.

In Slicer the main thread holds Python's interpreter lock also while its event loop idles, so a worker thread
stands still unless the main thread lets go of the lock now and then. Each runner does so in its way:
`WaitingRunner` where there is no event loop to serve, `TimerRunner` inside one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from LightSegUI.Background import Background

INTERVAL_MS = 5
"""How often a busy timer looks for news."""
WAIT_SECONDS = 0.004
"""How long each look waits for news; meanwhile the worker has the interpreter."""


class Runner(Protocol):
    """Sees to it that what the worker has to tell reaches the main thread. All calls on the main thread."""

    @property
    def waits(self) -> bool:
        """Whether a call should by default return only when its work is done."""
        ...

    def watch(self, background: Background) -> None:
        """Work was submitted: deliver its news as they come."""
        ...

    def stop(self, background: Background) -> None:
        """Nothing more is to be delivered for this one."""
        ...

    def onQuit(self, function: Callable[[], Any]) -> None:
        """Call this before the application ends."""
        ...


class WaitingRunner:
    """For scripts, batch runs and the Python console: calls wait until their work is done.

    What was started without waiting is delivered by the next call that waits, or by `InteractiveLogic.poll`.
    """

    waits = True

    def watch(self, background: Background) -> None:
        """Nothing to do: whoever waits delivers."""

    def stop(self, background: Background) -> None:
        """Nothing to do."""

    def onQuit(self, function: Callable[[], Any]) -> None:
        """Nothing to do: the background closes itself when Python ends."""


class TimerRunner:
    """For a user interface: a timer delivers the news while there is work, and stops when there is none.

    The timer's callback waits some milliseconds for news: that is when the worker computes, and a result is
    taken at once. The interface is served between two waits.
    """

    waits = False

    def __init__(self) -> None:
        """Make the timer; there has to be a Qt application."""
        import qt

        self._watched: list[Background] = []
        self._delivering = False
        self._timer = qt.QTimer()
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._tick)

    @property
    def active(self) -> bool:
        """Whether the timer runs."""
        return bool(self._timer.isActive())

    def watch(self, background: Background) -> None:
        """Run the timer until this one is idle."""
        if background not in self._watched:
            self._watched.append(background)
        if not self._timer.isActive() and threading.current_thread() is threading.main_thread():
            self._timer.start()

    def stop(self, background: Background) -> None:
        """Forget it; the timer stops when it watches nothing more."""
        if background in self._watched:
            self._watched.remove(background)
        if not self._watched:
            self._timer.stop()

    def onQuit(self, function: Callable[[], Any]) -> None:
        """Call this when the application is about to quit: torch in a thread at exit aborts the process."""
        import qt

        qt.QApplication.instance().aboutToQuit.connect(function)

    def _tick(self) -> None:
        """Let the worker compute for a moment, then deliver what it has to tell."""
        if self._delivering:
            # A listener opened a dialog, whose event loop brought us here: results keep their order, so they
            # have to wait for it, but the worker may go on.
            for background in list(self._watched):
                background.letWork(WAIT_SECONDS)
            return
        self._delivering = True
        try:
            for background in list(self._watched):
                idle = not background.working
                background.letWork(0.0 if idle else WAIT_SECONDS)
                delivered = background.poll()
                # Idle before, and nothing said since: nobody can have submitted anything meanwhile.
                if idle and not delivered:
                    self.stop(background)
        finally:
            self._delivering = False
