"""One segment of a session: its mask, what is known about it, and how its mask changes.

All writing to a mask happens here, as flips of voxels inside a box, so that every change can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from LightSegLib.geometry import IndexBox
from LightSegLib.intensities import strides
from LightSegLib.prompts import PromptSet

EMPTY_BOX = IndexBox((0, 0, 0), (0, 0, 0))


@dataclass(frozen=True)
class Change:
    """What one action changed: all that a viewer needs to redraw.

    Attributes:
        box: half-open IJK box around the voxels that changed, tight; empty if none did.
        mask: bool (K, J, I), the new content of that box, read-only.
        seconds: time of the whole action.
        confidence: Dice coefficient the model expects of the segment's mask, 0 to 1; 0 for an empty segment
            without an answer, 1 for a mask given by the caller.
        segment: name of the segment that changed, which after undo or redo need not be the active one.
        flips: bool (K, J, I) of the box, true where the mask changed, read-only: `mask & flips` was added,
            `~mask & flips` taken away.
        network_seconds: part of `seconds` spent in the network.
    """

    box: IndexBox
    mask: np.ndarray
    seconds: float
    confidence: float
    segment: str
    flips: np.ndarray
    network_seconds: float = 0.0


@dataclass(frozen=True)
class Doubt:
    """How sure the last answer was, thinned out, kept to suggest the next click.

    Attributes:
        box: where the model answered.
        step_ijk: every how many voxels a probability was kept, from the lower corner of the box.
        probability: float16 (K, J, I) of those voxels, 0 to 1.
    """

    box: IndexBox
    step_ijk: tuple[int, int, int]
    probability: np.ndarray

    @classmethod
    def of(cls, box: IndexBox, probability: np.ndarray, limit: int = 1_000_000) -> Doubt:
        """Thin out an answer.

        Args:
            box: where the model answered.
            probability: float32 (K, J, I) of the box, 0 to 1.
            limit: largest number of voxels kept: 2 MB each click, and a suggestion within about a second.
        """
        steps = strides(probability.shape, limit)
        kept = probability[:: steps[0], :: steps[1], :: steps[2]].astype(np.float16)
        return cls(box, (steps[2], steps[1], steps[0]), kept)

    def thin(self, mask: np.ndarray) -> np.ndarray:
        """Pick the voxels the probabilities belong to out of a mask of the whole image, bool (K, J, I)."""
        i, j, k = self.step_ijk
        return mask[self.box.slices][::k, ::j, ::i]


@dataclass(frozen=True)
class Snap:
    """Voxels of a mask that were moved to the edges of the image after the model had drawn it.

    The model goes on from what it drew, so the next answer begins by moving them back.

    Attributes:
        box: tight box of these voxels, empty if there are none.
        bits: uint8, the voxels of the box packed eight to a byte, in C order of (K, J, I).
    """

    box: IndexBox
    bits: np.ndarray

    @classmethod
    def of(cls, box: IndexBox, moved: np.ndarray) -> Snap:
        """Keep which voxels moved: bool (K, J, I) of a box."""
        tight = IndexBox.of_mask(moved)
        if tight is None:
            return cls(EMPTY_BOX, np.zeros(0, np.uint8))
        return cls(_shifted(tight, box.lower), np.packbits(moved[tight.slices]))

    @property
    def moved(self) -> np.ndarray:
        """Bool (K, J, I) of the box."""
        return unpacked(self.bits, self.box)


NOTHING_SNAPPED = Snap(EMPTY_BOX, np.zeros(0, np.uint8))


def unpacked(bits: np.ndarray, box: IndexBox) -> np.ndarray:
    """Bool (K, J, I) of a box, packed eight to a byte."""
    shape = box.shape_ijk[::-1]
    return np.unpackbits(bits, count=int(np.prod(shape))).view(bool).reshape(shape)


@dataclass(frozen=True)
class Knowledge:
    """Everything about a segment but its mask. Immutable, so that undo only swaps it.

    Attributes:
        prompts: what the user said, in order.
        extent: a box outside which the mask is empty; not always tight.
        confidence: see `Change.confidence`.
        doubt: the last answer's probabilities, None before the first one.
        step: which state of the segment this is; 0 for a new segment, and no two states share a number.
        snap: what of the mask is not as the model drew it.
    """

    prompts: PromptSet = field(default_factory=PromptSet)
    extent: IndexBox = EMPTY_BOX
    confidence: float = 0.0
    doubt: Doubt | None = None
    step: int = 0
    snap: Snap = NOTHING_SNAPPED


class Segment:
    """A named mask with its prompts, compared by identity, so that a new name changes nothing else.

    Attributes:
        name: unique in the session.
        accepted: the user is content: the session changes nothing here any more.
        knowledge: prompts and confidence, replaced as a whole.
    """

    def __init__(self, name: str, shape_ijk: tuple[int, int, int]) -> None:
        """Make an empty segment.

        Args:
            name: unique in the session.
            shape_ijk: voxels of the image along each axis.
        """
        self.name = name
        self.accepted = False
        self.knowledge = Knowledge()
        # Zeroed memory is only committed where something is written: an empty segment costs nothing.
        self._mask = np.zeros(shape_ijk[::-1], dtype=bool)
        self._view = self._mask.view()
        self._view.flags.writeable = False

    @property
    def mask(self) -> np.ndarray:
        """Bool (K, J, I), a read-only view that follows the segment."""
        return self._view

    def differences(self, box: IndexBox, content: np.ndarray) -> tuple[IndexBox, np.ndarray]:
        """Compare the mask with a proposal; nothing is changed.

        Args:
            box: where the proposal lies.
            content: bool (K, J, I) of the box.

        Returns:
            The tight box of the voxels that differ (empty if none does), and bool (K, J, I) of it, true where
            they do.
        """
        flips = self._mask[box.slices] ^ content
        tight = IndexBox.of_mask(flips)
        if tight is None:
            return EMPTY_BOX, np.zeros((0, 0, 0), dtype=bool)
        return _shifted(tight, box.lower), flips[tight.slices]

    @contextmanager
    def as_drawn(self) -> Iterator[None]:
        """The mask as the model drew it while the context lasts; nothing else may change it then."""
        snap = self.knowledge.snap
        moved = snap.moved
        self.flip(snap.box, moved)
        try:
            yield
        finally:
            self.flip(snap.box, moved)

    def flip(self, box: IndexBox, flips: np.ndarray) -> np.ndarray:
        """Turn voxels over: what was in is out.

        Args:
            box: where.
            flips: bool (K, J, I) of the box, true where the mask changes.

        Returns:
            A read-only copy of the new content of the box.
        """
        region = self._mask[box.slices]
        content: np.ndarray = region ^ flips
        # Nothing can fail any more once the mask is touched.
        region[...] = content
        content.flags.writeable = False
        return content


def _shifted(box: IndexBox, by: tuple[int, int, int]) -> IndexBox:
    lower = (box.lower[0] + by[0], box.lower[1] + by[1], box.lower[2] + by[2])
    upper = (box.upper[0] + by[0], box.upper[1] + by[1], box.upper[2] + by[2])
    return IndexBox(lower, upper)
