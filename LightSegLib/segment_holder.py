"""The segments of a session: named, one of them active, some of them accepted."""

from __future__ import annotations

import numpy as np

from LightSegLib.errors import SessionError
from LightSegLib.history import History
from LightSegLib.segments import Segment


class SegmentHolder:
    """Named segments over one image. The part of `InteractiveSession` that knows no prompts.

    Adding, renaming, choosing, accepting and reopening are not undoable and leave the undo stack as it is;
    removing a segment drops its entries from the stack. Segments may overlap.
    """

    def __init__(self) -> None:
        """Start without an image, hence without segments."""
        self._segments: list[Segment] = []
        self._active: Segment | None = None
        self._shape_ijk: tuple[int, int, int] | None = None
        self._history = History()

    @property
    def segments(self) -> tuple[str, ...]:
        """Names of all segments in the order they were added; empty before `set_image`."""
        return tuple(segment.name for segment in self._segments)

    @property
    def active_segment(self) -> str:
        """Name of the segment that prompts go to. Assign another name to switch.

        Raises:
            SessionError: no image yet; no segment of the assigned name.
        """
        return self._current().name

    @active_segment.setter
    def active_segment(self, name: str) -> None:
        self._active = self._named(name)

    def segment_mask(self, name: str) -> np.ndarray:
        """Bool (K, J, I), a read-only view of a segment's mask that follows it.

        Raises:
            SessionError: no segment of that name.
        """
        return self._named(name).mask

    def is_accepted(self, name: str | None = None) -> bool:
        """Whether a segment (None: the active one) is accepted.

        Raises:
            SessionError: no segment of that name.
        """
        return self._named(name).accepted

    def add_segment(self, name: str | None = None) -> str:
        """Add an empty segment and make it the active one.

        Args:
            name: unique; None for "Segment_2" and so on.

        Returns:
            The name.

        Raises:
            SessionError: no image yet; the name is taken or empty.
        """
        if self._shape_ijk is None:
            raise no_image()
        segment = Segment(self._free_name() if name is None else self._new_name(name), self._shape_ijk)
        self._segments.append(segment)
        self._active = segment
        return segment.name

    def rename(self, name: str, new_name: str) -> None:
        """Give a segment, accepted or not, another name.

        Raises:
            SessionError: no segment of that name; the new name is taken or empty.
        """
        segment = self._named(name)
        if new_name != segment.name:
            segment.name = self._new_name(new_name)

    def remove_segment(self, name: str) -> None:
        """Remove a segment, accepted or not, for good. If it was active, its neighbour becomes active.

        Raises:
            SessionError: no segment of that name; it is the only one.
        """
        segment = self._named(name)
        if len(self._segments) == 1:
            raise SessionError(
                f'"{name}" is the only segment', "A session keeps at least one", "Empty it with reset()"
            )
        index = self._segments.index(segment)
        self._segments.remove(segment)
        self._history.forget(segment)
        if self._active is segment:
            self._active = self._segments[max(index - 1, 0)]

    def accept(self, name: str | None = None) -> None:
        """Freeze a segment (None: the active one): until `reopen` not even undo changes its mask.

        Raises:
            SessionError: no segment of that name.
        """
        self._named(name).accepted = True

    def reopen(self, name: str | None = None) -> None:
        """Let an accepted segment (None: the active one) change again.

        Raises:
            SessionError: no segment of that name.
        """
        self._named(name).accepted = False

    def _start_over(self, shape_ijk: tuple[int, int, int]) -> None:
        """One empty segment over an image of this shape; nothing to undo."""
        first = Segment("Segment_1", shape_ijk)
        self._history.clear()
        self._segments = [first]
        self._active = first
        self._shape_ijk = shape_ijk

    def _current(self) -> Segment:
        """The active segment."""
        if self._active is None:
            raise no_image()
        return self._active

    def _open(self) -> Segment:
        """The active segment, if it may change."""
        segment = self._current()
        if segment.accepted:
            raise accepted_segment(segment.name)
        return segment

    def _named(self, name: str | None) -> Segment:
        if name is None or self._active is None:
            return self._current()
        for segment in self._segments:
            if segment.name == name:
                return segment
        known = ", ".join(f'"{known}"' for known in self.segments)
        raise SessionError(
            f'There is no segment "{name}"', f"The segments are {known}", "Choose one of these"
        )

    def _new_name(self, name: str) -> str:
        stripped = name.strip() if isinstance(name, str) else ""
        if not stripped:
            raise SessionError(
                f"A segment cannot be named {name!r}", "A name has at least one letter", "Name it"
            )
        if stripped in self.segments:
            raise SessionError(
                f'There is a segment "{stripped}" already', "Names are unique", "Choose another name"
            )
        return stripped

    def _free_name(self) -> str:
        number = len(self._segments) + 1
        while f"Segment_{number}" in self.segments:
            number += 1
        return f"Segment_{number}"


def no_image() -> SessionError:
    """The error of any call that needs an image before there is one."""
    return SessionError(
        "There is no image yet", "Prompts and segments belong to one", "Call set_image(volume) first"
    )


def accepted_segment(name: str) -> SessionError:
    """The error of any call that would change an accepted segment."""
    return SessionError(
        f'The segment "{name}" is accepted',
        "Accepted segments do not change",
        f'Call reopen("{name}"), or work on another segment: add_segment(name)',
    )
