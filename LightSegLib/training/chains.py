"""A chain of interactions on one sample: each training step answers one prompt and its answer calls for the
next.

No forward pass is spent on simulation alone: the prediction that a step trains on is the mask the next step
corrects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from LightSegLib.training.clicks import PromptState, add_correction, first_prompts
from LightSegLib.training.samples import Closer, Sample

GOOD_ENOUGH = 0.985


class Chain:
    """One slot of the batch: a sample, what has been said about it, and how many answers remain.

    Args:
        stream: where new samples come from.
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
        self._start()

    @property
    def image(self) -> Tensor:
        """Float32 (C, D, H, W)."""
        return torch.stack([self._view.image, *self._view.companions])

    @property
    def target(self) -> Tensor:
        """Float32 (1, D, H, W), 0 or 1."""
        return self._view.target[None]

    @property
    def valid(self) -> Tensor:
        """Float32 (1, D, H, W), 1 inside the field of view."""
        return self._view.valid[None]

    @property
    def text(self) -> Tensor | None:
        """Float32 (T,), the embedding of a name, the same for the whole chain; None without one."""
        return self._text

    def guidance(self) -> Tensor:
        """Float32 (G, D, H, W)."""
        return torch.from_numpy(self.state.draw())

    def advance(self, logits: Tensor) -> None:
        """Take the answer, float32 (D, H, W), and prepare the next prompt or the next sample."""
        self.answered += 1
        mask = ((logits > 0) & (self._view.valid > 0.5)).numpy()
        target = self._view.target.numpy() > 0.5
        both = int(mask.sum()) + int(target.sum())
        dice = 2 * int((mask & target).sum()) / max(1, both)
        if not target.any():
            self._start()  # the text names nothing in this cube, so there is nothing to correct towards
        elif dice > GOOD_ENOUGH or self.random.random() > self.continue_probability:
            self._start()
        elif self._closer is not None and self.random.random() < 0.6:
            self._move_closer(self._closer, torch.from_numpy(mask))
        else:
            self.state.previous = mask.astype(np.float32)
            add_correction(self.state, target, mask, self.random)

    def _start(self) -> None:
        self.answered = 0
        sample = next(self.stream)
        self._view: Sample | Closer = sample
        self._closer = sample.closer
        self._text = sample.text
        target = sample.target.numpy() > 0.5
        self.state = first_prompts(target, self.random) if sample.prompted else PromptState(target.shape)

    def _move_closer(self, closer: Closer, mask: Tensor) -> None:
        """Go on in the closer cube: the mask so far arrives blurred, as the refinement pass gets it."""
        previous = _resample(mask.float(), closer)
        middle = (np.array(self.state.shape) - 1) / 2
        state = PromptState(self.state.shape, previous=previous.numpy())
        state.positive = [(p - closer.centre_kji) * closer.zoom + middle for p in self.state.positive]
        state.negative = [(p - closer.centre_kji) * closer.zoom + middle for p in self.state.negative]
        if self.state.box is not None:
            lower, upper = ((side - closer.centre_kji) * closer.zoom + middle for side in self.state.box)
            state.box = (lower, upper)
        self.state, self._view, self._closer = state, closer, None
        if self.random.random() < 0.5:
            add_correction(state, closer.target.numpy() > 0.5, previous.numpy() > 0.5, self.random)


def _resample(mask: Tensor, closer: Closer) -> Tensor:
    """The mask of the wider cube in the closer one; nothing beyond the wider cube, as nothing is known
    there.
    """
    size = mask.shape[0]
    middle = (size - 1) / 2
    places = [(torch.arange(size) - middle) / closer.zoom + float(c) for c in closer.centre_kji]
    k, j, i = torch.meshgrid(*(place / middle - 1 for place in places), indexing="ij")
    grid = torch.stack([i, j, k], dim=-1)[None].float()
    values = functional.grid_sample(mask[None, None], grid, padding_mode="border", align_corners=True)[0, 0]
    k, j, i = ((place > -0.5) & (place < size - 0.5) for place in places)
    return values * (k[:, None, None] & j[None, :, None] & i[None, None, :])


class Batch(NamedTuple):
    """A training step's input and what is wanted of it, float32 each.

    Attributes:
        image: (N, C, D, H, W).
        guidance: (N, G, D, H, W).
        target: (N, 1, D, H, W).
        valid: (N, 1, D, H, W).
        text: (N, T), zeros for chains without a text; (N, 0) if none has one.
    """

    image: Tensor
    guidance: Tensor
    target: Tensor
    valid: Tensor
    text: Tensor


def batch(chains: Sequence[Chain]) -> Batch:
    """All chains side by side."""
    return Batch(
        image=torch.stack([chain.image for chain in chains]),
        guidance=torch.stack([chain.guidance() for chain in chains]),
        target=torch.stack([chain.target for chain in chains]),
        valid=torch.stack([chain.valid for chain in chains]),
        text=_stacked([chain.text for chain in chains]),
    )


def _stacked(texts: Sequence[Tensor | None]) -> Tensor:
    width = max(0 if text is None else len(text) for text in texts)
    return torch.stack([torch.zeros(width) if text is None else text for text in texts])
