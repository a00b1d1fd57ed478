"""Losses: Dice with cross-entropy (MONAI), the expected Dice, soft labels, and VeloxSeg's texture terms
(SDKT).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.losses import DiceCELoss
from torch import Tensor, nn
from torch.nn import functional

OUTSIDE_LOGIT = -12.0


class SegmentationLoss(nn.Module):
    """Dice plus binary cross-entropy over the field of view, averaged over deep-supervision heads.

    The weight of head i is 2^-i, normalised. Outside the field of view the logits are replaced by a
    constant, so that nothing is learnt from padding.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loss = DiceCELoss(sigmoid=True, smooth_nr=1.0, smooth_dr=1.0)

    def forward(self, heads: Sequence[Tensor], target: Tensor, valid: Tensor) -> Tensor:
        """Loss of all heads.

        Args:
            heads: logits (N, 1, D, H, W) each, the full-resolution head first.
            target: (N, 1, D, H, W), 0 or 1.
            valid: (N, 1, D, H, W), 1 inside the field of view.
        """
        weights = [2.0**-i for i in range(len(heads))]
        outside = valid < 0.5
        losses = [
            weight * self.loss(logits.float().masked_fill(outside, OUTSIDE_LOGIT), target)
            for weight, logits in zip(weights, heads, strict=True)
        ]
        return torch.stack(losses).sum() / sum(weights)


def soft_dice(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Dice of the thresholded answer per sample, (N,), without gradient; 1 where both are empty."""
    with torch.no_grad():
        mask = ((logits > 0) & (valid > 0.5)).flatten(1).float()
        truth = target.flatten(1)
        return (2 * (mask * truth).sum(1) + 1) / (mask.sum(1) + truth.sum(1) + 1)


def confidence_loss(
    expected: Tensor, logits: Tensor, target: Tensor, valid: Tensor, *, empty_is_zero: bool = False
) -> Tensor:
    """How far the expected Dice (N,), a logit, is from the true one:
    binary cross-entropy, as both lie in 0 to 1.

    Args:
        expected: (N,), a logit.
        logits, target, valid: as in `soft_dice`.
        empty_is_zero: where the target is empty, 0 is wanted whatever the answer, so that the expected Dice
            tells that what a text names is not there; else an empty answer to an empty target counts 1.
    """
    wanted = soft_dice(logits, target, valid)
    if empty_is_zero:
        wanted = torch.where((target.flatten(1) > 0.5).any(dim=1), wanted, 0.0)
    return functional.binary_cross_entropy_with_logits(expected.float(), wanted)


def soft_label_loss(logits: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
    """Binary cross-entropy to soft labels, the mean over the field of view; a scalar.

    Args:
        logits: (N, 1, D, H, W).
        labels: (N, 1, D, H, W), 0 to 1, such as a teacher's probabilities.
        valid: (N, 1, D, H, W), 1 inside the field of view.
    """
    loss = functional.binary_cross_entropy_with_logits(logits.float(), labels.float(), reduction="none")
    return (loss * valid).sum() / valid.sum().clamp(min=1)


def texture_loss(student: Tensor, teachers: Sequence[Tensor]) -> Tensor:
    """VeloxSeg's spatially decoupled knowledge transfer: squared Frobenius distance of Gram matrices.

    Summed over the teachers and averaged over the batch, as in the paper's equation; gradients reach both
    sides.

    Args:
        student: (N, C, C), Gram matrix of the segmentation decoder's last features.
        teachers: (N, C, C) each, those of the reconstruction decoders.
    """
    return torch.stack([((student - teacher) ** 2).sum(dim=(1, 2)).mean() for teacher in teachers]).sum()


def reconstruction_loss(reconstruction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Mean squared error of the teachers' reconstruction over the field of view.

    Args:
        reconstruction, target: (N, R, D, H, W).
        valid: (N, 1, D, H, W), 1 inside the field of view.
    """
    square = (reconstruction.float() - target.float()) ** 2 * valid
    return square.sum() / (valid.sum() * square.shape[1]).clamp(min=1)
