"""The side of a scene session that works on the worker's thread: arrays and numbers only, no nodes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from LightSegLib.errors import SessionError
from LightSegLib.geometry import IndexBox, Volume
from LightSegLib.mrml.following import Start
from LightSegLib.mrml.lattice import moved
from LightSegLib.prompts import Box, Point, Prompt, Scribble
from LightSegLib.runtime.jobs import JobContext
from LightSegLib.segments import EMPTY_BOX, Change
from LightSegLib.session import InteractiveSession

if TYPE_CHECKING:
    from LightSegLib.models.base import InteractiveModel
    from LightSegLib.proposal import Segmenter

T = TypeVar("T")
Action = Callable[[InteractiveSession, JobContext], T]


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What a job brings back to the main thread.

    Attributes:
        value: what the action returned.
        start_step: step of the segment when the action began, in keeping with what the segment showed.
        start_confidence: confidence of the segment then.
        step: step of the segment after the action.
        confidence: confidence of the segment after the action.
    """

    value: T
    start_step: int
    start_confidence: float
    step: int
    confidence: float


class SteppingSession:
    """An `InteractiveSession` that is brought in keeping with a segment before each action.

    Only the jobs of one worker may call it. Whatever fails or is cancelled leaves the session usable: the
    next job starts from what its segment shows then.
    """

    def __init__(self, model: InteractiveModel, segmenter: Segmenter | None = None) -> None:
        self._session = InteractiveSession(model, segmenter)
        self._image: Volume | None = None
        self._named = False

    def run(
        self, context: JobContext, volume: Volume, segment_id: str, start: Start, action: Action[T]
    ) -> Outcome[T]:
        """Go to what a segment shows and do something there.

        Args:
            context: of the running job.
            volume: the image; if it is another one than before, the session starts over.
            segment_id: name of the segment in the session; added if it is new.
            start: what the segment shows.
            action: what to do then, with the segment as the active one.

        Raises:
            SessionError: the session cannot get to what the segment shows.
            LightSegError: whatever the action or a new image raises.
        """
        self._set_image(context, volume)
        self._activate(segment_id)
        self._go(context, segment_id, start)
        context.raise_if_cancelled()
        session = self._session
        begun, confidence = session.step(), session.confidence
        value = action(session, context)
        return Outcome(value, begun, confidence, session.step(), session.confidence)

    def _set_image(self, context: JobContext, volume: Volume) -> None:
        if self._image is volume:
            return
        context.report(0.0, "Preparing the image")
        self._session.set_image(volume)
        self._image = volume
        self._named = False

    def _activate(self, segment_id: str) -> None:
        session = self._session
        if not self._named:
            # A session is born with one segment; it becomes the first that is asked for.
            session.rename(session.active_segment, segment_id)
            self._named = True
        if segment_id not in session.segments:
            session.add_segment(segment_id)
        session.active_segment = segment_id

    def _go(self, context: JobContext, segment_id: str, start: Start) -> None:
        """Bring the active segment to what its counterpart in the scene shows."""
        session = self._session
        for step in start.steps:
            if session.can_go_to(step):
                session.go_to(step)
                return
        content = start.content
        if content is None:
            raise SessionError(
                f'LightSeg lost track of the segment "{segment_id}"',
                "Its undo history is too long to follow",
                "Click again: LightSeg then goes on from what the segment shows",
            )
        if content.box.is_empty:
            session.reset()
        elif self._image is not None:
            mask = content.in_image(start.grid, self._image.box)
            session.set_mask(mask, check_cancelled=context.raise_if_cancelled)


def ask(prompts: Sequence[Prompt]) -> Action[Change]:
    """The action that answers prompts, already validated, as one change."""

    def answer(session: InteractiveSession, context: JobContext) -> Change:
        started = time.perf_counter()
        changes = []
        for number, prompt in enumerate(prompts):
            if len(prompts) > 1:
                context.report(number / len(prompts), f"Prompt {number + 1} of {len(prompts)}")
            changes.append(_answer(session, prompt, context))
        return changes[0] if len(changes) == 1 else _together(session, changes, started)

    return answer


def reset(session: InteractiveSession, context: JobContext) -> Change:
    """The action that empties a segment."""
    return session.reset()


def suggest(session: InteractiveSession, context: JobContext) -> tuple[int, int, int] | None:
    """The action that looks for the voxel where a click would help most."""
    return session.suggest()


def follow(session: InteractiveSession, context: JobContext) -> None:
    """The action that does nothing: the session is brought in keeping with the segment, and that is all."""


def _answer(session: InteractiveSession, prompt: Prompt, context: JobContext) -> Change:
    check = context.raise_if_cancelled
    if isinstance(prompt, Point):
        return session.add_point(prompt.ijk, prompt.positive, check_cancelled=check)
    if isinstance(prompt, Box):
        return session.add_box(prompt.lower_ijk, prompt.upper_ijk, check_cancelled=check)
    if isinstance(prompt, Scribble):
        return session.add_scribble(prompt.points_ijk, prompt.positive, check_cancelled=check)
    return session.set_text(prompt.text, check_cancelled=check)


def _together(session: InteractiveSession, changes: Sequence[Change], started: float) -> Change:
    """Several changes of the active segment, one after the other, as one."""
    around = EMPTY_BOX
    for change in changes:
        around = around.union(change.box)
    flips = np.zeros(around.shape_ijk[::-1], dtype=bool)
    for change in changes:
        if not change.box.is_empty:
            flips[change.box.slices_in(around)] ^= change.flips
    tight = IndexBox.of_mask(flips)
    network = sum(change.network_seconds for change in changes)
    seconds, name = time.perf_counter() - started, session.active_segment
    if tight is None:
        nothing = np.zeros((0, 0, 0), dtype=bool)
        return Change(EMPTY_BOX, nothing, seconds, session.confidence, name, nothing, network)
    box = moved(tight, around.lower)
    mask = session.mask[box.slices].copy()
    return Change(box, mask, seconds, session.confidence, name, flips[tight.slices], network)
