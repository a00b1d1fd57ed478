"""One undo and redo stack for all segments of a session.

An entry keeps which voxels of one segment were turned over, one bit each inside the changed box, and what was
known about the segment before and after. Turning the same voxels over again takes the change back, so one
entry serves undo and redo.

Entries of accepted segments stay where they are and are passed over, since an accepted segment does not
change; they can be taken back again once the segment is reopened. That is safe because the entries of one
segment never depend on another's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LightSegLib.geometry import IndexBox
from LightSegLib.segments import Knowledge, Segment, unpacked

MAX_BYTES = 256 * 2**20
# What the objects of an entry take besides arrays, so that many empty entries are bounded too.
_ENTRY_BYTES = 1024


@dataclass(frozen=True, eq=False)
class Delta:
    """One reversible change of one segment.

    Attributes:
        segment: what changed.
        box: tight box of the voxels that changed; empty if only prompts did.
        bits: uint8, the flipped voxels of the box packed eight to a byte, in C order of (K, J, I).
        before: what was known before the change.
        after: what is known after it.
    """

    segment: Segment
    box: IndexBox
    bits: np.ndarray
    before: Knowledge
    after: Knowledge

    @classmethod
    def of(cls, segment: Segment, box: IndexBox, flips: np.ndarray, after: Knowledge) -> Delta:
        """Describe a change that is about to be made.

        Args:
            segment: what will change, still as it was.
            box: tight box of the voxels that change.
            flips: bool (K, J, I) of the box.
            after: what will be known.
        """
        return cls(segment, box, np.packbits(flips), segment.knowledge, after)

    @property
    def flips(self) -> np.ndarray:
        """Bool (K, J, I) of the box, true where voxels change."""
        return unpacked(self.bits, self.box)

    @property
    def byte_count(self) -> int:
        """Memory this entry holds; what was known before is counted with the entry before."""
        doubt = self.after.doubt
        kept = 0 if doubt is None or doubt is self.before.doubt else int(doubt.probability.nbytes)
        return _ENTRY_BYTES + int(self.bits.nbytes) + int(self.after.snap.bits.nbytes) + kept


class History:
    """Changes that can be undone and, until the next new change, redone."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        """Start empty.

        Args:
            max_bytes: memory the entries may take; the oldest are forgotten beyond it, the newest one never.
        """
        self._max_bytes = max_bytes
        self._done: list[Delta] = []
        self._undone: list[Delta] = []
        self._bytes = 0

    @property
    def can_undo(self) -> bool:
        """Whether `undo` would find an entry of a segment that is not accepted."""
        return _last_open(self._done) is not None

    @property
    def can_redo(self) -> bool:
        """Whether `redo` would find an entry of a segment that is not accepted."""
        return _last_open(self._undone) is not None

    @property
    def byte_count(self) -> int:
        """Memory the entries hold."""
        return self._bytes

    def push(self, delta: Delta) -> None:
        """Remember a new change. What was undone before can no longer be redone."""
        self._bytes += delta.byte_count - _total(self._undone)
        self._undone.clear()
        self._done.append(delta)
        while self._bytes > self._max_bytes and len(self._done) > 1:
            self._bytes -= self._done.pop(0).byte_count

    def undo(self) -> Delta | None:
        """Move the newest change to the redo side and return it to be taken back; None if there is none."""
        return _move(self._done, self._undone)

    def redo(self) -> Delta | None:
        """Move the change undone last back and return it to be made again; None if there is none."""
        return _move(self._undone, self._done)

    def route(self, segment: Segment, step: int) -> tuple[bool, int] | None:
        """How one segment, accepted or not, gets to another of its states.

        Returns:
            Whether by going back, and over how many of the segment's entries; None if no entry leads there.
        """
        for back, stack in ((True, self._done), (False, self._undone)):
            own = (delta for delta in reversed(stack) if delta.segment is segment)
            ends = [(delta.before if back else delta.after).step for delta in own]
            if step in ends:
                return back, ends.index(step) + 1
        return None

    def move_own(self, segment: Segment, *, back: bool) -> Delta:
        """As `undo` (back) or `redo`, but of one segment's newest entry, accepted or not; see `route`."""
        source, target = (self._done, self._undone) if back else (self._undone, self._done)
        newest = max(index for index, delta in enumerate(source) if delta.segment is segment)
        target.append(source.pop(newest))
        return target[-1]

    def forget(self, segment: Segment) -> None:
        """Drop all entries of a segment that is being removed."""
        self._done = [delta for delta in self._done if delta.segment is not segment]
        self._undone = [delta for delta in self._undone if delta.segment is not segment]
        self._bytes = _total(self._done) + _total(self._undone)

    def clear(self) -> None:
        """Drop everything."""
        self._done.clear()
        self._undone.clear()
        self._bytes = 0


def _total(deltas: list[Delta]) -> int:
    return sum(delta.byte_count for delta in deltas)


def _last_open(stack: list[Delta]) -> int | None:
    for index in range(len(stack) - 1, -1, -1):
        if not stack[index].segment.accepted:
            return index
    return None


def _move(source: list[Delta], target: list[Delta]) -> Delta | None:
    index = _last_open(source)
    if index is None:
        return None
    delta = source.pop(index)
    target.append(delta)
    return delta
