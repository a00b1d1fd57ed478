"""The trainer of networks of slices: the loop of `training.trainer` with samples, prompts and loss in 2D."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import cast

import torch
from torch import Tensor, nn

from LightSegLib.errors import TrainingError
from LightSegLib.models.build_slices import build_slices
from LightSegLib.models.promptable_slices import PromptableSlices
from LightSegLib.training.distillation import FeatureDistillation
from LightSegLib.training.losses import confidence_loss
from LightSegLib.training.samples import SampleStream
from LightSegLib.training.slice_chains import SliceChain, batch
from LightSegLib.training.slice_samples import SliceStream
from LightSegLib.training.slots import Learnt, Slot
from LightSegLib.training.teachers import read_teacher
from LightSegLib.training.trainer import Trainer


class Apprentice(PromptableSlices):
    """A network of slices while it learns from a teacher.

    Args:
        network: the network, with the settings of the recipe.
        channels: of the teacher's embedding.
    """

    def __init__(self, network: nn.Module, channels: int) -> None:
        trained = cast(PromptableSlices, network)
        super().__init__(trained.network)
        self.detail = trained.detail
        width = trained.network.config.embedding_ch
        self.projection = nn.Conv2d(width, channels, 1) if channels != width else nn.Identity()

    def resemblance(self, embedding: Tensor) -> Tensor:
        """What shall equal the teacher's embedding (N, channels, h, w). The model folder does without it."""
        return self.projection(embedding)


class SliceTrainer(Trainer):
    """Trains one recipe of a network of slices into one folder; see `Trainer`.

    The loss is that of volumes, Dice and cross-entropy at full resolution, with the weighted loss of the
    expected Dice, and, with a teacher, the weighted difference of the embeddings.

    Raises:
        TrainingError: as in `Trainer`, or the teacher is of a wrong kind.
        ModelError: there is no such teacher, or it is damaged.
    """

    stream_kind: Callable[..., SampleStream] = SliceStream
    chain_kind: Callable[..., Slot] = SliceChain

    def _built(self) -> nn.Module:
        recipe = self.recipe
        if self.taught:
            weights = f"texture_weight {recipe.texture_weight:g}"
            raise TrainingError(
                "The recipe weighs texture teachers, which networks of slices do not have",
                f"{weights}, reconstruction_weight {recipe.reconstruction_weight:g}",
                "Set both to 0; `teacher` and `distillation_weight` are another way to be taught",
            )
        network = build_slices(recipe.architecture, recipe.patch)
        self.distillation: FeatureDistillation | None = None
        if not recipe.teacher:
            return network
        cells, _ = network.network.config.grid(recipe.patch, recipe.patch)
        teacher, channels = read_teacher(recipe.teacher, cells)
        apprentice = Apprentice(network, channels)
        self.distillation = FeatureDistillation(apprentice, teacher.to(self.device))
        return apprentice

    def _learn(self, chains: Sequence[Slot]) -> Learnt:
        slices = cast("list[SliceChain]", chains)
        image, target, valid = (part.to(self.device) for part in batch(slices))
        network = cast(PromptableSlices, self.network)
        with torch.autocast(self.device.type, torch.bfloat16) if self.half else nullcontext():
            embedding = network.encode(image)
            output = network.answer(embedding, [chain.prompts() for chain in slices])
            loss = self._resemblance(image, network.features(embedding))
        answers = (output.logits,) if network.detail is None else (output.logits, output.coarse)
        logits, *others = (network.network.enlarge(answer.float(), image.shape[2:]) for answer in answers)
        sure = confidence_loss(output.expected, logits, target, valid)
        loss = loss + self.loss([logits, *others], target, valid) + self.recipe.confidence_weight * sure
        return Learnt(loss, logits, target, valid)

    def _resemblance(self, image: Tensor, embedding: Tensor) -> Tensor:
        """The weighted difference to the teacher's embeddings; 0 without a teacher."""
        if self.distillation is None:
            return torch.zeros((), device=self.device)
        own = cast(Apprentice, self.network).resemblance(embedding)
        difference = self.distillation.difference(own.float(), self.distillation.target(image).float())
        return self.recipe.distillation_weight * difference
