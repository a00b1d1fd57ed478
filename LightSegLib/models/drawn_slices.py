"""Prompts on slices drawn as image channels, and what is alike: what a head at full resolution sees.

The channels are those of `models.guidance` and `models.likeness`, in two dimensions, made of the tensors that
a network of slices is asked with.
"""

from __future__ import annotations

import torch
from torch import Tensor

from LightSegLib.models import likeness
from LightSegLib.models.guidance import BALL_RADIUS, BOX, GUIDANCE_CHANNELS, NEGATIVE, POSITIVE, PREVIOUS

CHANNELS = 1 + likeness.CHANNELS + GUIDANCE_CHANNELS


def drawn(
    image: Tensor,
    points: Tensor | None,
    labels: Tensor | None,
    boxes: Tensor | None,
    previous: Tensor | None,
) -> Tensor:
    """Slices with what is alike in them and all prompts.

    Args:
        image: (N, 1, H, W), -1 to 1; H and W even.
        points, labels, boxes: of N prompts, as in `models.promptable_slices.PromptableSlices.decode`.
        previous: (N, 1, H, W), logits.

    Returns:
        (N, `CHANNELS`, H, W), float32: the image, what is alike, and the channels of `models.guidance`.
    """
    count, _, height, width = image.shape
    guidance = image.new_zeros(count, GUIDANCE_CHANNELS, height, width, dtype=torch.float32)
    if previous is not None:
        guidance[:, PREVIOUS] = previous[:, 0].float().sigmoid()
    x, y = (torch.arange(n, device=image.device, dtype=torch.float32) for n in (width, height))
    if points is not None and labels is not None and points.shape[1]:
        from_x, from_y = (x - points[..., :1]).square(), (y - points[..., 1:]).square()
        balls = (1 - (from_y[..., None] + from_x[..., None, :]).sqrt() / BALL_RADIUS).clamp(min=0)
        for channel, label in ((POSITIVE, 1), (NEGATIVE, 0)):
            guidance[:, channel] = torch.where((labels == label)[..., None, None], balls, 0.0).amax(dim=1)
    if boxes is not None:
        left, top, right, bottom = boxes.float().unbind(-1)
        across = (x >= left[:, None]) & (x <= right[:, None])
        down = (y >= top[:, None]) & (y <= bottom[:, None])
        guidance[:, BOX] = (down[:, :, None] & across[:, None]).float()
    return torch.cat([image.float(), _alike(image.float(), guidance), guidance], dim=1)


def _alike(image: Tensor, guidance: Tensor) -> Tensor:
    """`models.likeness` of slices: of a volume that is two equal slices thick, as its cells are."""
    thick, told = (value[:, :, None].expand(-1, -1, 2, -1, -1) for value in (image, guidance))
    return likeness.likeness_channels(thick, told)[:, :, 0]
