"""What the training loop asks of those who draw samples and judge answers, of slices or of volumes."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor


class Slot(Protocol):
    """A place in the batch; see `training.chains.Chain`.

    Attributes:
        answered: how many prompts on its sample were answered so far.
    """

    answered: int

    def advance(self, logits: Tensor) -> None:
        """Take the answer, without batch and channel axes, and prepare the next prompt or sample."""
        ...


class Learnt(NamedTuple):
    """What a step learnt from.

    Attributes:
        loss: a scalar.
        logits: the answers, (N, 1, ...).
        target: the truth of the same shape, 0 or 1.
        valid: 1 inside the field of view.
    """

    loss: Tensor
    logits: Tensor
    target: Tensor
    valid: Tensor
