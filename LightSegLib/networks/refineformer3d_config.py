"""Settings of the RefineFormer3D network, checked before any weight is made.

Needs neither torch nor numpy. Every triple is in array order of the three spatial axes.

Source: Tyagi, Rathi and Goyal, "RefineFormer3D" (arXiv 2602.16320, 2026). Widths, ranks and decoder widths
are one of several choices that give the published number of parameters, hence arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

Triple = tuple[int, int, int]
STAGES = 4
FUSIONS = ("concat", "attention")
HEADS = ("full", "light")


@dataclass(frozen=True)
class RefineFormer3DConfig:
    """All that is needed to build a `RefineFormer3D`. Defaults are the BraTS network.

    Attributes:
        in_ch: input channels.
        n_classes: output channels.
        channels: even width of each encoder stage.
        depths: attention blocks of each stage; every second one is shifted by half a window.
        heads: attention heads of each stage.
        windows: attention window of each stage in cells.
        mlp_ratio: widening of the feed-forward layer.
        rank_divisor: the ranks of its two maps are the widened and the plain width divided by this.
        smallest_rank: lower bound of both ranks.
        decoder: even widths of the four decoder steps, deepest first.
        fusion: how a skip joins: "concat" (concatenation, ghost convolution, squeeze and excitation) or
            "attention" (cross-attention from the deep features to the skip before that).
        drop_path: chance, rising linearly over the blocks up to this, that a branch is left out in training.
        first_stride: voxels per cell of the first stage; 2 as published, more makes a faster network.
        head: "full" answers with a convolution at input resolution as published, "light" with one per cell.

    Raises:
        ValueError: a setting is out of range; the message says which.
    """

    in_ch: int = 4
    n_classes: int = 3
    channels: tuple[int, ...] = (32, 64, 128, 256)
    depths: tuple[int, ...] = (2, 2, 2, 2)
    heads: tuple[int, ...] = (1, 2, 4, 8)
    windows: tuple[Triple, ...] = ((4, 4, 4), (2, 4, 4), (2, 2, 2), (1, 2, 2))
    mlp_ratio: int = 4
    rank_divisor: int = 4
    smallest_rank: int = 32
    decoder: tuple[int, ...] = (128, 64, 64, 32)
    fusion: str = "concat"
    drop_path: float = 0.1
    first_stride: int = 2
    head: str = "full"

    def __post_init__(self) -> None:
        for name, value in vars(self).copy().items():
            if isinstance(value, list | tuple):
                object.__setattr__(self, name, tuple(tuple(v) if isinstance(v, list) else v for v in value))
        for name in ("channels", "depths", "heads", "windows", "decoder"):
            if len(getattr(self, name)) != STAGES:
                count = len(getattr(self, name))
                msg = f"{name} has {count} entries, one for each of {STAGES} stages is needed"
                raise ValueError(msg)
        for name, choices in (("fusion", FUSIONS), ("head", HEADS)):
            if getattr(self, name) not in choices:
                msg = f"{name} {getattr(self, name)!r} is unknown; choose among {', '.join(choices)}"
                raise ValueError(msg)
        for width in (*self.channels, *self.decoder):
            if width < 4 or width % 4:
                msg = (
                    f"width {width} is not a positive multiple of 4, which ghost convolutions and gates need"
                )
                raise ValueError(msg)
        for width, heads in zip(self.channels, self.heads, strict=True):
            if width % heads:
                msg = f"{width} channels do not divide into {heads} heads"
                raise ValueError(msg)

    def stage_grids(self, size: Sequence[int]) -> tuple[Triple, ...]:
        """Grid in cells of each stage for an input of `size` voxels.

        Raises:
            ValueError: a stage's grid is no multiple of its window; the message names cubes that work.
        """
        if self._fits(size):
            steps = [self.first_stride * 2**stage for stage in range(STAGES)]
            return tuple((size[0] // step, size[1] // step, size[2] // step) for step in steps)
        works = [edge for edge in range(8, 257, 8) if self._fits((edge,) * 3)]
        names = ", ".join(f"{edge}^3" for edge in works) or "none up to 256"
        msg = f"input size {tuple(size)} is not tiled by the windows; cubes that work: {names}"
        raise ValueError(msg)

    def _fits(self, size: Sequence[int]) -> bool:
        for stage, window in enumerate(self.windows):
            step = self.first_stride * 2**stage
            if any(n < step * w or n % (step * w) for n, w in zip(size, window, strict=True)):
                return False
        return True

    def to_dict(self) -> dict[str, Any]:
        """Settings as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> RefineFormer3DConfig:
        """Read settings back.

        Raises:
            ValueError: a name is unknown or a value out of range.
        """
        unknown = sorted(set(settings) - {item.name for item in fields(cls)})
        if unknown:
            msg = f"unknown settings of RefineFormer3D: {', '.join(unknown)}"
            raise ValueError(msg)
        return cls(**settings)


PUBLISHED: dict[str, dict[str, Any]] = {"brats": {}, "acdc": {"in_ch": 1, "n_classes": 4}}
"""Settings of the published networks, where they differ from the defaults."""
