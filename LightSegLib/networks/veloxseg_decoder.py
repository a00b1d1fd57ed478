"""Decoders of VeloxSeg: the segmentation decoder, and the texture teachers that exist for training only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from LightSegLib.networks.blocks import PointwiseConv, Up
from LightSegLib.networks.cpu_ops import Conv3d, instance_norm, pixel_shuffle_3d, resize_trilinear
from LightSegLib.networks.veloxseg_config import STAGES, VeloxSegConfig
from LightSegLib.networks.veloxseg_encoder import Encoding, conv_stage


class Decoding(NamedTuple):
    """Decoder features from the finest (first stage grid) to the coarsest, (N, C_i, D_i, H_i, W_i)."""

    up1: Tensor
    up2: Tensor
    up3: Tensor


class UpPath(nn.Module):
    """Three steps from the deepest grid back to the first: enlarge, add the skip, JLC."""

    def __init__(self, config: VeloxSegConfig) -> None:
        super().__init__()
        widths = config.conv_channels
        self.ups = nn.ModuleList(Up(widths[i + 1], widths[i]) for i in range(STAGES - 1))
        self.stages = nn.ModuleList(conv_stage(config, i) for i in range(STAGES - 1))

    def forward(self, skips: Sequence[Tensor]) -> Decoding:
        """Decode the features of the four stages, finest first."""
        up3 = self.stages[2](skips[2] + self.ups[2](skips[3]))
        up2 = self.stages[1](skips[1] + self.ups[1](up3))
        up1 = self.stages[0](skips[0] + self.ups[0](up2))
        return Decoding(up1, up2, up3)


class ShuffleHead(nn.Module):
    """3x3x3 convolution to `factor`^3 values per output channel, spread over the finer grid."""

    def __init__(self, in_channels: int, out_channels: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.conv = Conv3d(in_channels, out_channels * factor**3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Turn (N, in_channels, D, H, W) into (N, out_channels, D * factor, H * factor, W * factor)."""
        return pixel_shuffle_3d(self.conv(x), self.factor)


class SegmentationDecoder(nn.Module):
    """Up path, head at input resolution, and coarse heads for deep supervision."""

    def __init__(self, config: VeloxSegConfig) -> None:
        super().__init__()
        widths = config.conv_channels
        self.path = UpPath(config)
        self.head = ShuffleHead(widths[0], config.n_classes, config.patch_size)
        coarse = widths[1:] if config.deep_supervision else ()
        self.coarse_heads = nn.ModuleList(PointwiseConv(c, config.n_classes) for c in coarse)

    def forward(self, encoding: Encoding) -> Decoding:
        """Decoder features; `head` turns the finest into logits."""
        decoded: Decoding = self.path(encoding.features)
        return decoded

    def coarse_logits(self, encoding: Encoding, decoding: Decoding, size: Sequence[int]) -> list[Tensor]:
        """Logits of up2, up3 and the deepest encoder stage, each resized to `size` voxels."""
        sources = (decoding.up2, decoding.up3, encoding.features[3])
        small = [head(x) for head, x in zip(self.coarse_heads, sources, strict=False)]
        return [resize_trilinear(x, size) for x in small]


class Teacher(nn.Module):
    """Reconstructs the image channels of one modality from its attention stream and the encoder features."""

    def __init__(self, config: VeloxSegConfig, modality: int) -> None:
        super().__init__()
        widths = config.conv_channels
        self.modality = modality
        joined = zip(config.attn_channels, widths, strict=True)
        self.mixers = nn.ModuleList(PointwiseConv(a + c, c) for a, c in joined)
        self.path = UpPath(config)
        self.head = ShuffleHead(widths[0], config.reconstructed[modality], config.patch_size)

    def forward(self, encoding: Encoding) -> tuple[Tensor, Tensor]:
        """Reconstruction (N, channels, D, H, W), and the features (N, base_ch, D / s, ...) it was made of."""
        own = encoding.of_modality(self.modality)
        joined = [torch.cat([t, f], dim=1) for t, f in zip(own, encoding.features, strict=True)]
        skips = [instance_norm(mixer(x)) for mixer, x in zip(self.mixers, joined, strict=True)]
        features = self.path(skips).up1
        return self.head(features), features
