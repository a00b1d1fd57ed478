"""Settings of the RefSAM3D network, checked before any weight is made.

Needs neither torch nor numpy. Every triple is in array order of the three spatial axes: depth (slices),
height, width.

Source: Gao and Lu, "RefSAM3D" (arXiv 2412.05605, 2024), and where it is silent the encoder that it extends,
3DSAM-adapter (arXiv 2306.13465, 2023), on SAM's ViT-B (arXiv 2304.02643, 2023).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class RefSAM3DConfig:
    """All that is needed to build a `RefSAM3D`. Defaults are the network on SAM's ViT-B.

    Attributes:
        in_ch: input channels; 1 (grey, repeated for the patch embedding) or `patch_channels`.
        n_classes: output channels.
        patch_channels: channels of the patch embedding; SAM's has 3.
        enlarge: the input is enlarged this many times along each axis before it is cut into patches.
        patch: edge of a patch within a slice, in enlarged voxels.
        slices: enlarged slices that are merged into one layer of tokens.
        width: channels of a token.
        depth: encoder blocks; those with an even index, counted from 0, have shifted windows.
        heads: attention heads of a block.
        mlp_ratio: widening of the feed-forward layer.
        window: attention window in tokens.
        plane_table: rows and columns of the table of positions within a slice, fitted to the grid when used.
        depth_table: entries of the table of positions along depth, fitted likewise.
        relative_tables: entries of each block's tables of relative positions, fitted to the window when used;
            none for tables that fit the window as they are.
        adapter: bottleneck of the adapter in each block; 0 leaves the adapters out.
        levels: blocks, counted from 1, whose results are the image embedding; the last is `depth`.
        neck: even width of the image embedding and of the prompt tokens.
        text_width: width of the word embeddings.
        prompt_heads: heads of the attention from image to prompt tokens.
        decoder: width of each decoder step; each doubles the resolution.
        dense: channels of the dense prompt; the first one is the previous answer.
        sampled: whether the token of a click also tells what the levels show at its place.
        frozen: whether the encoder's attention, feed-forward layers, patch embedding and planar positions
            keep their weights in training; its adapters, norms and everything along depth learn in any case.

    Raises:
        ValueError: a setting is out of range; the message says which.
    """

    in_ch: int = 1
    n_classes: int = 2
    patch_channels: int = 3
    enlarge: int = 4
    patch: int = 16
    slices: int = 16
    width: int = 768
    depth: int = 12
    heads: int = 12
    mlp_ratio: int = 4
    window: Triple = (8, 8, 8)
    plane_table: tuple[int, int] = (64, 64)
    depth_table: int = 32
    relative_tables: tuple[int, ...] = 4 * (27, 27, 127)
    adapter: int = 384
    levels: tuple[int, ...] = (3, 6, 9, 12)
    neck: int = 256
    text_width: int = 512
    prompt_heads: int = 8
    decoder: tuple[int, ...] = (128, 64)
    dense: int = 1
    sampled: bool = False
    frozen: bool = True

    def __post_init__(self) -> None:
        for name, value in vars(self).copy().items():
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))
        problem = self._problem()
        if problem:
            raise ValueError(problem)

    def _problem(self) -> str:
        """What makes these settings no network; empty if nothing does."""
        for item in fields(self):
            value = getattr(self, item.name)
            smallest = 0 if item.name in ("adapter", "sampled", "frozen") else 1
            if any(number < smallest for number in (value if isinstance(value, tuple) else (value,))):
                return f"{item.name} {value!r} is too small; the smallest is {smallest}"
        rules = (
            (self.in_ch in (1, self.patch_channels), f"in_ch {self.in_ch} is neither 1 nor patch_channels"),
            (self.width % self.heads == 0, f"width {self.width} does not divide into {self.heads} heads"),
            (
                self.neck % self.prompt_heads == 0,
                f"neck {self.neck} does not divide into {self.prompt_heads} heads",
            ),
            (self.neck % 2 == 0, f"neck {self.neck} is odd; positions are pairs of sine and cosine"),
            (
                self.patch % self.enlarge == 0 and self.slices % self.enlarge == 0,
                f"enlarge {self.enlarge} divides not both patch {self.patch} and slices {self.slices}",
            ),
            (len(self.window) == 3, f"window {self.window} has not three axes"),
            (len(self.plane_table) == 2, f"plane_table {self.plane_table} has not two axes"),
            (
                len(self.relative_tables) in (0, self.depth),
                f"relative_tables has {len(self.relative_tables)} entries, not one for each block or none",
            ),
            (
                len(self.levels) > 0 and self.levels == tuple(sorted(set(self.levels))),
                f"levels {self.levels} do not rise",
            ),
            (self.levels[-1:] == (self.depth,), f"levels {self.levels} do not end with depth {self.depth}"),
            (len(self.decoder) > 0, "decoder has no step"),
        )
        return next((message for holds, message in rules if not holds), "")

    @property
    def cell(self) -> Triple:
        """Voxels of the input per token along each axis."""
        return (self.slices // self.enlarge, self.patch // self.enlarge, self.patch // self.enlarge)

    def grid(self, size: Sequence[int]) -> Triple:
        """Tokens along each axis for an input of `size` voxels.

        Raises:
            ValueError: the windows do not tile the tokens; the message names sizes that work.
        """
        units = [cell * window for cell, window in zip(self.cell, self.window, strict=True)]
        if len(size) != 3 or any(n < unit or n % unit for n, unit in zip(size, units, strict=True)):
            cube = math.lcm(*units)
            cubes = ", ".join(f"{cube * times}^3" for times in range(1, 5))
            msg = (
                f"input size {tuple(size)} is not tiled by the windows; each axis must be a multiple of "
                f"{tuple(units)}, such as {cubes}"
            )
            raise ValueError(msg)
        depth, height, width = (n // cell for n, cell in zip(size, self.cell, strict=True))
        return depth, height, width

    def relative_lengths(self, block: int) -> Triple:
        """Entries of a block's tables of relative positions, along each axis."""
        if self.relative_tables:
            return (self.relative_tables[block],) * 3
        depth, height, width = (2 * n - 1 for n in self.window)
        return depth, height, width

    def to_dict(self) -> dict[str, Any]:
        """Settings as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> RefSAM3DConfig:
        """Read settings back.

        Raises:
            ValueError: a name is unknown or a value out of range.
        """
        unknown = sorted(set(settings) - {item.name for item in fields(cls)})
        if unknown:
            msg = f"unknown settings of RefSAM3D: {', '.join(unknown)}"
            raise ValueError(msg)
        return cls(**settings)


CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "base": {},
    "small": {
        "n_classes": 1,
        "patch_channels": 1,
        "enlarge": 1,
        "patch": 8,
        "slices": 8,
        "width": 160,
        "depth": 8,
        "heads": 5,
        "window": (4, 4, 4),
        "plane_table": (12, 12),
        "depth_table": 12,
        "relative_tables": (),
        "adapter": 80,
        "levels": (2, 4, 6, 8),
        "neck": 96,
        "decoder": (48, 24, 8),
        "frozen": False,
    },
}
"""Settings where they differ from the defaults: SAM's ViT-B, and a network to be trained from nothing."""
