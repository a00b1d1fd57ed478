"""What texture teachers say in a training step; no part of it exists at inference."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Teaching(NamedTuple):
    """The teachers' side of one forward pass.

    Attributes:
        student_gram: (N, C, C) float32, Gram matrix of the features that the answer is made of.
        teacher_grams: (N, C, C) float32 each, of the features that the reconstructions are made of.
        reconstruction: (N, R, D, H, W), the input channels as the teachers redraw them.
        target: (N, R, D, H, W), those channels.
    """

    student_gram: Tensor
    teacher_grams: list[Tensor]
    reconstruction: Tensor
    target: Tensor
