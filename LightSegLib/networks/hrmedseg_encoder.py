"""HRMedSeg's encoder (LGViT, in the paper's second version CE-Encoder) and the neck behind it.

One scale throughout: patches become tokens, and every stage keeps their grid and width.

Source: Xu et al., "HRMedSeg" (arXiv 2504.06205).
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.hrmedseg_blocks import LGViTBlock, MBConv
from LightSegLib.networks.hrmedseg_config import HRMedSegConfig
from LightSegLib.networks.hrmedseg_rotary import Grid


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of a feature map (N, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name torch gave it
        """Normalise (N, C, H, W)."""
        return self.last(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def last(self, features: Tensor) -> Tensor:
        """Normalise (..., C)."""
        return functional.layer_norm(features, self.normalized_shape, self.weight, self.bias, self.eps)


class PatchEmbed(nn.Module):
    """Patches of an image (N, in_ch, H, W) as cells (N, C, H / patch, W / patch)."""

    def __init__(self, config: HRMedSegConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(config.in_ch, config.dim, config.patch_size, config.patch_size)

    def forward(self, image: Tensor) -> Tensor:
        """Compute the cells."""
        return self.proj(image)


class ConvStage(nn.Module):
    """The first stage: convolutions on the map (N, C, h, w)."""

    def __init__(self, config: HRMedSegConfig, chances: Iterator[float]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            MBConv(config.dim, config.expansion, next(chances)) for _ in range(config.depths[0])
        )

    def forward(self, features: Tensor) -> Tensor:
        """Compute (N, C, h, w)."""
        for block in self.blocks:
            features = block(features)
        return features


class AttentionStage(nn.Module):
    """A later stage: attention among tokens (N, L, C).

    Args:
        config: the network's settings.
        index: the stage, 1 to 3.
        chances: gives each block its chance to be skipped.
    """

    def __init__(self, config: HRMedSegConfig, index: int, chances: Iterator[float]) -> None:
        super().__init__()
        edge = config.image_size // config.patch_size
        self.blocks = nn.ModuleList(
            LGViTBlock(
                config.dim,
                config.heads[index - 1],
                config.mlp_ratio,
                (edge, edge),
                next(chances),
                config.stored_rotations,
            )
            for _ in range(config.depths[index])
        )

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Compute (N, L, C) of a grid."""
        for block in self.blocks:
            tokens = block(tokens, grid)
        return tokens


class LGViT(nn.Module):
    """Light gated vision transformer: an image as a grid of features, at a cost linear in its pixels.

    Args:
        config: the network's settings.
    """

    def __init__(self, config: HRMedSegConfig) -> None:
        super().__init__()
        self.config = config
        self.patch_embed = PatchEmbed(config)
        chances = iter(config.drop_paths)
        stages: list[nn.Module] = [ConvStage(config, chances)]
        stages += [AttentionStage(config, index, chances) for index in range(1, len(config.depths))]
        self.layers = nn.ModuleList(stages)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Features (N, C, H / patch, W / patch) of an image (N, in_ch, H, W).

        Raises:
            ValueError: the channels differ from the settings', or an edge is no multiple of the patch.
        """
        config = self.config
        if image.dim() != 4 or image.shape[1] != config.in_ch:
            msg = f"an image has the shape (N, {config.in_ch}, H, W), not {tuple(image.shape)}"
            raise ValueError(msg)
        grid = config.grid(image.shape[2], image.shape[3])
        first, *others = self.layers
        features = first(self.patch_embed(image))
        tokens = features.permute(0, 2, 3, 1).flatten(1, 2)
        for stage in others:
            tokens = stage(tokens, grid)
        return tokens.unflatten(1, grid).permute(0, 3, 1, 2)


class Neck(nn.Sequential):
    """Encoder features (N, C, h, w) as an image embedding (N, E, h, w)."""

    def __init__(self, config: HRMedSegConfig) -> None:
        width = config.embedding_ch
        super().__init__(
            nn.Conv2d(config.dim, width, 1, bias=False),
            ChannelNorm(width),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            ChannelNorm(width),
        )
