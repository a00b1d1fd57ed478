"""Run a session off the caller's thread, so that a user interface stays alive while the network computes.

One thread runs jobs in the order they came; a session is not shared between threads, it is only ever touched
by its worker. Results, progress and errors wait in a queue until the owner calls `poll()` on its own thread
(a user interface does so from a timer), so callbacks may touch the interface freely. No Qt is needed::

    with SessionWorker() as worker:
        job = worker.submit(lambda context: session.add_point((10, 20, 30)), on_done=show, on_error=explain)
        ...
        worker.poll()
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from LightSegLib.errors import Cancelled, SessionError
from LightSegLib.runtime.jobs import Callbacks, CancelToken, Job, JobContext, JobState

__all__ = ["CancelToken", "Job", "JobContext", "JobState", "SessionWorker"]

_LOG = logging.getLogger(__name__)
T = TypeVar("T")


class SessionWorker:
    """One background thread that runs submitted work in order.

    Args:
        on_ready: called, on the worker's thread, whenever there is something to poll; it should only wake the
            owner (for example by setting an event). None: the owner polls from time to time.
        name: name of the thread, for debuggers.
    """

    def __init__(self, on_ready: Callable[[], None] | None = None, name: str = "lightseg-worker") -> None:
        self._on_ready = on_ready
        self._condition = threading.Condition()
        self._pending: deque[tuple[Job[Any], Callable[[JobContext], Any]]] = deque()
        self._running: Job[Any] | None = None
        self._closed = False
        self._news: deque[Callable[[], None]] = deque()
        self._progress: dict[Job[Any], tuple[float, str]] = {}
        # A daemon, so that a program that forgets to close its worker can still end.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def __enter__(self) -> SessionWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        with self._condition:
            return self._running is not None or bool(self._pending)

    def submit(
        self,
        work: Callable[[JobContext], T],
        *,
        on_done: Callable[[T], None] | None = None,
        on_error: Callable[[BaseException], None] | None = None,
        on_cancelled: Callable[[], None] | None = None,
        on_progress: Callable[[float, str], None] | None = None,
        kind: str = "",
        replace_pending: bool = False,
    ) -> Job[T]:
        """Queue work; it runs after everything that was queued before.

        Args:
            work: called on the worker's thread with a `JobContext`.
            on_done, on_error, on_cancelled: one of them is called, by `poll()`, when the job is final.
            on_progress: called by `poll()` with fraction (0 to 1) and message; only the latest report since
                the last poll is delivered, so that a slow interface is not flooded.
            kind: a name of the sort of work, for `replace_pending`.
            replace_pending: cancel jobs of the same kind that still wait; one that runs already is left to
                finish.

        Returns:
            The job, to wait for or to cancel.

        Raises:
            SessionError: the worker is closed.
        """
        job: Job[T] = Job(kind, Callbacks(on_done, on_error, on_cancelled, on_progress), self._drop)
        with self._condition:
            if self._closed:
                raise SessionError(
                    "The worker is closed", "It was stopped earlier", "Make a new SessionWorker"
                )
            if replace_pending:
                for waiting in [waiting for waiting, _ in self._pending if waiting.kind == kind]:
                    self._withdraw(waiting)
            self._pending.append((job, work))
            self._condition.notify_all()
        self._wake()
        return job

    def poll(self) -> int:
        """Call the callbacks of what happened since the last poll, in order, on the calling thread.

        An error raised by a callback comes through; what was not delivered yet stays for the next poll.

        Returns:
            The number of callbacks called.
        """
        called = 0
        while True:
            with self._condition:
                if not self._news:
                    return called
                deliver = self._news.popleft()
            called += 1
            deliver()

    def cancel_all(self) -> None:
        """Cancel the running job and all that wait."""
        with self._condition:
            jobs = [job for job, _ in self._pending]
            if self._running is not None:
                jobs.append(self._running)
        for job in jobs:
            job.cancel()

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Wait until no job runs or waits; returns False if that took longer than `timeout` seconds."""
        with self._condition:
            return self._condition.wait_for(lambda: self._running is None and not self._pending, timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Cancel everything, end the thread and wait for it.

        It may be called again, and what happened until then can still be polled.

        Args:
            timeout: seconds to wait at most; None waits until the running job reaches a check point or its
                end.

        Returns:
            Whether the thread has ended.
        """
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self.cancel_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    # --- On the worker's thread ---------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._pending or self._closed)
                if not self._pending:
                    return
                job, work = self._pending.popleft()
                job.state = JobState.RUNNING
                self._running = job
            self._run(job, work)
            with self._condition:
                self._running = None
                self._condition.notify_all()
            del job, work  # an idle worker must not keep the last job's image alive

    def _run(self, job: Job[Any], work: Callable[[JobContext], Any]) -> None:
        def report(fraction: float, message: str) -> None:
            self._note_progress(job, fraction, message)

        try:
            job.token.raise_if_cancelled()
            value = work(JobContext(job.token, report))
        except Cancelled as error:
            self._settle(job, JobState.CANCELLED, error=error)
        except BaseException as error:  # whatever it is, the owner must hear of it, or it would wait for ever
            _LOG.debug("A background job failed", exc_info=True)
            self._settle(job, JobState.FAILED, error=error)
        else:
            self._settle(job, JobState.DONE, value=value)
        self._wake()

    def _note_progress(self, job: Job[Any], fraction: float, message: str) -> None:
        on_progress = job.callbacks.on_progress
        if on_progress is None:
            return

        def deliver() -> None:
            with self._condition:
                latest = self._progress.pop(job)
            on_progress(*latest)

        with self._condition:
            if job not in self._progress:
                self._news.append(deliver)
            self._progress[job] = (fraction, message)
        self._wake()

    # --- On any thread ------------------------------------------------------------------------------------

    def _drop(self, job: Job[Any]) -> None:
        """A job was cancelled: take it out of the queue if it still waits there."""
        with self._condition:
            self._withdraw(job)
        self._wake()

    def _withdraw(self, job: Job[Any]) -> None:
        """Settle a job that still waits as cancelled; the lock must be held."""
        for entry in self._pending:
            if entry[0] is job:
                self._pending.remove(entry)
                job.token.cancel()
                why = "It was cancelled or replaced while it waited"
                self._settle(job, JobState.CANCELLED, error=Cancelled("The work was not started", why))
                self._condition.notify_all()
                return

    def _settle(
        self, job: Job[Any], state: JobState, value: Any = None, error: BaseException | None = None
    ) -> None:
        """Make a job final and queue its callback, as one step for whoever waits for the job."""
        with self._condition:
            job.settle(state, value, error)
            deliver = _final_call(job)
            if deliver is not None:
                self._news.append(deliver)

    def _wake(self) -> None:
        """Tell the owner that there is something to poll; never with the lock held."""
        if self._on_ready is not None and self._news:
            self._on_ready()


def _final_call(job: Job[Any]) -> Callable[[], None] | None:
    """The one callback that a finished job owes, with its argument."""
    callbacks = job.callbacks
    if job.state is JobState.DONE and callbacks.on_done is not None:
        return partial(callbacks.on_done, job.result())
    if job.state is JobState.FAILED and callbacks.on_error is not None and job.error is not None:
        return partial(callbacks.on_error, job.error)
    if job.state is JobState.CANCELLED:
        return callbacks.on_cancelled
    return None
