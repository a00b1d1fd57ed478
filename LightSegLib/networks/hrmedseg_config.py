"""Settings of the HRMedSeg network: sizes and widths, checked before any weight is made.

Needs neither torch nor numpy.

Source: Xu et al., "HRMedSeg" (arXiv 2504.06205, 2025; in its second version "HER-Seg").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

STAGES = 4
MASK_TOKENS = ("iou", "mask")
_NO_COUNTS = ("drop_path", "mask_token", "stored_rotations")


@dataclass(frozen=True)
class HRMedSegConfig:
    """All that is needed to build an `HRMedSeg`. Defaults are the published network.

    Attributes:
        in_ch: input channels.
        image_size: edge in pixels of the square images it is built for; others work as well.
        patch_size: edge in pixels of one token.
        dim: width C of the encoder; the paper's family has 24, 48, 96 and 192.
        depths: blocks of each of the four stages, the first of which convolves.
        heads: attention heads of the three stages that attend.
        mlp_ratio: widening of the feed-forward layers.
        expansion: widening of the convolution blocks.
        drop_path: chance to skip a residual branch in the last block; it grows linearly from 0.
        embedding_ch: channels of the image embedding, and the decoder's width.
        mask_tokens: mask tokens of the decoder, each with its small network; the first makes the answer.
        decoder_depth: two-way layers of the decoder.
        decoder_mlp: inner width of their feed-forward layers.
        decoder_heads: their attention heads.
        mask_token: which token's output makes the mask: "iou" as the released network does, or "mask", the
            first mask token, as SAM does.
        pooled_keys: odd edges, in cells, of the average pools by which the tokens look at the image on
            several scales, such as (5, 9, 13). The released network has none.
        stored_rotations: whether a state holds each attention's table of rotations, as the released one does.
            It is never read: without it a file of the published network is half as large.

    Raises:
        ValueError: a setting is out of range; the message says which, and what fits.
    """

    in_ch: int = 3
    image_size: int = 1024
    patch_size: int = 16
    dim: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (6, 12, 24)
    mlp_ratio: int = 2
    expansion: int = 2
    drop_path: float = 0.1
    embedding_ch: int = 256
    mask_tokens: int = 3
    decoder_depth: int = 2
    decoder_mlp: int = 256
    decoder_heads: int = 8
    mask_token: str = "iou"
    pooled_keys: tuple[int, ...] = ()
    stored_rotations: bool = True

    def __post_init__(self) -> None:
        for name in ("depths", "heads", "pooled_keys"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        self._require_positive()
        self._require_widths()
        self.grid(self.image_size, self.image_size)
        if not 0.0 <= self.drop_path < 1.0:
            msg = f"drop_path {self.drop_path} must be at least 0 and below 1"
            raise ValueError(msg)
        if self.mask_token not in MASK_TOKENS:
            msg = f"mask_token {self.mask_token!r} is unknown; choose among {', '.join(MASK_TOKENS)}"
            raise ValueError(msg)
        if any(edge % 2 == 0 for edge in self.pooled_keys):
            msg = f"pooled_keys {self.pooled_keys} must be odd, so that each pool has a middle cell"
            raise ValueError(msg)

    def _require_positive(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            numbers = value if isinstance(value, tuple) else (value,)
            if item.name not in _NO_COUNTS and min(numbers, default=1) < 1:
                msg = f"{item.name} {value} must be 1 or more"
                raise ValueError(msg)
        for name, length in (("depths", STAGES), ("heads", STAGES - 1)):
            if len(getattr(self, name)) != length:
                msg = f"{name} has {len(getattr(self, name))} entries, {length} are needed"
                raise ValueError(msg)

    def _require_widths(self) -> None:
        if self.dim % 4:
            msg = f"dim {self.dim} must be a multiple of 4: rows and columns turn pairs of channels"
            raise ValueError(msg)
        for count in self.heads:
            if self.dim % count:
                fits = [n for n in range(1, self.dim + 1) if self.dim % n == 0]
                msg = f"dim {self.dim} does not divide into {count} heads; {', '.join(map(str, fits))} do"
                raise ValueError(msg)
        if self.embedding_ch % 8 or self.embedding_ch % (2 * self.decoder_heads):
            msg = f"embedding_ch {self.embedding_ch} must be a multiple of 8 and of twice the"
            raise ValueError(f"{msg} {self.decoder_heads} decoder_heads")

    @property
    def drop_paths(self) -> tuple[float, ...]:
        """Chance of skipping for each block, from the first to the last."""
        last = max(sum(self.depths) - 1, 1)
        return tuple(self.drop_path * index / last for index in range(sum(self.depths)))

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens for an image of `height` by `width` pixels.

        Raises:
            ValueError: an edge is no multiple of the patch; the message names the nearest that are.
        """
        patch = self.patch_size
        for edge in (height, width):
            if edge < patch or edge % patch:
                lower = edge // patch * patch
                fits = f"{lower} or {lower + patch}" if lower else f"{patch}"
                msg = f"image of {height} x {width} pixels: {edge} is no multiple of {patch}; {fits} works"
                raise ValueError(msg)
        return height // patch, width // patch

    def to_dict(self) -> dict[str, Any]:
        """Settings as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> HRMedSegConfig:
        """Read settings back.

        Raises:
            ValueError: a name is unknown or a value out of range.
        """
        known = [item.name for item in fields(cls)]
        unknown = sorted(set(settings) - set(known))
        if unknown:
            msg = f"unknown settings of HRMedSeg: {', '.join(unknown)}; known are {', '.join(known)}"
            raise ValueError(msg)
        return cls(**settings)


PUBLISHED: dict[str, dict[str, Any]] = {"hrmedseg": {}}
"""Settings of the published networks, where they differ from the defaults."""
