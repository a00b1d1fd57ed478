"""A chain of interactions on one slice, and from there to the next: as `slicewise.propagation` asks a model.

The answer that a step trains on is what the next step starts from: as a mask where the user corrects it, as
logits in the neighbouring slice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from torch import Tensor

from LightSegLib.models.promptable_slices import SlicePrompts
from LightSegLib.slicewise.looking import SURE
from LightSegLib.training.chains import GOOD_ENOUGH
from LightSegLib.training.clicks import PromptState, add_correction, corrupt, first_prompts
from LightSegLib.training.samples import Sample
from LightSegLib.training.slice_samples import SliceSample

FOLLOWING = 0.75
"""Chance that a chain goes on in the neighbouring slice after an answer, where there is one."""
ENTERING = 0.3
"""Chance that a chain begins in it, with the truth of this slice for an answer."""


class SliceChain:
    """One slot of the batch: a sample, what has been said about it, and how many answers remain.

    Args:
        stream: where new samples come from; all are `SliceSample`.
        random: source of all randomness.
        continue_probability: chance that another prompt follows an answer.
    """

    def __init__(
        self, stream: Iterator[Sample], random: np.random.Generator, continue_probability: float
    ) -> None:
        self.stream = stream
        self.random = random
        self.continue_probability = continue_probability
        self.answered = 0
        self.shown: Tensor | None = None
        self._start()

    @property
    def image(self) -> Tensor:
        """Float32 (1, H, W)."""
        return self._sample.image[None]

    @property
    def target(self) -> Tensor:
        """Float32 (1, H, W), 0 or 1."""
        return self._sample.target[None]

    @property
    def valid(self) -> Tensor:
        """Float32 (1, H, W), 1 inside the field of view."""
        return self._sample.valid[None]

    def prompts(self) -> SlicePrompts:
        """What the network is told."""
        places = np.array([*self.state.positive, *self.state.negative], np.float32).reshape(-1, 2)
        counts = [len(self.state.positive), len(self.state.negative)]
        labels = np.repeat(np.array([1, 0], np.int64), counts)
        points = torch.from_numpy(places[:, ::-1].copy())
        return SlicePrompts(points, torch.from_numpy(labels), self._box(), self.shown)

    def advance(self, logits: Tensor) -> None:
        """Take the answer, float32 (H, W), and prepare the next prompt, slice or sample."""
        self.answered += 1
        mask = ((logits > 0) & (self._sample.valid > 0.5)).numpy()
        target = self._sample.target.numpy() > 0.5
        both = int(mask.sum()) + int(target.sum())
        dice = 2 * int((mask & target).sum()) / both if both else 1.0
        beside = self._sample.beside
        if beside is not None and mask.any() and self.random.random() < FOLLOWING:
            self._follow(beside, logits)
        elif dice > GOOD_ENOUGH or self.random.random() > self.continue_probability:
            self._start()
        else:
            self.shown = sure(mask)
            add_correction(self.state, target, mask, self.random)

    def _start(self) -> None:
        self.answered = 0
        self._sample = sample = cast(SliceSample, next(self.stream))
        target = sample.target.numpy() > 0.5
        if sample.beside is not None and self.random.random() < ENTERING:
            mask = corrupt(target, self.random) if self.random.random() < 0.5 else target
            if mask.any():
                self._follow(sample.beside, sure(mask))
                return
        self.state = first_prompts(target, self.random)
        self.shown = None if self.state.previous is None else sure(self.state.previous > 0.5)

    def _follow(self, beside: SliceSample, shown: Tensor) -> None:
        """Go on in the neighbouring slice, from the logits (H, W) of this one alone."""
        self.state, self.shown, self._sample = PromptState(tuple(shown.shape)), shown, beside

    def _box(self) -> Tensor | None:
        """The edges of the box: x, y, x, y."""
        if self.state.box is None:
            return None
        lower, upper = self.state.box
        height, width = self.state.shape
        edges = np.array([lower[1] - 0.5, lower[0] - 0.5, upper[1] + 0.5, upper[0] + 0.5])
        limits = np.array([width, height, width, height]) - 0.5
        return torch.from_numpy(np.clip(edges, -0.5, limits).astype(np.float32))


def sure(mask: np.ndarray) -> Tensor:
    """A mask, bool (H, W), as logits: what a session shows of one, float32."""
    return torch.from_numpy(np.where(mask, SURE, -SURE).astype(np.float32))


def batch(chains: list[SliceChain]) -> tuple[Tensor, Tensor, Tensor]:
    """Image, target and valid (N, 1, H, W) of all chains."""
    image = torch.stack([chain.image for chain in chains])
    target = torch.stack([chain.target for chain in chains])
    valid = torch.stack([chain.valid for chain in chains])
    return image, target, valid
