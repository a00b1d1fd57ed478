"""Settings of the SegMaFormer network: sizes, mixers and widths, checked before any weight is made.

Needs neither torch nor numpy. Every triple is in array order of the three spatial axes.

Source: Nguyen and Tran-Truong, "SegMaFormer" (arXiv 2603.22002, 2026). Which stage mixes how, and whether the
sequence is shortened before the scan, is not settled by what was published, hence arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

Triple = tuple[int, int, int]
STAGES = 4
MIXERS = ("mamba", "hybrid", "attention")


@dataclass(frozen=True)
class SegMaFormerConfig:
    """All that is needed to build a `SegMaFormer`. Defaults are the BraTS network.

    Attributes:
        in_ch: input channels.
        n_classes: output channels.
        channels: width of each stage; multiples of 6 let the rotary positions turn every channel.
        blocks: blocks of each stage.
        mixers: "mamba", "hybrid" (a scan beside a local convolution) or "attention", for each stage.
        kernels: kernel of each stage's patch embedding.
        strides: its stride.
        states: states per channel of each stage's scan.
        scan_kernels: causal convolution before the scan, in tokens.
        expansions: widening inside the scan.
        reductions: for attention, keys and values come from a grid this many times coarser; for the scan, the
            sequence itself does.
        heads: attention heads of each stage.
        mlp_ratios: widening of the feed-forward layer.
        decoder_width: channels that every stage is projected to.
        layer_scale: initial weight of each residual branch of scan blocks.
        bidirectional: True also scans from the last token to the first, with the same weights, so that a
            click reaches the tokens before it. The paper's scan is False.
        rotary: whether tokens carry rotary positions.

    Raises:
        ValueError: a setting is out of range; the message says which.
    """

    in_ch: int = 4
    n_classes: int = 3
    channels: tuple[int, ...] = (36, 66, 96, 192)
    blocks: tuple[int, ...] = (2, 2, 1, 1)
    mixers: tuple[str, ...] = ("mamba", "hybrid", "hybrid", "attention")
    kernels: tuple[Triple, ...] = ((7, 7, 7), (3, 3, 3), (3, 3, 3), (3, 3, 3))
    strides: tuple[Triple, ...] = ((4, 4, 4), (2, 2, 2), (2, 2, 2), (2, 2, 2))
    states: tuple[int, ...] = (8, 4, 4, 4)
    scan_kernels: tuple[int, ...] = (3, 3, 3, 3)
    expansions: tuple[int, ...] = (2, 2, 1, 1)
    reductions: tuple[int, ...] = (1, 1, 1, 1)
    heads: tuple[int, ...] = (1, 2, 4, 6)
    mlp_ratios: tuple[int, ...] = (4, 4, 3, 3)
    decoder_width: int = 256
    layer_scale: float = 1e-4
    bidirectional: bool = False
    rotary: bool = True

    def __post_init__(self) -> None:
        for name, value in vars(self).copy().items():
            if isinstance(value, list | tuple):
                object.__setattr__(self, name, tuple(tuple(v) if isinstance(v, list) else v for v in value))
        for name in ("channels", "blocks", "mixers", "kernels", "strides", "states", "scan_kernels"):
            self._require_stages(name)
        for name in ("expansions", "reductions", "heads", "mlp_ratios"):
            self._require_stages(name)
        unknown = [mixer for mixer in self.mixers if mixer not in MIXERS]
        if unknown:
            msg = f"mixer {unknown[0]!r} is unknown; choose among {', '.join(MIXERS)}"
            raise ValueError(msg)
        for stage in range(STAGES):
            if self.mixers[stage] == "attention" and self.channels[stage] % self.heads[stage]:
                width, heads = self.channels[stage], self.heads[stage]
                msg = f"{width} channels of stage {stage + 1} do not divide into {heads} heads"
                raise ValueError(msg)

    def _require_stages(self, name: str) -> None:
        values = getattr(self, name)
        if len(values) != STAGES:
            msg = f"{name} has {len(values)} entries, one for each of {STAGES} stages is needed"
            raise ValueError(msg)
        numbers = [n for value in values for n in (value if isinstance(value, tuple) else (value,))]
        if any(not isinstance(n, str) and n < 1 for n in numbers):
            msg = f"{name} {values} holds a number below 1"
            raise ValueError(msg)

    @property
    def stride(self) -> Triple:
        """Voxels per cell of the first stage's grid, on which features and logits live."""
        return self.strides[0]

    def stage_grids(self, size: Sequence[int]) -> tuple[Triple, ...]:
        """Grid in cells of each stage for an input of `size` voxels.

        Raises:
            ValueError: the deepest grid would be a single cell, which cannot be normalised over space.
        """
        grids: list[Triple] = []
        grid = tuple(size)
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            cells = [(n + 2 * (k // 2) - k) // s + 1 for n, k, s in zip(grid, kernel, stride, strict=True)]
            grid = (cells[0], cells[1], cells[2])
            grids.append(grid)
        if min(grids[-1]) < 1 or grids[-1] == (1, 1, 1):
            smallest = 2 * max(_product(axis, self.strides) for axis in range(3))
            msg = f"input size {tuple(size)} leaves {grids[-1]} cells in the deepest stage, too few to norm;"
            raise ValueError(msg + f" a cube of {smallest} voxels or more works")
        return tuple(grids)

    def to_dict(self) -> dict[str, Any]:
        """Settings as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> SegMaFormerConfig:
        """Read settings back.

        Raises:
            ValueError: a name is unknown or a value out of range.
        """
        known = {item.name for item in fields(cls)}
        unknown = sorted(set(settings) - known)
        if unknown:
            msg = f"unknown settings of SegMaFormer: {', '.join(unknown)}"
            raise ValueError(msg)
        return cls(**settings)


def _product(axis: int, strides: Sequence[Triple]) -> int:
    product = 1
    for stride in strides:
        product *= stride[axis]
    return product


_ACDC: dict[str, Any] = {
    "in_ch": 1,
    "n_classes": 4,
    "kernels": ((1, 7, 7), (1, 3, 3), (3, 3, 3), (3, 3, 3)),
    "strides": ((1, 4, 4), (1, 2, 2), (2, 2, 2), (2, 2, 2)),
}
_SYNAPSE: dict[str, Any] = {
    "in_ch": 1,
    "n_classes": 14,
    "kernels": ((3, 7, 7), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "strides": ((2, 4, 4), (2, 2, 2), (2, 2, 2), (2, 2, 2)),
    "expansions": (1, 1, 1, 1),
}
PUBLISHED: dict[str, dict[str, Any]] = {"brats": {}, "acdc": _ACDC, "synapse": _SYNAPSE}
"""Settings of the published networks, where they differ from the defaults."""
