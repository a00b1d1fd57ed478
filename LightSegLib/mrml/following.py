"""Which state of the session each state of a segment belongs to.

The Segment Editor owns the undo history, anybody may paint, and masking may keep part of an answer out of the
segment. So the session never assumes where a segment is: before each prompt it looks at the voxels. A content
it left behind itself is recognised by its digest, and the session goes to the step of that time, prompts and
all; any other content, painted or loaded, is adopted. Nothing is noted in the scene, so that following costs
no undo or redo of the user's and leaves no traces in files.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from LightSegLib.geometry import IndexBox
from LightSegLib.mrml.segment_voxels import SegmentationGrid, SegmentContent, read_content, state_key

_REMEMBERED = 500  # states per segment; a few hundred bytes each


@dataclass(frozen=True)
class KnownState:
    """A state of a segment that the session has been in."""

    digest: bytes
    step: int
    confidence: float


@dataclass(frozen=True)
class Start:
    """Where the session has to be before it answers a prompt.

    Attributes:
        steps: steps whose content is what the segment shows, the likeliest first.
        content: what the segment shows, to adopt if none of the steps can be reached; None if one surely can.
        grid: where the content lies.
        digest: of what the segment shows.
    """

    steps: tuple[int, ...]
    content: SegmentContent | None
    grid: SegmentationGrid
    digest: bytes


class SegmentTrail:
    """What the session knows of one segment's states. Main thread only."""

    def __init__(self) -> None:
        self._known: deque[KnownState] = deque(maxlen=_REMEMBERED)
        self._last: KnownState | None = None
        self._seen: tuple[Any, bytes, IndexBox] | None = None

    def look(
        self, segment: Any, grid: SegmentationGrid, written: IndexBox | None = None
    ) -> tuple[bytes, SegmentContent | None]:
        """The digest of what a segment shows now, and its content if it had to be read.

        Args:
            segment: a `vtkSegment`.
            grid: the grid of its segmentation.
            written: the only box that changed since the last look, if that is known.
        """
        key = (state_key(segment), grid.key)
        if self._seen is not None and self._seen[0] == key:
            return self._seen[1], None
        within = self._seen[2].union(written) if self._seen is not None and written is not None else None
        content = read_content(segment, grid, within)
        digest = content.digest(grid)
        self._seen = (key, digest, content.box)
        return digest, content

    def start(self, segment: Any, grid: SegmentationGrid) -> Start:
        """Where the session has to be to go on from what a segment shows."""
        digest, content = self.look(segment, grid)
        known = [state for state in reversed(self._known) if state.digest == digest]
        if self._last is not None and self._last.digest == digest:
            return Start((self._last.step, *(state.step for state in known)), None, grid, digest)
        if content is None:
            content = read_content(segment, grid)
        steps = [state.step for state in known]
        if content.box.is_empty:
            steps.append(0)  # as the session made it
        return Start(tuple(steps), content, grid, digest)

    def note(self, digest: bytes, step: int, confidence: float) -> None:
        """Remember that the session was at `step` when the segment showed the content of a digest."""
        self._last = KnownState(digest, step, confidence)
        if self._last not in self._known:
            self._known.append(self._last)

    def confidence(self, digest: bytes) -> float | None:
        """The confidence of the latest known state with this content; None if it is unknown."""
        states = [self._last, *reversed(self._known)]
        return next((state.confidence for state in states if state and state.digest == digest), None)

    def lose(self) -> None:
        """Trust nothing about where the session is now; what is known of earlier states stays."""
        self._last = None
