"""A job of the session worker: its state, its result, its progress and how to stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar, cast

from LightSegLib.errors import Cancelled

T = TypeVar("T")


class JobState(str, Enum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CancelToken:
    """Says whether the user wants the work stopped. Any thread may set it or ask it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next check."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked the work to stop."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Check point for the work.

        Raises:
            Cancelled: somebody asked the work to stop.
        """
        if self._event.is_set():
            raise Cancelled("The work was stopped", "It was cancelled")


class JobContext:
    """What running work is given: it reports progress here and asks here whether it should stop."""

    def __init__(self, token: CancelToken, report: Callable[[float, str], None]) -> None:
        self.token = token
        self._report = report

    def report(self, fraction: float, message: str = "") -> None:
        """Tell how far the work is. It is also a check point: it raises when the work was cancelled.

        Args:
            fraction: 0 to 1; values outside are clipped.
            message: what is being done, for the user.

        Raises:
            Cancelled: somebody asked the work to stop.
        """
        self.token.raise_if_cancelled()
        self._report(min(1.0, max(0.0, fraction)), message)

    def raise_if_cancelled(self) -> None:
        """Check point: raises `Cancelled` when somebody asked the work to stop."""
        self.token.raise_if_cancelled()


@dataclass(frozen=True)
class Callbacks(Generic[T]):
    """Whom to tell; each is called by `SessionWorker.poll()`, on the thread that polls."""

    on_done: Callable[[T], None] | None = None
    on_error: Callable[[BaseException], None] | None = None
    on_cancelled: Callable[[], None] | None = None
    on_progress: Callable[[float, str], None] | None = None


class Job(Generic[T]):
    """One piece of work handed to a worker. `SessionWorker.submit` makes it; any thread may ask it."""

    def __init__(self, kind: str, callbacks: Callbacks[T], drop: Callable[[Job[T]], None]) -> None:
        self.kind = kind
        self.token = CancelToken()
        self.callbacks = callbacks
        self.state = JobState.QUEUED
        self._drop = drop
        self._value: T | None = None
        self._error: BaseException | None = None
        self._settled = threading.Event()

    @property
    def finished(self) -> bool:
        """Whether the job is done, failed or cancelled."""
        return self._settled.is_set()

    @property
    def error(self) -> BaseException | None:
        """What went wrong, when the job failed or was cancelled; None otherwise, also while it runs."""
        return self._error

    def result(self, timeout: float | None = None) -> T:
        """Wait for the job and return what its work returned. Waiting delivers no callbacks.

        Args:
            timeout: seconds to wait at most; None waits for ever.

        Raises:
            TimeoutError: it took longer.
            Cancelled: the job was cancelled before it finished.
            BaseException: whatever the work raised.
        """
        if not self._settled.wait(timeout):
            raise TimeoutError(f"The job did not finish within {timeout} s")
        if self._error is not None:
            raise self._error
        return cast("T", self._value)

    def cancel(self) -> None:
        """Stop the job: at once if it waits, at its next check point if it runs; no effect if it is finished.

        Work that finishes without another check point counts as done, because what it did stands.
        """
        self.token.cancel()
        self._drop(self)

    def settle(self, state: JobState, value: T | None = None, error: BaseException | None = None) -> None:
        """Make the job final; for the worker only."""
        self.state = state
        self._value = value
        self._error = error
        self._settled.set()
