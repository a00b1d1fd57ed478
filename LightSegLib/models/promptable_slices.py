"""What makes HRMedSeg a model to be trained and asked slice by slice, without touching the network's files.

One grey channel in, prompts in SAM's manner, logits out; and two heads that the released network does not
have: one corrects the answer at full resolution, where the recipe asks for it, one says how good it probably
is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.models import drawn_slices
from LightSegLib.models.expected import answer_numbers, confidence_head
from LightSegLib.models.slice_detail import SliceDetail
from LightSegLib.networks.hrmedseg import HRMedSeg
from LightSegLib.networks.hrmedseg_prompts import CELL


class SliceOutput(NamedTuple):
    """What the network says of slices.

    Attributes:
        logits: (N, 1, H, W), those of the square with the head at full resolution, else `CELL` times the
            embedding's grid along each edge; positive inside.
        expected: (N,), logit of the Dice coefficient expected of them.
        coarse: the network's own answer in the same shape, for deep supervision.
    """

    logits: Tensor
    expected: Tensor
    coarse: Tensor


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
        detail: hidden channels of the head at full resolution; 0 builds none.
    """

    def __init__(self, network: HRMedSeg, detail: int = 0) -> None:
        super().__init__()
        self.network = network
        features = network.config.embedding_ch
        self.detail = SliceDetail(drawn_slices.CHANNELS, features, detail) if detail else None
        self.confidence = confidence_head(features)

    def encode(self, image: Tensor) -> Tensor:
        """Embedding (N, E + F, H / patch, W / patch) of slices (N, 1, H, W), -1 to 1.

        The first E channels are the network's embedding. The F others are the pixels of each cell for the
        head at full resolution; without it there are none.

        Raises:
            ValueError: an edge is no multiple of the network's patch.
        """
        features = self.network.encode(image.expand(-1, self.network.config.in_ch, -1, -1))
        if self.detail is None:
            return features
        pixels = functional.pixel_unshuffle(image, self.network.config.patch_size)
        return torch.cat([features, pixels.to(features.dtype)], dim=1)

    def features(self, embedding: Tensor) -> Tensor:
        """The network's own part (N, E, h, w) of what `encode` returned."""
        return embedding[:, : self.network.config.embedding_ch]

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
            embedding: (N, E + F, h, w), from `encode`.
            boxes: (N, 4), as in `SlicePrompts`; so are the others.
            points: (N, P, 2).
            labels: (N, P).
            previous: (N, 1, H, W), of any resolution.

        Raises:
            ValueError: a shape or a label does not fit; the message says which does.
        """
        features, shown = self.features(embedding), previous
        if shown is not None:
            shown = at_resolution(shown, (CELL * embedding.shape[2], CELL * embedding.shape[3]))
        logits = coarse = self.network.decode(features, points, labels, boxes, shown)
        if self.detail is not None:
            pixels = embedding[:, features.shape[1] :].detach().expand(len(logits), -1, -1, -1)
            image = functional.pixel_shuffle(pixels, self.network.config.patch_size)
            size = (image.shape[2], image.shape[3])
            before = None if previous is None else at_resolution(previous, size)
            coarse = self.network.enlarge(logits, size)
            channels = drawn_slices.drawn(image, points, labels, boxes, before)
            logits = coarse + self.detail(channels, features, coarse)
        numbers = answer_numbers(features, logits, logits.shape[2] // features.shape[2])
        return SliceOutput(logits, self.confidence(numbers)[:, 0], coarse)

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
        return SliceOutput(*(torch.cat(values)[back] for values in zip(*parts, strict=True)))

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
