"""One piece of work at a time: looked up on the main thread, done on the worker's, finished on the main one.

The worker alone would start the next job before the answer of the one before is in the scene. Here a request
begins only after the one before it is finished, so that it can start from what the scene shows then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from LightSegLib.errors import Cancelled
from LightSegLib.runtime.jobs import Callbacks, Job, JobContext, JobState

if TYPE_CHECKING:
    from LightSegLib.runtime.worker import SessionWorker

T = TypeVar("T")


@dataclass(eq=False)
class Request(Generic[T]):
    """Work in three parts.

    Attributes:
        begin: called on the main thread when its turn has come; returns what the worker shall do.
        finish: called on the main thread with what the worker's part returned; makes the result.
        job: what the caller holds; final when `finish` has returned, so waiting for it takes polling.
    """

    begin: Callable[[], Callable[[JobContext], Any]]
    finish: Callable[[Any], T]
    job: Job[T] = field(init=False)


class RequestQueue:
    """Requests in order. Main thread only.

    Args:
        worker: does the middle part; somebody has to poll it.
    """

    def __init__(self, worker: SessionWorker) -> None:
        self._worker = worker
        self._waiting: deque[Request[Any]] = deque()
        self._running: Request[Any] | None = None
        self._inner: Job[Any] | None = None

    @property
    def busy(self) -> bool:
        """Whether a request runs or waits."""
        return self._running is not None or bool(self._waiting)

    @property
    def running(self) -> Request[Any] | None:
        """The request that is in the worker's hands or being finished."""
        return self._running

    def submit(self, request: Request[T], callbacks: Callbacks[T]) -> Job[T]:
        """Queue a request; it begins at once if nothing else runs.

        Returns:
            A job whose `cancel()` is to be called on the main thread.
        """
        request.job = Job("request", callbacks, lambda _: self._cancelled(request))
        self._waiting.append(request)
        self._begin_next()
        return request.job

    def drop_all(self, error: BaseException | None = None) -> None:
        """Give up everything that runs or waits; what the worker still brings of it is ignored.

        Args:
            error: what to tell the callers; None tells them that it was cancelled.
        """
        dropped = list(self._waiting)
        self._waiting.clear()
        if self._running is not None:
            dropped.insert(0, self._running)
            self._running = None
        if self._inner is not None:
            self._inner.cancel()
            self._inner = None
        calls = [_settle(request, error=error or Cancelled("The work was stopped")) for request in dropped]
        for call in calls:
            call()

    def _begin_next(self) -> None:
        calls = []
        while self._running is None and self._waiting:
            request = self._waiting.popleft()
            self._running = request
            try:
                work = request.begin()
                self._inner = self._worker.submit(
                    work,
                    on_done=partial(self._done, request),
                    on_error=partial(self._failed, request),
                    on_cancelled=partial(self._failed, request, Cancelled("The work was stopped")),
                    on_progress=request.job.callbacks.on_progress,
                )
                request.job.state = JobState.RUNNING
            except Exception as error:  # the caller of the request has to hear of it, whatever it is
                self._running = None
                calls.append(_settle(request, error=error))
        for call in calls:
            call()

    def _done(self, request: Request[Any], value: Any) -> None:
        if self._running is not request:
            return
        try:
            call = _settle(request, value=request.finish(value))
        except Exception as error:  # as above
            call = _settle(request, error=error)
        self._go_on(request, call)

    def _failed(self, request: Request[Any], error: BaseException) -> None:
        if self._running is request:
            self._go_on(request, _settle(request, error=error))

    def _go_on(self, request: Request[Any], call: Callable[[], None]) -> None:
        """Start the next request before the caller of this one is told, who may do anything."""
        if self._running is request:
            self._running = self._inner = None
        try:
            self._begin_next()
        finally:
            call()

    def _cancelled(self, request: Request[Any]) -> None:
        """The caller cancelled its job."""
        if request in self._waiting:
            self._waiting.remove(request)
            _settle(
                request, error=Cancelled("The work was not started", "It was cancelled while it waited")
            )()
        elif self._running is request and self._inner is not None:
            self._inner.cancel()


def _settle(
    request: Request[Any], value: Any = None, error: BaseException | None = None
) -> Callable[[], None]:
    """Make a request's job final and return the call that its caller is owed."""
    job = request.job
    callbacks = job.callbacks
    if job.finished:
        return _nothing
    request.begin = request.finish = _over  # they hold on to nodes, and a job may outlive its session
    if isinstance(error, Cancelled):
        job.settle(JobState.CANCELLED, error=error)
        return callbacks.on_cancelled or _nothing
    if error is not None:
        job.settle(JobState.FAILED, error=error)
        return partial(callbacks.on_error, error) if callbacks.on_error is not None else _nothing
    job.settle(JobState.DONE, value=value)
    return partial(callbacks.on_done, value) if callbacks.on_done is not None else _nothing


def _over(*_: Any) -> Any:
    """In place of the parts of a request that is final."""


def _nothing() -> None:
    """Nobody asked to be told."""
