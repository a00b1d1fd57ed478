"""Encoder of VeloxSeg: an attention stream per modality that feeds one convolution stream at every stage."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.blocks import JLC, Down, PointwiseConv
from LightSegLib.networks.cpu_ops import Conv3d, drop, instance_norm
from LightSegLib.networks.modulation import Modulate
from LightSegLib.networks.paired_window_attention import ModalityLinear, ModalityNorm, PairedWindowAttention
from LightSegLib.networks.veloxseg_config import STAGES, VeloxSegConfig


class Encoding(NamedTuple):
    """What the encoder hands to the decoders, finest stage first."""

    features: list[Tensor]
    """Convolution stream, (N, C_i, D_i, H_i, W_i) at stage i."""
    tokens: list[Tensor]
    """Attention streams, (M, N, D_i, H_i, W_i, C_i) at stage i."""

    def of_modality(self, modality: int) -> list[Tensor]:
        """Attention stream of one modality as (N, C_i, D_i, H_i, W_i) at each stage."""
        return [t[modality].movedim(-1, 1) for t in self.tokens]


class FeedForward(nn.Module):
    """Two linear layers per modality with GELU between, on normalised (M, ..., channels)."""

    def __init__(self, modalities: int, channels: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.norm = ModalityNorm(modalities, channels)
        self.widen = ModalityLinear(modalities, channels, expansion * channels)
        self.narrow = ModalityLinear(modalities, expansion * channels, channels)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Compute the branch; the input is not added."""
        hidden = drop(functional.gelu(self.widen(self.norm(x))), self.dropout, self.training)
        return drop(self.narrow(hidden), self.dropout, self.training)


class AttentionBlock(nn.Module):
    """Paired window attention, then feed-forward, each with its residual.

    With `doubled_residual` the input of the attention is added twice: x' = 2x + attention(x).
    """

    def __init__(self, config: VeloxSegConfig, stage: int) -> None:
        super().__init__()
        channels = config.attn_channels[stage]
        self.identity = 2.0 if config.doubled_residual else 1.0
        self.drop_path = config.drop_path
        self.attention = PairedWindowAttention(
            config.modalities,
            channels,
            config.window_pairs()[stage],
            config.num_heads[stage],
            config.min_dim_head[stage],
            config.qkv_bias,
            config.attn_drop,
            config.proj_drop,
        )
        expansion = config.ffn_expansion_ratio[stage]
        self.feed_forward = FeedForward(config.modalities, channels, expansion, config.proj_drop)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the block; input and output are (M, N, D, H, W, C)."""
        x = torch.add(self._maybe_drop(self.attention(x)), x, alpha=self.identity)
        return x + self._maybe_drop(self.feed_forward(x))

    def _maybe_drop(self, branch: Tensor) -> Tensor:
        if not self.training or self.drop_path == 0.0:
            return branch
        kept = torch.rand(1, branch.shape[1], 1, 1, 1, 1, device=branch.device) >= self.drop_path
        return branch * (kept.to(branch.dtype) / (1.0 - self.drop_path))


class PatchMerging(nn.Module):
    """Halve the grid: eight neighbours become channels, are normalised and projected to twice the width."""

    def __init__(self, modalities: int, channels: int) -> None:
        super().__init__()
        self.norm = ModalityNorm(modalities, 8 * channels)
        self.reduction = ModalityLinear(modalities, 8 * channels, 2 * channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Reduce (M, N, D, H, W, C) to (M, N, D / 2, H / 2, W / 2, 2 C)."""
        m, n, d, h, w, c = x.shape
        x = x.reshape(m, n, d // 2, 2, h // 2, 2, w // 2, 2, c).permute(0, 1, 2, 4, 6, 3, 5, 7, 8)
        merged: Tensor = self.reduction(self.norm(x.reshape(m, n, d // 2, h // 2, w // 2, 8 * c)))
        return merged


class AttentionStream(nn.Module):
    """Patch embedding and four stages of attention blocks, for all modalities side by side."""

    def __init__(self, config: VeloxSegConfig) -> None:
        super().__init__()
        self.in_ch, s = list(config.in_ch), config.patch_size
        widths = config.attn_channels
        self.embeddings = nn.ModuleList(Conv3d(c, widths[0], s, s) for c in config.in_ch)
        self.dropout = config.proj_drop
        self.stages = nn.ModuleList(
            nn.Sequential(*(AttentionBlock(config, i) for _ in range(config.depths[i])))
            for i in range(STAGES)
        )
        self.merges = nn.ModuleList(PatchMerging(config.modalities, c) for c in widths[:-1])

    def forward(self, x: Tensor) -> list[Tensor]:
        """Tokens (M, N, D_i, H_i, W_i, C_i) of every stage for an input (N, sum(in_ch), D, H, W)."""
        embedded = [e(part) for e, part in zip(self.embeddings, x.split(self.in_ch, dim=1), strict=True)]
        tokens = drop(torch.stack(embedded).movedim(2, -1).contiguous(), self.dropout, self.training)
        result = [self.stages[0](tokens)]
        for merge, stage in zip(self.merges, self.stages[1:], strict=True):
            result.append(stage(merge(result[-1])))
        return result


class Encoder(nn.Module):
    """Both streams: at each stage the tokens of all modalities are mixed into the convolution features."""

    def __init__(self, config: VeloxSegConfig) -> None:
        super().__init__()
        widths = config.conv_channels
        self.attention = AttentionStream(config)
        sources = (sum(config.in_ch), *widths[:-1])
        strides = (config.patch_size, 2, 2, 2)
        self.downs = nn.ModuleList(Down(*sizes) for sizes in zip(sources, widths, strides, strict=True))
        self.mixers = nn.ModuleList(
            PointwiseConv(config.modalities * a, c) for a, c in zip(config.attn_channels, widths, strict=True)
        )
        self.stages = nn.ModuleList(conv_stage(config, i) for i in range(STAGES))

    def forward(self, x: Tensor, modulate: Modulate | None = None) -> Encoding:
        """Encode (N, sum(in_ch), D, H, W); `modulate` may change the features after each stage."""
        tokens = self.attention(x)
        features: list[Tensor] = []
        for i, (down, mixer, stage) in enumerate(zip(self.downs, self.mixers, self.stages, strict=True)):
            mixed = instance_norm(mixer(stack_modalities(tokens[i])))
            x = stage(down(x) + mixed)
            if modulate is not None:
                x = modulate(i, x)
            features.append(x)
        return Encoding(features, tokens)


def conv_stage(config: VeloxSegConfig, stage: int) -> nn.Sequential:
    """JLC blocks of one stage, as used in the encoder and in each decoder."""
    blocks = (
        JLC(
            config.conv_channels[stage],
            config.min_dim_group[stage],
            config.kernel_sizes,
            config.conv_expansion_factor[stage],
            config.conv_drop,
        )
        for _ in range(config.conv_depths[stage])
    )
    return nn.Sequential(*blocks)


def stack_modalities(tokens: Tensor) -> Tensor:
    """Put the modalities of (M, N, D, H, W, C) side by side as channels: (N, M * C, D, H, W)."""
    return tokens.permute(1, 0, 5, 2, 3, 4).flatten(1, 2)
