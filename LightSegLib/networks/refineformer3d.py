"""RefineFormer3D: ghost convolutions, shifted-window attention and low-rank feed-forward layers in a U shape.

Source: Tyagi, Rathi and Goyal, "RefineFormer3D" (arXiv 2602.16320, 2026); written from the description of its
blocks. What the paper leaves open is an argument of `RefineFormer3DConfig`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from LightSegLib.networks.cpu_ops import (
    Conv3d,
    enlarge,
    enlarged_convolution,
    gelu,
    resize_linear,
)
from LightSegLib.networks.depthwise import DepthwiseConv3d
from LightSegLib.networks.ghost import GhostConv3d, GhostNorm
from LightSegLib.networks.modulation import Modulate
from LightSegLib.networks.refineformer3d_config import PUBLISHED, STAGES, RefineFormer3DConfig
from LightSegLib.networks.refineformer3d_decoder import Decoder
from LightSegLib.networks.shifted_windows import ShiftedWindowAttention, Triple

SLAB = 2**21
"""Widened numbers that inference on a CPU holds at once; fresh memory for more costs as much as the sums."""


class Supervised(NamedTuple):
    """Logits at three depths, for training.

    Attributes:
        main: at input resolution.
        finer: on the first stage's grid.
        coarser: on the second stage's grid.
    """

    main: Tensor
    finer: Tensor
    coarser: Tensor


class LowRank(nn.Sequential):
    """A linear map of limited rank: down to `rank` numbers without bias, up again with one."""

    def __init__(self, in_features: int, out_features: int, rank: int) -> None:
        super().__init__(nn.Linear(in_features, rank, bias=False), nn.Linear(rank, out_features))


class MixFFN(nn.Module):
    """Low-rank widening, depthwise convolution on the grid, GELU, low-rank narrowing."""

    def __init__(self, channels: int, config: RefineFormer3DConfig) -> None:
        super().__init__()
        inner = config.mlp_ratio * channels
        wide, narrow = (
            max(width // config.rank_divisor, config.smallest_rank) for width in (inner, channels)
        )
        self.widen = LowRank(channels, inner, wide)
        self.conv = DepthwiseConv3d(inner)
        self.narrow = LowRank(inner, channels, narrow)

    def forward(self, tokens: Tensor, grid: Triple) -> Tensor:
        """Compute (N, L, C) of a grid."""
        plane = grid[1] * grid[2] * self.conv.in_channels * len(tokens)
        depth = max(1, SLAB // plane)
        if torch.is_grad_enabled() or tokens.device.type != "cpu" or depth >= grid[0]:
            return self._mix(tokens.unflatten(1, grid)).flatten(1, 3)
        x = tokens.unflatten(1, grid)
        parts = []
        for start in range(0, grid[0], depth):  # each slab with the slices that its convolution sees
            before, stop = min(start, 1), min(start + depth, grid[0])
            mixed = self._mix(x[:, start - before : stop + 1])
            parts.append(mixed[:, before : before + stop - start])
        return torch.cat(parts, dim=1).flatten(1, 3)

    def _mix(self, x: Tensor) -> Tensor:
        """Compute (N, D, H, W, C), as if nothing lay beyond."""
        features = gelu(self.conv(self.widen(x).movedim(-1, 1)))
        return cast(Tensor, self.narrow(features.movedim(1, -1)))


class Block(nn.Module):
    """x = x + drop(attention(LN(x))); x = x + drop(feed-forward(LN(x)))."""

    def __init__(self, config: RefineFormer3DConfig, stage: int, shifted: bool, drop_path: float) -> None:
        super().__init__()
        width = config.channels[stage]
        self.norm1 = nn.LayerNorm(width)
        self.attention = ShiftedWindowAttention(width, config.heads[stage], config.windows[stage], shifted)
        self.norm2 = nn.LayerNorm(width)
        self.ffn = MixFFN(width, config)
        self.drop_path = drop_path

    def forward(self, tokens: Tensor, grid: Triple) -> Tensor:
        """Compute (N, L, C) of a grid."""
        tokens = tokens + self._drop(self.attention(self.norm1(tokens), grid))
        return tokens + self._drop(self.ffn(self.norm2(tokens), grid))

    def _drop(self, branch: Tensor) -> Tensor:
        """Leave the branch out for some samples in training, and scale it up for the others."""
        if not self.training or self.drop_path == 0.0:
            return branch
        kept = torch.rand(len(branch), 1, 1, device=branch.device) >= self.drop_path
        return branch * kept.to(branch.dtype) / (1 - self.drop_path)


class Stage(nn.Module):
    """Patch embedding by a strided ghost and a depthwise convolution, blocks, norm."""

    def __init__(self, config: RefineFormer3DConfig, stage: int, drops: list[float]) -> None:
        super().__init__()
        width = config.channels[stage]
        in_channels, stride = (
            (config.channels[stage - 1], 2) if stage else (config.in_ch, config.first_stride)
        )
        self.embed = GhostConv3d(in_channels, width, 2 * stride - 1, stride)
        self.place = DepthwiseConv3d(width)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            Block(config, stage, bool(index % 2), drop) for index, drop in enumerate(drops)
        )
        self.last_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """The stage's map (N, C, D, H, W) from the one before."""
        x = self.place(self.embed(x))
        grid = cast(Triple, tuple(x.shape[2:]))
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        for block in self.blocks:
            tokens = block(tokens, grid)
        return cast(Tensor, self.last_norm(tokens)).transpose(1, 2).unflatten(2, grid)


