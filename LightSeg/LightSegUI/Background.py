"""The worker thread as the main thread sees it: work goes out, what came of it comes back, in order."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import Cancelled, SessionError
from LightSegLib.runtime.worker import Job, JobContext, SessionWorker
from LightSegUI.Failures import explain
from LightSegUI.Signal import Signal
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegUI.Runner import Runner

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 0.05
CLOSE_SECONDS = 30.0
"""How long closing waits for a running network pass. It is over in a fraction of a second, unless a device
hangs."""


class Ticket:
    """One piece of work that was handed in, and what came of it.

    Attributes:
        job: the worker's job; None before it is submitted.
        value, error: what came of it; `error` also when it was cancelled.
        finished: whether the main thread has heard of it.
        waited: whether a call waits for it, which then raises the error.
    """

    def __init__(self) -> None:
        self.job: Job[Any] | None = None
        self.value: Any = None
        self.error: BaseException | None = None
        self.finished = False
        self.waited = False


class _WatchedWorker(SessionWorker):
    """A worker that tells when something is handed in, by whomever."""

    def __init__(self, onReady: Callable[[], None], onSubmit: Callable[[], None]) -> None:
        super().__init__(onReady)
        self._onSubmit = onSubmit

    def submit(self, work: Callable[[JobContext], Any], **options: Any) -> Job[Any]:
        """Queue work; see `SessionWorker.submit`."""
        job: Job[Any] = super().submit(work, **options)
        self._onSubmit()
        return job


class Background:
    """Runs work in one thread and reports on the main thread. All calls on the main thread.

    Attributes:
        failed: (LightSegError) work for which nobody waits went wrong.
        busyChanged: (bool) there is work now; there is none any more.
        progressed: (fraction 0 to 1, text) how far the running work is.

    Args:
        runner: how the main thread waits.
    """

    def __init__(self, runner: Runner) -> None:
        self.failed = Signal("failed")
        self.busyChanged = Signal("busyChanged")
        self.progressed = Signal("progressed")
        self._runner = runner
        self._news = threading.Event()
        self._open: list[Ticket] = []
        self._wasBusy = False
        this = weakref.ref(self)
        self.worker: SessionWorker = _WatchedWorker(self._news.set, lambda: _watch(this))
        # Also called when Python ends: a thread inside torch at exit aborts the process.
        self._finalizer = weakref.finalize(self, self.worker.close, CLOSE_SECONDS)
        runner.onQuit(self._finalizer)

    @property
    def working(self) -> bool:
        """Whether the worker has something to do."""
        return self.worker.busy

    @property
    def busy(self) -> bool:
        """Whether there is work that is not done, or whose result was not delivered."""
        return bool(self._open) or self.worker.busy

    @property
    def closed(self) -> bool:
        """Whether the thread was ended."""
        return not self._finalizer.alive

    def start(
        self,
        begin: Callable[..., Job[Any]],
        onDone: Callable[[Any], None] | None = None,
        waited: bool = False,
    ) -> Ticket:
        """Hand in work.

        Args:
            begin: called at once with the keywords on_done, on_error, on_cancelled and on_progress; it
                submits the work with them and returns the job.
            onDone: called with the result.
            waited: whether the caller will `wait` for it, so that `failed` need not tell.

        Raises:
            SessionError: closed.
            LightSegError: what `begin` raises; then nothing was handed in.
        """
        if self.closed:
            raise SessionError(_("LightSeg was closed"), "", _("Open the LightSeg module again"))
        ticket = Ticket()
        ticket.waited = waited

        def done(value: Any) -> None:
            try:
                if onDone is not None:
                    onDone(value)
            finally:
                self._settle(ticket, value, None)

        ticket.job = begin(
            on_done=done,
            on_error=lambda error: self._settle(ticket, None, error),
            on_cancelled=lambda: self._settle(ticket, None, _stopped()),
            on_progress=self.progressed.emit,
        )
        if not ticket.finished:
            self._open.append(ticket)
        self._tellBusy()
        return ticket

    def submit(
        self,
        work: Callable[[JobContext], Any],
        onDone: Callable[[Any], None] | None = None,
        waited: bool = False,
    ) -> Ticket:
        """Hand in a function that is called on the worker's thread; it must not touch any node."""

        def begin(**callbacks: Any) -> Job[Any]:
            return self.worker.submit(work, **callbacks)

        return self.start(begin, onDone, waited)

    def wait(self, ticket: Ticket) -> Any:
        """Wait until the work is done and its result delivered; returns it.

        Raises:
            Cancelled: it was cancelled.
            LightSegError: it went wrong.
        """
        ticket.waited = True
        try:
            while not ticket.finished:
                over = ticket.job is not None and ticket.job.finished
                if not self.poll() and not ticket.finished:
                    if over:  # finished, and nobody says how: whoever submitted it dropped it
                        self._settle(ticket, None, _stopped())
                    else:
                        self.letWork(_LOOK_SECONDS)
        except KeyboardInterrupt:
            self.cancel()
            raise
        if not self._open:
            self.worker.wait_idle(_LOOK_SECONDS)  # the thread hands in its result a moment before it rests
        self._tellBusy()
        if ticket.error is not None:
            raise explain(ticket.error)
        return ticket.value

    def waitUntilIdle(self) -> None:
        """Wait until everything is done and delivered."""
        while self.busy:
            working = self.working
            if not self.poll():
                if not working:
                    self._dropOpen()
                else:
                    self.letWork(_LOOK_SECONDS)
        self.poll()

    def poll(self) -> int:
        """Deliver what the worker has to tell; returns how many messages that were.

        An error in a delivery goes to `failed`, and the rest is delivered all the same.
        """
        delivered = 0
        while True:
            try:
                count = self.worker.poll()
            except Exception as error:  # from code that was told of a result, say a node that is gone
                self.failed.emit(explain(error))
                delivered += 1
                continue
            delivered += count
            if not count:
                break
        self._tellBusy()
        return delivered

    def letWork(self, seconds: float) -> None:
        """Leave the interpreter to the worker until it has news, at most this long."""
        if self._news.wait(seconds):
            self._news.clear()

    def cancel(self) -> None:
        """Stop all work: what runs at its next check point, what waits at once."""
        for ticket in list(self._open):
            if ticket.job is not None:  # it may be work of several steps, between two of them
                ticket.job.cancel()
        self.worker.cancel_all()

    def close(self) -> bool:
        """Stop all work and end the thread; returns whether it has ended. May be called again."""
        if self._finalizer.alive:
            ended = bool(self._finalizer())
            if not ended:
                _LOG.warning("The background thread did not end within %.0f s", CLOSE_SECONDS)
        self._dropOpen()
        self._runner.stop(self)
        return self.worker.close(0.0)

    def watched(self) -> None:
        """Something was handed in: see that it is heard of."""
        self._runner.watch(self)
        self._tellBusy()

    def _settle(self, ticket: Ticket, value: Any, error: BaseException | None) -> None:
        if ticket.finished:
            return
        ticket.value, ticket.error, ticket.finished = value, error, True
        if ticket in self._open:
            self._open.remove(ticket)
        if error is not None and not ticket.waited and not isinstance(error, Cancelled):
            self.failed.emit(explain(error))

    def _dropOpen(self) -> None:
        for ticket in list(self._open):
            self._settle(ticket, None, _stopped())
        self._tellBusy()

    def _tellBusy(self) -> None:
        busy = self.busy and not self.closed
        if busy != self._wasBusy:
            self._wasBusy = busy
            self.busyChanged.emit(busy)


def _watch(background: weakref.ref[Background]) -> None:
    this = background()
    if this is not None:
        this.watched()


def _stopped() -> Cancelled:
    return Cancelled(_("The work was stopped"), _("It was cancelled"))
