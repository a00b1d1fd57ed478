"""Segments whose changes can be taken back: every write to a mask passes through here."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from LightSegLib.errors import SessionError
from LightSegLib.geometry import IndexBox
from LightSegLib.history import Delta
from LightSegLib.segment_holder import SegmentHolder
from LightSegLib.segments import Change, Knowledge, Segment


class UndoableSegments(SegmentHolder):
    """Segments with one undo and redo stack for all. The part of `InteractiveSession` that needs no model."""

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
        delta = Delta.of(segment, changed, flips, after)
        shown = segment.flip(changed, flips)
        if not changed.is_empty or delta.before.prompts != after.prompts:
            self._history.push(delta)
        segment.knowledge = after
        return Change(
            changed, shown, time.perf_counter() - started, after.confidence, segment.name, network_seconds
        )

    def _travel(self, *, back: bool) -> Change:
        started = time.perf_counter()
        delta = self._history.undo() if back else self._history.redo()
        if delta is None:
            word = "undo" if back else "redo"
            raise SessionError(f"There is nothing to {word}", "", f"Check can_{word} first")
        shown = delta.segment.flip(delta.box, delta.flips)
        after = delta.segment.knowledge = delta.before if back else delta.after
        seconds = time.perf_counter() - started
        return Change(delta.box, shown, seconds, after.confidence, delta.segment.name)
