"""Embeddings of regions, the latest ones, so that a further prompt there costs the decoder only."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from LightSegLib.networks.refsam3d import Embedding

KEPT_REGIONS = 12
"""As many as a prompt may need: a few zooms, the region that was chosen, each straight and mirrored."""
KEPT_BYTES = 64 * 2**20


class RegionEmbeddings:
    """Embeddings by what the regions show. The least recently used goes first.

    The key is the content and not its place: another image, another turn of it or another session that uses
    the same model can never get an embedding that is not its own.

    Args:
        regions: to keep at most.
        limit: bytes to keep at most; the newest embedding is kept however large it is.
    """

    def __init__(self, regions: int = KEPT_REGIONS, limit: int = KEPT_BYTES) -> None:
        self.regions = regions
        self.limit = limit
        self._kept: OrderedDict[Hashable, Embedding] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """Memory of what is kept."""
        return sum(map(_size, self._kept.values()))

    def get(self, key: Hashable) -> Embedding | None:
        """The embedding of a key, which is now the last to go; None if it is not kept."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, embedding: Embedding) -> None:
        """Keep an embedding."""
        self._kept[key] = embedding
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and (len(self._kept) > self.regions or self.bytes > self.limit):
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them."""
        self._kept.clear()


def content_key(region: Tensor) -> bytes:
    """A digest of a region's values."""
    values = region.detach().cpu().float().contiguous()
    return hashlib.blake2b(values.numpy().data, digest_size=16).digest()


def joined(embeddings: Sequence[Embedding]) -> Embedding:
    """Embeddings of single regions as one of all of them."""
    if len(embeddings) == 1:
        return embeddings[0]
    levels = tuple(torch.cat(level) for level in zip(*(each.levels for each in embeddings), strict=True))
    return Embedding(levels, torch.cat([each.image for each in embeddings]))


def _size(embedding: Embedding) -> int:
    return sum(part.numel() * part.element_size() for part in (*embedding.levels, embedding.image))
