"""Segments whose changes can be taken back: every write to a mask passes through here."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np

from LightSegLib.errors import SessionError
from LightSegLib.geometry import IndexBox
from LightSegLib.history import Delta
from LightSegLib.segment_holder import SegmentHolder, accepted_segment
from LightSegLib.segments import EMPTY_BOX, Change, Knowledge, Segment


class UndoableSegments(SegmentHolder):
    """Segments with one undo and redo stack for all. The part of `InteractiveSession` that needs no model."""

    def __init__(self) -> None:
        """Start without an image, hence without segments."""
        super().__init__()
        self._steps = itertools.count(1)

    def reset(self) -> Change:
        """Empty the active segment and forget its prompts. Can be undone.

        Raises:
            SessionError: no image yet; the segment is accepted.
        """
        started = time.perf_counter()
        segment = self._open()
        box = segment.knowledge.extent
        nothing = np.zeros(box.shape_ijk[::-1], dtype=bool)
        return self._commit(segment, box, nothing, Knowledge(), started)

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo in any segment that is not accepted."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo in any segment that is not accepted."""
        return self._history.can_redo

    def undo(self) -> Change:
        """Take the latest change back, mask and prompts, in whichever segment it was.

        Changes of accepted segments are passed over. The active segment stays the same: see `Change.segment`.

        Raises:
            SessionError: there is nothing to undo.
        """
        return self._travel(back=True)

    def redo(self) -> Change:
        """Make the change undone last again.

        Raises:
            SessionError: there is nothing to redo.
        """
        return self._travel(back=False)

    def step(self, name: str | None = None) -> int:
        """Number of the state a segment (None: the active one) is in.

        0 is a new segment; every change gives a number that was never used before in this session, and undo
        and redo bring the old number back. A program that keeps its own history, such as 3D Slicer's Segment
        Editor, notes the number beside each state and later calls `go_to`.

        Raises:
            SessionError: no image yet, or no segment of that name.
        """
        return self._named(name).knowledge.step

    def can_go_to(self, step: int, name: str | None = None) -> bool:
        """Whether `go_to` would succeed: the segment is open and in that state, or its history leads there.

        Raises:
            SessionError: no image yet, or no segment of that name.
        """
        segment = self._named(name)
        at_hand = segment.knowledge.step == step or self._history.route(segment, step) is not None
        return at_hand and not segment.accepted

    def go_to(self, step: int, name: str | None = None) -> Change:
        """Undo or redo the changes of one segment, and of no other, until it is in the state `step`.

        Args:
            step: what the method `step` returned then.
            name: the segment; None for the active one.

        Returns:
            The change all in all; its box is empty if the segment was there already.

        Raises:
            SessionError: no such segment, it is accepted, or its history does not lead there: a newer change
                took the place of what was undone, or the change is too old.
        """
        started = time.perf_counter()
        segment = self._named(name)
        if segment.accepted:
            raise accepted_segment(segment.name)
        route = (True, 0) if segment.knowledge.step == step else self._history.route(segment, step)
        if route is None:
            raise SessionError(
                f'The segment "{segment.name}" cannot go to step {step}',
                "Its undo history does not lead there",
                "Hand the mask over with set_mask()",
            )
        back, count = route
        deltas = [self._history.move_own(segment, back=back) for _ in range(count)]
        box = EMPTY_BOX
        for delta in deltas:
            box = box.union(delta.box)
        content = segment.mask[box.slices].copy()
        for delta in deltas:
            content[delta.box.slices_in(box)] ^= delta.flips
        changed, flips = segment.differences(box, content)
        shown = segment.flip(changed, flips)
        if deltas:
            segment.knowledge = deltas[-1].before if back else deltas[-1].after
        return _report(segment, changed, shown, flips, started)

    def _commit(
        self,
        segment: Segment,
        box: IndexBox,
        content: np.ndarray,
        after: Knowledge,
        started: float,
        network_seconds: float = 0.0,
    ) -> Change:
        """Write the content of a box, remember how to take it back, and report it.

        Args:
            segment: what changes.
            box: a box around all that may change.
            content: bool (K, J, I) of the box.
            after: what is known afterwards; its extent holds at least what of the mask lies outside the box.
            started: `time.perf_counter()` when the action began.
            network_seconds: time spent in the network.
        """
        changed, flips = segment.differences(box, content)
        after = replace(after, extent=after.extent.union(changed))
        before = segment.knowledge
        noted = not changed.is_empty or before.prompts != after.prompts
        after = replace(after, step=next(self._steps) if noted else before.step)
        delta = Delta.of(segment, changed, flips, after)
        shown = segment.flip(changed, flips)
        if noted:
            self._history.push(delta)
        segment.knowledge = after
        return _report(segment, changed, shown, flips, started, network_seconds)

    def _travel(self, *, back: bool) -> Change:
        started = time.perf_counter()
        delta = self._history.undo() if back else self._history.redo()
        if delta is None:
            word = "undo" if back else "redo"
            raise SessionError(f"There is nothing to {word}", "", f"Check can_{word} first")
        flips = delta.flips
        shown = delta.segment.flip(delta.box, flips)
        delta.segment.knowledge = delta.before if back else delta.after
        return _report(delta.segment, delta.box, shown, flips, started)


def _report(
    segment: Segment,
    box: IndexBox,
    shown: np.ndarray,
    flips: np.ndarray,
    started: float,
    network_seconds: float = 0.0,
) -> Change:
    """The change just made to a segment."""
    flips = flips.view()
    flips.flags.writeable = False
    seconds = time.perf_counter() - started
    return Change(box, shown, seconds, segment.knowledge.confidence, segment.name, flips, network_seconds)
