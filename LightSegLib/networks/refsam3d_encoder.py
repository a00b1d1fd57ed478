"""Image encoder of RefSAM3D: SAM's vision transformer made to read volumes.

Sources: RefSAM3D (arXiv 2412.05605, 2024), equation I for the adapter; 3DSAM-adapter (arXiv 2306.13465, 2023)
for the merging of slices, the place and width of the adapter and the neck.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.cpu_ops import Conv3d
from LightSegLib.networks.depthwise import DepthwiseConv3d
from LightSegLib.networks.refsam3d_attention import WindowAttention, resize_line, resize_plane
from LightSegLib.networks.refsam3d_config import RefSAM3DConfig

EPSILON = 1e-6
"""Of the norms, as in SAM."""


class PatchEmbedding(nn.Module):
    """SAM's patch embedding of each slice, merging of slices channel by channel, and positions."""

    def __init__(self, config: RefSAM3DConfig) -> None:
        super().__init__()
        self.enlarge, self.in_ch = config.enlarge, config.in_ch
        self.patch = nn.Conv2d(config.patch_channels, config.width, config.patch, config.patch)
        along = (config.slices, 1, 1)
        self.merge = nn.Conv3d(config.width, config.width, along, stride=along, groups=config.width)
        self.plane = nn.Parameter(torch.empty(*config.plane_table, config.width))
        self.depth = nn.Parameter(torch.zeros(config.depth_table, config.width))
        nn.init.trunc_normal_(self.plane, std=0.02)
        if config.frozen:
            # Channels that mean something already start from the mean of their slices.
            nn.init.constant_(self.merge.weight, 1 / config.slices)
            nn.init.zeros_(_bias(self.merge))

    def forward(self, image: Tensor) -> Tensor:
        """Tokens (N, D', H', W', C) of an image (N, in_ch, D, H, W)."""
        if self.enlarge > 1:
            image = functional.interpolate(
                image, scale_factor=float(self.enlarge), mode="trilinear", align_corners=False
            )
        weight, bias = self.kernel()
        slices, patch = weight.shape[2], weight.shape[3]
        n, channels, depth, height, width = image.shape
        grid = (depth // slices, height // patch, width // patch)
        cells = image.reshape(n, channels, grid[0], slices, grid[1], patch, grid[2], patch)
        cells = cells.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4)
        tokens = functional.linear(cells, weight.flatten(1), bias)
        return tokens + resize_plane(self.plane, grid[1:]) + resize_line(self.depth, grid[0])[:, None, None]

    def kernel(self) -> tuple[Tensor, Tensor]:
        """Patch embedding and merging as one: weight (C, in_ch, slices, patch, patch) and bias (C).

        Their product costs as much to apply as the patch embedding alone and spares the tokens of every
        slice, as well as the copies of a grey image.
        """
        planar = self.patch.weight
        if self.in_ch == 1:
            planar = planar.sum(1, keepdim=True)
        along = self.merge.weight
        bias = along.sum(dim=(1, 2, 3, 4)) * _bias(self.patch) + _bias(self.merge)
        return planar[:, :, None] * along, bias


def _bias(layer: nn.Conv2d | nn.Conv3d) -> Tensor:
    return cast(Tensor, layer.bias)


class Adapter(nn.Module):
    """X + Act(X W_down) W_up, with a depthwise convolution on the grid between the two maps.

    W_up starts as zero, so that the adapted encoder starts as the encoder itself. No activation follows W_up,
    as in the paper's equation I: a ReLU there would be at zero for ever.
    """

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, bottleneck)
        self.conv = DepthwiseConv3d(bottleneck)
        self.up = nn.Linear(bottleneck, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """Compute (N, D, H, W, C)."""
        features = functional.relu(self.down(tokens)).permute(0, 4, 1, 2, 3)
        features = functional.relu(self.conv(features)).permute(0, 2, 3, 4, 1)
        return tokens + self.up(features)


class MLP(nn.Module):
    """Widening, GELU, narrowing."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.widen = nn.Linear(width, inner)
        self.narrow = nn.Linear(inner, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Compute (N, D, H, W, C)."""
        return self.narrow(functional.gelu(self.widen(tokens)))


class Block(nn.Module):
    """x = Adapter(x); x = x + Attention(LN(x)); x = x + MLP(LN(x))."""

    def __init__(self, config: RefSAM3DConfig, index: int) -> None:
        super().__init__()
        width = config.width
        self.adapter = Adapter(width, config.adapter) if config.adapter else None
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.attention = WindowAttention(config, index)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = MLP(width, config.mlp_ratio * width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Compute (N, D, H, W, C)."""
        if self.adapter is not None:
            tokens = self.adapter(tokens)
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (N, C, D, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPSILON)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name torch gave it
        """Normalise (N, C, D, H, W)."""
        return super().forward(input.movedim(1, -1)).movedim(-1, 1)


class Neck(nn.Sequential):
    """From token width to the width of the image embedding, by convolutions over 1 and 27 cells."""

    def __init__(self, width: int, neck: int) -> None:
        super().__init__(
            nn.Conv3d(width, neck, 1, bias=False),
            ChannelNorm(neck),
            Conv3d(neck, neck, 3, padding=1, bias=False),
            ChannelNorm(neck),
        )


class Encoder(nn.Module):
    """From an image to its embedding at several depths of the transformer, all on one grid."""

    def __init__(self, config: RefSAM3DConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = PatchEmbedding(config)
        self.blocks = nn.ModuleList(Block(config, index) for index in range(config.depth))
        self.necks = nn.ModuleList(Neck(config.width, config.neck) for _ in config.levels)
        if config.frozen:
            self._freeze()

    def forward(self, image: Tensor) -> list[Tensor]:
        """Levels, each (N, neck, D', H', W'), of an image (N, in_ch, D, H, W), the deepest last."""
        tokens = self.embed(image)
        levels: list[Tensor] = []
        for count, block in enumerate(self.blocks, start=1):
            tokens = block(tokens)
            if count in self.config.levels:
                levels.append(self.necks[len(levels)](tokens.permute(0, 4, 1, 2, 3)))
        return levels

    def _freeze(self) -> None:
        """Keep what SAM has learnt; norms, adapters and what is new along depth stay trainable."""
        self.embed.patch.requires_grad_(False)
        self.embed.plane.requires_grad_(False)
        for module in self.modules():
            if isinstance(module, Block):
                module.attention.requires_grad_(False)
                module.attention.relative_depth.requires_grad_(True)
                module.mlp.requires_grad_(False)
