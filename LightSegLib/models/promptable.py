"""What makes a 3D segmentation network promptable, without touching the network's file.

The network sees the image, a likeness channel and the drawn prompts, and returns features on a coarser grid. A thin head
at full resolution then combines these features with the raw input, so that a click or an edge moves single voxels. A
second head states how good the answer probably is.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.models.guidance import GUIDANCE_CHANNELS, POSITIVE, PREVIOUS

LIKENESS_FLOOR = 0.05


class FeatureNetwork(Protocol):
    """What the wrapper asks of a network: coarse logits and the features they are made of."""

    def forward_features(self, x: Tensor) -> Tensor:
        """Features (N, F, D/s, H/s, W/s) of an input (N, C, D, H, W)."""
        ...

    def decode_head(self, features: Tensor) -> Tensor:
        """Logits (N, 1, D, H, W) of those features."""
        ...


def likeness(image: Tensor, guidance: Tensor) -> Tensor:
    """How far each voxel's intensity is from what was marked as inside, in spreads of the marked voxels.

    The marked voxels are those of the positive prompts, or of the previous mask where there are none, or the whole cube
    where nothing is marked.

    Args:
        image: (N, 1, D, H, W), -1 to 1.
        guidance: (N, G, D, H, W).

    Returns:
        (N, 1, D, H, W), -1 to 1; 0 is alike.
    """
    positive = guidance[:, POSITIVE : POSITIVE + 1]
    previous = guidance[:, PREVIOUS : PREVIOUS + 1]
    axes = (1, 2, 3, 4)
    clicked = positive.sum(axes, keepdim=True)
    masked = previous.sum(axes, keepdim=True)
    weight = torch.where(
        clicked > 0, positive**2, torch.where(masked > 0, previous, torch.ones_like(previous))
    )
    weight = weight / weight.sum(axes, keepdim=True)
    mean = (weight * image).sum(axes, keepdim=True)
    spread = ((weight * (image - mean) ** 2).sum(axes, keepdim=True)).sqrt() + LIKENESS_FLOOR
    return torch.tanh((image - mean) / (2 * spread))


def space_to_channels(x: Tensor, stride: int) -> Tensor:
    """Every voxel of a cell becomes a channel: (N, C, D, H, W) to (N, C * stride^3, D / stride, H / stride, W / stride)."""
    n, c, d, h, w = x.shape
    s = stride
    x = x.reshape(n, c, d // s, s, h // s, s, w // s, s).permute(0, 1, 3, 5, 7, 2, 4, 6)
    return x.reshape(n, c * s**3, d // s, h // s, w // s)


def channels_to_space(x: Tensor, stride: int) -> Tensor:
    """The inverse for one channel: (N, stride^3, D, H, W) to (N, 1, D * stride, H * stride, W * stride)."""
    n, _, d, h, w = x.shape
    s = stride
    x = x.reshape(n, 1, s, s, s, d, h, w).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.reshape(n, 1, d * s, h * s, w * s)


class PromptableOutput(NamedTuple):
    """What one forward pass gives.

    Attributes:
        logits: (N, 1, D, H, W), the answer.
        expected: (N,), logit of the Dice coefficient expected of it.
        coarse: (N, 1, D, H, W), the network's own answer before the detail head, for deep supervision.
    """

    logits: Tensor
    expected: Tensor
    coarse: Tensor


class PromptableNetwork(nn.Module):
    """A network with guidance channels, a full-resolution detail head and an expected-Dice head.

    Args:
        network: any network with `forward_features` and `decode_head` that takes `INPUT_CHANNELS` channels and one class.
        features: channels of its features.
        stride: voxels per cell of the features' grid.
        detail: hidden channels of the full-resolution head.
    """

    INPUT_CHANNELS = 2 + GUIDANCE_CHANNELS

    def __init__(self, network: nn.Module, features: int, stride: int, detail: int = 48) -> None:
        super().__init__()
        self.network = network
        self.stride = stride
        cells = stride**3
        self.detail_in = nn.Conv3d(features + self.INPUT_CHANNELS * cells, detail, 1)
        self.detail_out = nn.Conv3d(detail, cells, 3, padding=1)
        self.confidence = nn.Sequential(nn.Linear(2 * features + 4, 32), nn.GELU(), nn.Linear(32, 1))
        nn.init.zeros_(self.detail_out.weight)
        nn.init.zeros_(self.detail_out.bias)

    def forward(self, image: Tensor, guidance: Tensor) -> PromptableOutput:
        """Segment a batch of regions.

        Args:
            image: (N, 1, D, H, W), -1 to 1.
            guidance: (N, G, D, H, W), see `models.guidance`.
        """
        x = torch.cat([image, likeness(image, guidance), guidance], dim=1)
        features = self.network.forward_features(x)
        coarse = self.network.decode_head(features)
        logits = coarse + self._detail(x, features)
        return PromptableOutput(logits, self._expected(features, logits), coarse)

    def _detail(self, x: Tensor, features: Tensor) -> Tensor:
        """Full-resolution correction, computed on the coarse grid with every voxel of a cell as a channel.

        The same receptive field as convolutions at full resolution, but as a few wide matrix products, which a CPU
        does several times faster.
        """
        cells = torch.cat([features, space_to_channels(x, self.stride)], dim=1)
        return channels_to_space(self.detail_out(functional.gelu(self.detail_in(cells))), self.stride)

    def _expected(self, features: Tensor, logits: Tensor) -> Tensor:
        features = features.detach().float()
        probability = torch.sigmoid(logits.detach().float())
        inside = functional.adaptive_avg_pool3d(probability, features.shape[2:])
        edge = 4 * functional.adaptive_avg_pool3d(probability * (1 - probability), features.shape[2:])
        pooled = [
            (features * weight).sum((2, 3, 4)) / (weight.sum((2, 3, 4)) + 1e-3) for weight in (inside, edge)
        ]
        volume = inside.mean((1, 2, 3, 4))
        unsure = edge.mean((1, 2, 3, 4))
        numbers = torch.stack([volume, unsure, unsure / (volume + 1e-3), torch.log(volume + 1e-4)], dim=1)
        return self.confidence(torch.cat([*pooled, numbers], dim=1))[:, 0]