class RefineFormer3D(nn.Module):
    """The network.

    Args:
        config: its settings; the BraTS network by default.
    """

    def __init__(self, config: RefineFormer3DConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RefineFormer3DConfig()
        count = sum(config.depths)
        rates = [config.drop_path * index / max(count - 1, 1) for index in range(count)]
        starts = [sum(config.depths[:stage]) for stage in range(STAGES)]
        self.stages = nn.ModuleList(
            Stage(config, stage, rates[start : start + depth])
            for stage, (start, depth) in enumerate(zip(starts, config.depths, strict=True))
        )
        self.decoder = Decoder(config)
        _, d1, d2, d3 = config.decoder
        self.coarser_head = Conv3d(d1, config.n_classes, 1)
        self.finer_head = Conv3d(d2, config.n_classes, 1)
        full = config.head == "full"
        self.up = GhostNorm(d2, d3, 3) if full else None
        self.head = Conv3d(d3, config.n_classes, 1) if full else None

    def forward(self, x: Tensor, modulate: Modulate | None = None) -> Tensor | Supervised:
        """Logits (N, n_classes, D, H, W) of an input (N, in_ch, D, H, W); in training at three depths.

        Args:
            x: the input.
            modulate: hook applied to the encoder features after each stage.

        Raises:
            ValueError: the windows do not tile the input; the message names sizes that work.
        """
        maps = self._maps(x, modulate)
        main = self.decode_head(maps[-1])
        if not self.training:
            return main
        return Supervised(main, self.finer_head(maps[-1]), self.coarser_head(maps[-2]))

    def forward_features(self, x: Tensor, modulate: Modulate | None = None) -> Tensor:
        """Features (N, decoder[2], D, H, W) on the first stage's grid of an input (N, in_ch, D, H, W)."""
        return self._maps(x, modulate)[-1]

    def decode_head(self, features: Tensor) -> Tensor:
        """Logits (N, n_classes, D, H, W) at input resolution of features."""
        size = [n * self.config.first_stride for n in features.shape[2:]]
        if self.up is None or self.head is None:
            return enlarge(self.finer_head(features), size)
        if torch.is_grad_enabled() or features.device.type != "cpu":
            return cast(Tensor, self.head(self.up(resize_linear(features, size))))
        # The enlarged features would be the largest tensor of all; memory that is new costs more than sums.
        primary = enlarged_convolution(features, size, self.up.conv.primary)
        return cast(Tensor, self.head(self.up.complete(primary)))

    def _maps(self, x: Tensor, modulate: Modulate | None) -> list[Tensor]:
        self.config.stage_grids(x.shape[2:])
        features = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if modulate is not None:
                x = modulate(index, x)
            features.append(x)
        return cast("list[Tensor]", self.decoder(features))


def published(name: str, **changes: Any) -> RefineFormer3D:
    """A published network with random weights.

    Args:
        name: "brats" (4 channels, 3 classes) or "acdc" (1 channel, 4 classes).
        changes: settings that shall differ, such as `fusion`.

    Raises:
        ValueError: an unknown name or setting.
    """
    if name not in PUBLISHED:
        msg = f"RefineFormer3D has no configuration {name!r}; published are {', '.join(PUBLISHED)}"
        raise ValueError(msg)
    return RefineFormer3D(RefineFormer3DConfig.from_dict({**PUBLISHED[name], **changes}))
