"""Embeddings of slices, kept while their image stands, so that a further click costs the decoder only."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

from LightSegLib.intensities import PreparedImage
from LightSegLib.slicewise.window import Window

DEFAULT_BYTES = 512 * 2**20


class EmbeddingCache:
    """Embeddings by window, of one image at a time, within a limit of memory.

    Where room is needed, what lies farthest from the newest prompt goes first. The order of use would be a
    bad guide: slices are always visited from the prompt outwards, so the least recent is the next one needed.

    Args:
        limit: bytes to keep at most.
    """

    def __init__(self, limit: int = DEFAULT_BYTES) -> None:
        self.limit = limit
        self.bytes = 0
        self._kept: dict[Window, tuple[Any, int]] = {}
        self._image: weakref.ref[PreparedImage] | None = None
        self._focus = (0, 0)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def windows(self) -> tuple[Window, ...]:
        """What is kept embeddings of."""
        return tuple(self._kept)

    def turn_to(self, image: PreparedImage, axis: int, index: int) -> None:
        """Say where the next prompt is; embeddings of another image are dropped."""
        if self._image is None or self._image() is not image:
            self.clear()
            self._image = weakref.ref(image, lambda _: self.clear())
        self._focus = (axis, index)

    def get(self, window: Window, make: Callable[[], Any]) -> Any:
        """The embedding of a window, made and, where there is room, kept if it is not there."""
        if window in self._kept:
            return self._kept[window][0]
        embedding = make()
        size = size_of(embedding)
        self._kept[window] = (embedding, size)
        self.bytes += size
        while self.bytes > self.limit and self._kept:
            farthest = max(self._kept, key=self._distance)
            self.bytes -= self._kept.pop(farthest)[1]
        return embedding

    def clear(self) -> None:
        """Forget all embeddings."""
        self._kept.clear()
        self.bytes = 0

    def _distance(self, window: Window) -> tuple[bool, int]:
        axis, index = self._focus
        return (window.axis != axis, abs(window.index - index))


def size_of(embedding: Any) -> int:
    """Bytes of an array or tensor, or of all of them in a list, tuple or dictionary."""
    if isinstance(embedding, dict):
        return sum(map(size_of, embedding.values()))
    if isinstance(embedding, list | tuple):
        return sum(map(size_of, embedding))
    return int(getattr(embedding, "nbytes", 0)) or sys.getsizeof(embedding)
