"""SegMaFormer: scans where sequences are long, attention where they are short, an all-MLP decoder.

Source: Nguyen and Tran-Truong, "SegMaFormer" (arXiv 2603.22002, 2026); written from the description of its
blocks. What the paper leaves open is an argument of `SegMaFormerConfig`.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.cpu_ops import Conv3d, add_resized, enlarge
from LightSegLib.networks.modulation import Modulate
from LightSegLib.networks.rotary import rotate_3d
from LightSegLib.networks.segmaformer_blocks import (
    AttentionBlock,
    Grid,
    Scan,
    ScanBlock,
    to_grid,
    to_tokens,
)
from LightSegLib.networks.segmaformer_config import PUBLISHED, STAGES, SegMaFormerConfig
from LightSegLib.networks.spatial_norms import norm_and_relu


class Stage(nn.Module):
    """Patch embedding, rotary positions and blocks of one stage.

    Args:
        config: the network's settings.
        index: the stage, 0 to 3.
        in_channels: channels of the feature map it takes.
    """

    def __init__(self, config: SegMaFormerConfig, index: int, in_channels: int) -> None:
        super().__init__()
        width, kernel = config.channels[index], config.kernels[index]
        rim = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.rotary = config.rotary
        self.embed = nn.Conv3d(in_channels, width, kernel, config.strides[index], rim)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(_block(config, index) for _ in range(config.blocks[index]))
        self.last_norm = nn.LayerNorm(width) if index == STAGES - 1 else nn.Identity()
        self.out_norm = nn.GroupNorm(1, width)

    def forward(self, features: Tensor) -> Tensor:
        """The stage's map, which the next stage takes, from a feature map (N, C, D, H, W); `out_norm` of it
        is for the decoder.
        """
        features = self.embed(features)
        grid = cast(Grid, tuple(features.shape[2:]))
        tokens = to_tokens(features)
        tokens = self.norm(rotate_3d(tokens, grid) if self.rotary else tokens)
        for block in self.blocks:
            tokens = block(tokens, grid)
        return to_grid(self.last_norm(tokens), grid)


class Decoder(nn.Module):
    """Every stage projected to one width, brought to the first stage's grid, joined and fused.

    Fusing is a linear map of each cell and commutes with interpolation. So on a CPU each stage's part of it
    is applied on that stage's own grid, and nothing is joined: half of the network's products less.
    """

    def __init__(self, config: SegMaFormerConfig) -> None:
        super().__init__()
        width = config.decoder_width
        self.project = nn.ModuleList(nn.Linear(channels, width) for channels in config.channels)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in config.channels)
        self.fuse = Conv3d(STAGES * width, width, 1, bias=False)
        self.norm = nn.InstanceNorm3d(width, affine=True)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Features (N, F, D, H, W) on the first stage's grid."""
        if features[0].device.type != "cpu":
            return self.as_published(features)
        maps = []
        weights = self.fuse.weight.flatten(1).chunk(STAGES, dim=1)
        for stage, project, norm, weight in zip(features, self.project, self.norms, weights, strict=True):
            part = functional.linear(norm(project(to_tokens(stage))), weight)
            maps.append(to_grid(part, cast(Grid, tuple(stage.shape[2:]))))
        return norm_and_relu(add_resized(maps[0], maps[1:]), self.norm)

    def as_published(self, features: list[Tensor]) -> Tensor:
        """The same in the paper's order."""
        size, maps = features[0].shape[2:], []
        for stage, project, norm in zip(features, self.project, self.norms, strict=True):
            part = to_grid(norm(project(to_tokens(stage))), cast(Grid, tuple(stage.shape[2:])))
            maps.append(functional.interpolate(part, size, mode="trilinear", align_corners=False))
        return functional.relu(self.norm(self.fuse(torch.cat(maps, dim=1))))


class SegMaFormer(nn.Module):
    """The network. Any input size works whose deepest grid has more than one cell.

    Args:
        config: its settings; the BraTS network by default.
    """

    def __init__(self, config: SegMaFormerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SegMaFormerConfig()
        widths = (config.in_ch, *config.channels[:-1])
        self.stages = nn.ModuleList(Stage(config, index, width) for index, width in enumerate(widths))
        self.decoder = Decoder(config)
        self.head = Conv3d(config.decoder_width, config.n_classes, 1)

    def forward(self, x: Tensor, modulate: Modulate | None = None) -> Tensor:
        """Logits (N, n_classes, D, H, W) of an input (N, in_ch, D, H, W).

        Args:
            x: the input.
            modulate: hook applied to the encoder features after each stage.

        Raises:
            ValueError: the input is too small; the message names a size that works.
        """
        return enlarge(self.head(self.forward_features(x, modulate)), x.shape[2:])

    def forward_features(self, x: Tensor, modulate: Modulate | None = None) -> Tensor:
        """Features (N, decoder_width, D, H, W) on the first stage's grid of an input (N, in_ch, D, H, W)."""
        self.config.stage_grids(x.shape[2:])
        maps = []
        for index, stage in enumerate(cast("list[Stage]", self.stages)):
            x = stage(x)
            if modulate is not None:
                x = modulate(index, x)
            maps.append(stage.out_norm(x))
        return cast(Tensor, self.decoder(maps))

    def decode_head(self, features: Tensor) -> Tensor:
        """Logits at input resolution of features, for inputs that the first stride divides."""
        size = [n * s for n, s in zip(features.shape[2:], self.config.stride, strict=True)]
        return enlarge(self.head(features), size)


def published(name: str, **changes: Any) -> SegMaFormer:
    """A published network with random weights.

    Args:
        name: "brats" (4 channels, 3 classes), "acdc" or "synapse".
        changes: settings that shall differ, such as `mixers`.

    Raises:
        ValueError: an unknown name or setting.
    """
    if name not in PUBLISHED:
        msg = f"SegMaFormer has no configuration {name!r}; published are {', '.join(PUBLISHED)}"
        raise ValueError(msg)
    return SegMaFormer(SegMaFormerConfig.from_dict({**PUBLISHED[name], **changes}))


def _block(config: SegMaFormerConfig, index: int) -> ScanBlock | AttentionBlock:
    width, ratio, reduction = config.channels[index], config.mlp_ratios[index], config.reductions[index]
    mixer = config.mixers[index]
    if mixer == "attention":
        return AttentionBlock(width, config.heads[index], ratio, reduction)
    scan = Scan(
        width,
        config.states[index],
        config.scan_kernels[index],
        config.expansions[index],
        config.bidirectional,
    )
    return ScanBlock(width, scan, ratio, reduction, mixer == "hybrid", config.layer_scale)
