"""Feature distillation: a small encoder learns to embed images as a large one does.

Source: the pretraining (PFD) of Xu et al., "HRMedSeg" (arXiv 2504.06205): the mean squared difference to SAM
ViT-H's image embeddings, on a thousandth of SA-1B.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional


class Student(Protocol):
    """What learns: encoder and neck of a network such as `HRMedSeg`."""

    def encode(self, image: Tensor) -> Tensor:
        """Embedding (N, C, h, w) of an image (N, in_ch, H, W)."""


class SamTeacher(nn.Module):
    """The image encoder of transformers' `SamModel`, as a module from tensor to tensor.

    Args:
        model: a `SamModel`, or its vision encoder.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        encoder = getattr(model, "vision_encoder", model)
        self.encoder: nn.Module = encoder

    def forward(self, image: Tensor) -> Tensor:
        """Embedding (N, 256, H / 16, W / 16) of an image (N, 3, H, W) of the size the encoder was built for.

        Raises:
            ValueError: the encoder answers with something that is no embedding.
        """
        answer: Any = self.encoder(image)
        embedding = answer if isinstance(answer, Tensor) else getattr(answer, "last_hidden_state", None)
        if embedding is None and isinstance(answer, tuple) and answer:
            embedding = answer[0]
        if not isinstance(embedding, Tensor) or embedding.dim() != 4:
            msg = f"the teacher answered with {type(answer).__name__}, not with an embedding (N, C, h, w)"
            raise ValueError(msg)
        return embedding


class FeatureDistillation:
    """A student and its teacher, which is frozen and set to evaluation.

    Args:
        student: has `encode`, from image to embedding.
        teacher: gives the embedding (N, C, h, w) that the student's shall equal, for the same image.
    """

    def __init__(self, student: Student, teacher: nn.Module) -> None:
        self.student = student
        self.teacher = teacher.eval().requires_grad_(False)

    def target(self, image: Tensor) -> Tensor:
        """The teacher's embedding of images (N, in_ch, H, W); worth keeping, since it takes the longest."""
        with torch.no_grad():
            return self.teacher(image)

    def loss(self, image: Tensor, target: Tensor | None = None) -> Tensor:
        """Mean squared difference of both embeddings, a scalar.

        Args:
            image: (N, in_ch, H, W).
            target: what `target` said of these images before; computed if None.

        Raises:
            ValueError: the embeddings differ in shape; the message names both.
        """
        wanted = self.target(image) if target is None else target.detach()
        return self.difference(self.student.encode(image), wanted)

    @staticmethod
    def difference(embedding: Tensor, wanted: Tensor) -> Tensor:
        """Mean squared difference of two embeddings (N, C, h, w), a scalar.

        Raises:
            ValueError: they differ in shape; the message names both.
        """
        if embedding.shape != wanted.shape:
            shapes = f"{tuple(embedding.shape)}, the teacher's {tuple(wanted.shape)}"
            msg = f"the student's embedding has the shape {shapes}; they must be equal"
            raise ValueError(msg)
        return functional.mse_loss(embedding, wanted)
