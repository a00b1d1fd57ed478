"""For tests of text: the smallest network that can be told one, cases with names, and samples of them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import torch
from tiny_model import ARCHITECTURE
from torch import Tensor, nn
from training_cases import ball_case, mm_from

from LightSegLib.models.promptable import PromptableNetwork
from LightSegLib.networks.modulation import Modulate
from LightSegLib.training.pack import PackedCase
from LightSegLib.training.sample import Sample
from LightSegLib.training.samples import SampleStream, SamplingPlan
from LightSegLib.training.scenes import Scene
from LightSegLib.training.text_plan import TextPlan

STAGE = 16
SIZE = 32
WIDTH = 384
"""Of the embeddings that come with LightSeg."""
TEXT = {**ARCHITECTURE, "text": WIDTH}
ALONE = TextPlan(alone=1.0, with_prompt=0.0, wrong=0.0, whole=0.0)
"""Every interaction begins with a right text alone, asked of a region around the object."""


class OneStage(nn.Module):
    """A strided convolution, the hook for a text, and two more convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv3d(channels, STAGE, 2, stride=2)
        self.body = nn.Conv3d(STAGE, STAGE, 3, padding=1)
        self.head = nn.Conv3d(STAGE, 1, 1)

    def forward_features(self, x: Tensor, modulate: Modulate | None = None) -> Tensor:
        features = nn.functional.gelu(self.stem(x))
        if modulate is not None:
            features = modulate(0, features)
        return nn.functional.gelu(self.body(features))

    def decode_head(self, features: Tensor) -> Tensor:
        return nn.functional.interpolate(self.head(features), scale_factor=2.0)


def smallest(text: int, seed: int = 0) -> PromptableNetwork:
    """The smallest promptable network, with random weights, that takes a text of some width."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = OneStage(PromptableNetwork.INPUT_CHANNELS)
        return PromptableNetwork(network, STAGE, 2, 8, text=text, stages=[STAGE])


def named_case(source: str = "totalseg_examples_ct", label: str = "liver", **settings: object) -> PackedCase:
    """A ball that the vocabulary has a name for, in a case stored upright."""
    return replace(ball_case(source=source, **settings), labels={1: label}, orientation="LPS")


def two_kidneys(shape: tuple[int, int, int] = (24, 28, 40)) -> PackedCase:
    """Two balls: the left kidney, label 3, where the last axis ends, and the right one, label 2; stored
    upright. The left one is the brighter one.
    """
    left, right = (mm_from(shape, (1.0, 1.0, 1.0), (12.0, 14.0, i)) <= 6 for i in (30.0, 9.0))
    case = named_case(shape=shape, spacing=(1.0, 1.0, 1.0))
    image = np.where(left, 220, np.where(right, 150, 60)) + np.random.default_rng(0).integers(-9, 10, shape)
    return replace(
        case,
        identifier="ts_example_ct_trunk",
        labels={2: "right kidney", 3: "left kidney"},
        label_map=(3 * left + 2 * right).astype(np.uint8),
        image=image.astype(np.uint8),
    )


def scene_around(case: PackedCase, middle: object, edge: float) -> Scene:
    """The cube of an edge in mm around a point of an upright case, in mm, array order."""
    return Scene.of(case, 3, np.eye(3, dtype=np.float32), np.ones(3, np.float32), np.array(middle), edge)


def stream_of(
    cases: list[PackedCase], text: TextPlan | None = ALONE, seed: int = 0, **settings: object
) -> SampleStream:
    """Samples of `SIZE`, real ones unless other kinds are asked for."""
    plan = SamplingPlan(SIZE, settings.pop("kinds", {"real": 1.0}), {}, text=text, **settings)
    return SampleStream(cases, plan, seed)


def drawn(stream: SampleStream, count: int) -> list[Sample]:
    """The first samples of a stream."""
    return list(itertools.islice(iter(stream), count))
