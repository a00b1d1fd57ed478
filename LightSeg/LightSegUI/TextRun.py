"""Names answered one after the other: each is asked for when the one before it is in its segment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import Cancelled, CapabilityError, LightSegError, PromptError
from LightSegLib.runtime.jobs import Callbacks, Job, JobState
from LightSegUI.TextOutcome import TextOutcome
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegLib.mrml import Answer
    from LightSegLib.runtime.worker import SessionWorker
    from LightSegLib.text.naming import Naming
    from LightSegLib.text.structures import Structure


class Turns:
    """Lets one run ask at a time: what the next one may write into depends on what the one before made."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._taken = False

    def take(self, go: Callable[[], None]) -> None:
        """Call this when it is its turn; at once if nobody else has it."""
        if self._taken:
            self._waiting.append(go)
        else:
            self._taken = True
            go()

    def give(self) -> None:
        """The turn is over: the next one has it."""
        self._taken = False
        if self._waiting:
            self.take(self._waiting.popleft())


class TextRun:
    """One call of `segmentTexts`. Main thread only; the worker's owner has to poll it.

    A name that cannot be understood, and a structure that is not found, are noted, and the rest goes on. It
    ends early when it is cancelled and when something else goes wrong; what was done until then stays.

    Args:
        worker: understands the names, on its thread.
        turns: of all runs of a logic.
        understand: what it calls for that.
        ask: called with a structure and callbacks; hands the work in and returns its job, or raises.
        conclude: called with the name as it was given, the structure and its answer; returns the outcome.
        isAlive: whether there is still something to ask.
        onEnd: called with the outcomes so far, however it ends, before the callbacks of `begin` are.
    """

    def __init__(
        self,
        worker: SessionWorker,
        turns: Turns,
        understand: Callable[[], list[Naming]],
        ask: Callable[..., Job[Answer]],
        conclude: Callable[[str, Structure, Answer], TextOutcome],
        isAlive: Callable[[], bool],
        onEnd: Callable[[list[TextOutcome]], None],
    ) -> None:
        self._worker = worker
        self._turns = turns
        self._hasTurn = False
        self._understand = understand
        self._ask = ask
        self._conclude = conclude
        self._isAlive = isAlive
        self._onEnd = onEnd
        self._waiting: deque[tuple[str, Structure]] = deque()
        self._inner: Job[Any] | None = None
        self._count = 0
        self._outcomes: list[TextOutcome] = []

    def begin(self, **callbacks: Any) -> Job[list[TextOutcome]]:
        """Start; returns the job of it all, which takes the callbacks of a prompt."""
        self._job: Job[list[TextOutcome]] = Job("texts", Callbacks(**callbacks), lambda job: self._cancel())
        self._inner = self._worker.submit(
            lambda context: self._understand(),
            on_done=self._understood,
            on_error=self._fail,
            on_cancelled=self._stop,
        )
        return self._job

    # --- One after the other ------------------------------------------------------------------------------

    def _understood(self, namings: list[Naming]) -> None:
        self._outcomes += [TextOutcome(each.text, error=each.error) for each in namings if each.error]
        self._waiting.extend((each.text, structure) for each in namings for structure in each.structures)
        self._count = len(self._waiting)
        self._turns.take(self._begin)

    def _begin(self) -> None:
        self._hasTurn = True
        if self._job.finished:
            self._turns.give()
        else:
            self._next()

    def _next(self) -> None:
        if self._job.finished:
            return
        if not self._waiting:
            self._end(JobState.DONE)
            return
        if self._job.token.cancelled:
            self._stop()
            return
        text, structure = self._waiting.popleft()
        self._tellProgress(0.0, "", structure)
        try:
            self._inner = self._ask(
                structure,
                on_done=lambda answer: self._answered(text, structure, answer),
                on_error=lambda error: self._refused(text, structure, error),
                on_cancelled=self._stop,
                on_progress=lambda fraction, said: self._tellProgress(fraction, said, structure),
            )
        except LightSegError as error:  # say, its segment is accepted; that is no reason to drop the others
            self._note(text, structure, error)

    def _answered(self, text: str, structure: Structure, answer: Answer) -> None:
        try:
            self._outcomes.append(self._conclude(text, structure, answer))
        except Exception as error:  # say, the scene was closed by who was told of the answer
            self._fail(error)
            return
        self._next()

    def _refused(self, text: str, structure: Structure, error: BaseException) -> None:
        """The model did not answer; if that is not for the name, it would answer to no other either."""
        if isinstance(error, (PromptError, CapabilityError)):
            self._note(text, structure, error)
        else:
            self._fail(error)

    def _note(self, text: str, structure: Structure, error: LightSegError) -> None:
        if not self._isAlive():
            self._fail(error)
            return
        self._outcomes.append(TextOutcome(text, structure.name, error=error))
        self._next()

    def _tellProgress(self, fraction: float, said: str, structure: Structure) -> None:
        tell = self._job.callbacks.on_progress
        if tell is None or self._job.finished:
            return
        done = self._count - len(self._waiting) - 1
        if self._count > 1:
            said = _("{name} ({number} of {count})").format(
                name=structure.name, number=done + 1, count=self._count
            )
        if said:
            tell((done + fraction) / self._count, said)

    # --- Ends ---------------------------------------------------------------------------------------------

    def _cancel(self) -> None:
        """Somebody cancelled the job of it all."""
        if self._inner is not None:
            self._inner.cancel()

    def _stop(self) -> None:
        self._end(JobState.CANCELLED, Cancelled(_("The work was stopped"), _("It was cancelled")))

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            self._stop()
        else:
            self._end(JobState.FAILED, error)

    def _end(self, state: JobState, error: BaseException | None = None) -> None:
        if self._job.finished:
            return
        self._waiting.clear()
        outcomes, callbacks = list(self._outcomes), self._job.callbacks
        self._job.settle(state, outcomes if error is None else None, error)
        try:
            self._onEnd(outcomes)
        finally:
            if state is JobState.DONE and callbacks.on_done is not None:
                callbacks.on_done(outcomes)
            elif state is JobState.CANCELLED and callbacks.on_cancelled is not None:
                callbacks.on_cancelled()
            elif state is JobState.FAILED and callbacks.on_error is not None and error is not None:
                callbacks.on_error(error)
            if self._hasTurn:
                self._turns.give()
