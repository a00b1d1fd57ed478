"""What makes HRMedSeg a model to be trained and asked slice by slice, without touching the network's files.

One grey channel in, prompts in SAM's manner, logits out; and a head that the released network does not have
says how good the answer probably is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.models.expected import answer_numbers, confidence_head
from LightSegLib.networks.hrmedseg import HRMedSeg
from LightSegLib.networks.hrmedseg_prompts import CELL


class SliceOutput(NamedTuple):
    """What the network says of slices.

    Attributes:
        logits: (N, 1, h, w), `CELL` times the embedding's grid along each edge; positive inside.
        expected: (N,), logit of the Dice coefficient expected of them.
    """

    logits: Tensor
    expected: Tensor


class SlicePrompts(NamedTuple):
    """What was said about one slice. Pixels are (x, y), x along the columns; whole numbers are centres.

    Attributes:
        points: float32 (P, 2), pixels; P may be 0.
        labels: int64 (P,), 1 inside, 0 outside.
        box: float32 (4,), x and y of one corner and of the opposite one, or None.
        previous: float32 (H, W), logits to start from, spread evenly over the square, or None.
    """

    points: Tensor
    labels: Tensor
    box: Tensor | None = None
    previous: Tensor | None = None


class PromptableSlices(nn.Module):
    """HRMedSeg with an expected-Dice head; it sees grey slices.

    Args:
        network: the network; of one or more input channels, which all get the same grey values.
    """

    def __init__(self, network: HRMedSeg) -> None:
        super().__init__()
        self.network = network
        self.confidence = confidence_head(network.config.embedding_ch)

    def encode(self, image: Tensor) -> Tensor:
        """Embedding (N, E, H / patch, W / patch) of slices (N, 1, H, W), -1 to 1.

        Raises:
            ValueError: an edge is no multiple of the network's patch.
        """
        return self.network.encode(image.expand(-1, self.network.config.in_ch, -1, -1))

    def decode(
        self,
        embedding: Tensor,
        boxes: Tensor | None = None,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        previous: Tensor | None = None,
    ) -> SliceOutput:
        """Answer prompts on encoded slices.

        Args:
            embedding: (N, E, h, w), from `encode`.
            boxes: (N, 4), as in `SlicePrompts`; so are the others.
            points: (N, P, 2).
            labels: (N, P).
            previous: (N, 1, H, W), of any resolution.

        Raises:
            ValueError: a shape or a label does not fit; the message says which does.
        """
        if previous is not None:
            previous = at_resolution(previous, (CELL * embedding.shape[2], CELL * embedding.shape[3]))
        logits = self.network.decode(embedding, points, labels, boxes, previous)
        expected = self.confidence(answer_numbers(embedding, logits, CELL))[:, 0]
        return SliceOutput(logits, expected)

    def forward(
        self,
        image: Tensor,
        boxes: Tensor | None = None,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        previous: Tensor | None = None,
    ) -> SliceOutput:
        """`encode` and `decode` in one."""
        return self.decode(self.encode(image), boxes, points, labels, previous)

    def answer(self, embedding: Tensor, prompts: Sequence[SlicePrompts]) -> SliceOutput:
        """Answer different prompts on each of N encoded slices (N, E, h, w).

        Slices whose prompts are of one kind are decoded together, none with place holders: the network hears
        what it will hear in use.
        """
        alike: dict[tuple[int, bool, tuple[int, ...] | None], list[int]] = {}
        for number, (points, _, box, shown) in enumerate(prompts):
            kind = (len(points), box is not None, None if shown is None else tuple(shown.shape))
            alike.setdefault(kind, []).append(number)
        parts = [self._answer_alike(embedding, prompts, numbers) for numbers in alike.values()]
        order = [number for numbers in alike.values() for number in numbers]
        back = torch.tensor(order, device=embedding.device).argsort()
        logits, expected = (torch.cat(values)[back] for values in zip(*parts, strict=True))
        return SliceOutput(logits, expected)

    def _answer_alike(
        self, embedding: Tensor, prompts: Sequence[SlicePrompts], numbers: list[int]
    ) -> SliceOutput:
        chosen = [prompts[number] for number in numbers]
        points, labels, box, previous = (
            None if parts[0] is None else torch.stack([part.to(embedding.device) for part in parts])
            for parts in zip(*chosen, strict=True)
        )
        if points is not None and not points.shape[1]:
            points = labels = None
        shown = None if previous is None else previous[:, None]
        return self.decode(embedding[numbers], box, points, labels, shown)


def at_resolution(values: Tensor, shape: tuple[int, int]) -> Tensor:
    """Values (N, 1, H, W) that cover a square evenly, at another resolution; shrunk ones are averaged."""
    if tuple(values.shape[2:]) == shape:
        return values
    return functional.interpolate(values, shape, mode="bilinear", align_corners=False, antialias=True)
