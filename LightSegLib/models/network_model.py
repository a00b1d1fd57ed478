"""A promptable network with its weights on a device: what `load_model` returns."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from LightSegLib.errors import CapabilityError, ModelError
from LightSegLib.models.base import Capabilities, Prediction, no_finite_answer
from LightSegLib.models.build import build_network, text_width
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.guidance import GUIDANCE_CHANNELS, POSITIVE, draw_balls, empty_guidance
from LightSegLib.models.weights import load_weights
from LightSegLib.runtime.devices import choose_device, set_thread_count
from LightSegLib.runtime.fallback import FallbackRunner
from LightSegLib.runtime.memory import check_memory
from LightSegLib.runtime.precision import Plan, choose_precision

logger = logging.getLogger(__name__)


def best_threshold(expected_dice: float) -> float:
    """The logit above which a voxel should count as inside, if Dice is to be as high as can be expected.

    With probabilities that mean what they say, that is half the best Dice that can be expected, and so below
    one half whenever the network is unsure (Lipton et al., arXiv 1402.1892, for the F1 score, which
    Dice is).

    Args:
        expected_dice: 0 to 1; taken as at least 0.2, so that a network that knows nothing does not flood the
            region.
    """
    probability = min(max(expected_dice, 0.2), 0.98) / 2
    return math.log(probability / (1 - probability))


class Describes(Protocol):
    """A network that has features to show."""

    def describe(self, image: Tensor) -> Tensor:
        """What it sees where nothing is said: (N, F, D / stride, ...) of regions (N, C, D, H, W)."""
        ...


class NetworkModel:
    """One region in, logits and expected Dice out; see `models.base.InteractiveModel`.

    Args:
        card: what the model is.
        network: a `PromptableNetwork` with its weights, or one of the same interface.
        device: where to run it.

    Raises:
        OutOfMemoryError: one forward pass needs more memory than is free.
    """

    def __init__(self, card: ModelCard, network: nn.Module, device: torch.device) -> None:
        self.card = card
        self.load_seconds = 0.0
        if device.type == "cpu":  # a full GPU is no reason to refuse: the runner falls back
            check_memory(card.memory_bytes or None, device, f"The model {card.id}")
        set_thread_count()
        self._network = network.eval().requires_grad_(False)
        self._plan: Plan | None = None
        self._runner = FallbackRunner(self._network, device, self._forward, f"The model {card.id}")

    @property
    def capabilities(self) -> Capabilities:
        """Prompts and images the model understands."""
        return self.card.capabilities

    @property
    def patch_kji(self) -> tuple[int, int, int]:
        """Samples of a region, array order."""
        return (self.card.patch,) * 3

    @property
    def device(self) -> str:
        """Where the next region runs: "cpu", "cuda:0" and so on."""
        return str(self._runner.device)

    @property
    def plan(self) -> Plan:
        """The number format and memory layout in use, measured by `warm_up`."""
        return self.warm_up() if self._plan is None else self._plan

    def warm_up(self) -> Plan:
        """Find the fastest way to run on this device; takes about a second,
        so that the first click does not.

        Raises:
            OutOfMemoryError: it fits neither on its device nor on the CPU.
        """
        self._plan = None
        self._runner(*self._example())  # measures where there is no plan, and falls back to the CPU
        return self.plan

    def predict(self, image: np.ndarray, guidance: np.ndarray, text: np.ndarray | None = None) -> Prediction:
        """Segment one region; see `models.base.InteractiveModel.predict`.

        Raises:
            ModelError: the arrays are not of the model's patch, or the answer is not finite.
        """
        return self.predict_batch([(image, guidance)], text)[0]

    def predict_batch(
        self, regions: Sequence[tuple[np.ndarray, np.ndarray]], text: np.ndarray | None = None
    ) -> list[Prediction]:
        """Segment several regions at once; each is (image (C, K, J, I), guidance (G, K, J, I)).

        A text is that of all of them.

        Raises:
            ModelError: as in `predict`.
        """
        if not regions:
            return []
        shapes = ((self.capabilities.channels, *self.patch_kji), (GUIDANCE_CHANNELS, *self.patch_kji))
        for region in regions:
            if tuple(part.shape for part in region) != shapes:
                raise ModelError(
                    f"The model {self.card.id} was given image and guidance of shapes "
                    f"{region[0].shape} and {region[1].shape}",
                    f"it takes {shapes[0]} and {shapes[1]}",
                    "Use InteractiveSession, which cuts regions to the model's size",
                )
        image, guidance = (
            torch.from_numpy(np.stack(parts).astype(np.float32, copy=False))
            for parts in zip(*regions, strict=True)
        )
        output = self._runner(image, guidance, *self._told(text, len(regions)))
        logits = output.logits[:, 0].float().cpu().numpy()
        expected = torch.sigmoid(output.expected.float()).cpu().numpy()
        if not (np.isfinite(logits).all() and np.isfinite(expected).all()):
            raise no_finite_answer(self.card.id, f"{self.device} in {self.plan.describe()}")
        return [
            Prediction(answer - best_threshold(dice), dice)
            for answer, dice in zip(logits, expected.tolist(), strict=True)
        ]

    @property
    def feature_stride(self) -> int:
        """Samples of a region per cell of `features`; 0 if the network has none to show."""
        return int(getattr(self._network, "stride", 0)) if hasattr(self._network, "describe") else 0

    def features(self, image: np.ndarray) -> np.ndarray:
        """Describe one region; see `models.base.DescribesRegions.features`.

        Raises:
            CapabilityError: the network has no features to show.
            ModelError: the image is not of the model's patch, or the features are not finite.
        """
        shape = (self.capabilities.channels, *self.patch_kji)
        if not self.feature_stride:
            raise CapabilityError(
                f"The model {self.card.id} has no features to show", "", "Load another model"
            )
        if image.shape != shape:
            raise ModelError(
                f"The model {self.card.id} was given an image of shape {image.shape}", f"it takes {shape}"
            )
        region = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None]
        found: np.ndarray = self._runner.run(self._describe, region)[0].float().cpu().numpy()
        if not np.isfinite(found).all():
            raise no_finite_answer(self.card.id, f"{self.device} in {self.plan.describe()}")
        return found

    def _describe(self, network: nn.Module, image: Tensor) -> Tensor:
        plan = self._plan_on(
            network, image.device, lambda: [part.to(image.device) for part in self._example()]
        )
        with plan.running():
            return cast("Describes", network).describe(plan.arrange(image))

    def _told(self, text: np.ndarray | None, count: int) -> list[Tensor]:
        """The text for a batch, (N, width), zeros for none; nothing for a model that takes no text."""
        width = text_width(self.card.architecture)
        if not width:
            if text is not None:
                raise ModelError(f"The model {self.card.id} takes no text", "", "Click instead")
            return []
        vector = np.zeros(width, np.float32) if text is None else np.asarray(text, np.float32)
        if vector.shape != (width,):
            raise ModelError(
                f"The model {self.card.id} was given a text vector of shape {vector.shape}",
                f"It takes {width} numbers, as the encoder it was trained with makes",
                "Take the vectors that come with LightSeg",
            )
        return [torch.from_numpy(vector).expand(count, -1)]

    def _forward(self, network: nn.Module, image: Tensor, guidance: Tensor, *text: Tensor) -> Any:
        plan = self._plan_on(network, image.device, lambda: [image, guidance, *text])
        with plan.running():
            return self._answer(network, plan.arrange(image), plan.arrange(guidance), *text)

    def _plan_on(self, network: nn.Module, device: torch.device, example: Callable[[], list[Tensor]]) -> Plan:
        """The plan for a device, measured where there is none yet, which alone needs an example."""
        if self._plan is None or self._plan.device != device.type:
            self._plan = choose_precision(network, example(), device)
        return self._plan

    def _answer(self, network: nn.Module, image: Tensor, guidance: Tensor, *text: Tensor) -> Any:
        """Run the network, in inference mode and in the plan's number format."""
        return network(image, guidance, *text)

    def _example(self) -> tuple[Tensor, ...]:
        """A bright ball with a click in its middle: content that looks like an image, for measurements."""
        guidance = empty_guidance(self.patch_kji)
        centre = (np.array(self.patch_kji) - 1) / 2
        draw_balls(guidance[POSITIVE], [centre])
        image = empty_guidance(self.patch_kji)[: self.capabilities.channels]
        for channel in image:
            draw_balls(channel, [centre], radius=self.patch_kji[0] / 4)
        return torch.from_numpy(image)[None], torch.from_numpy(guidance)[None], *self._told(None, 1)


def _wrapper(network: nn.Module) -> type[NetworkModel]:
    """The kind of model that suits a network."""
    from LightSegLib.models.promptable_refsam3d import PromptableRefSAM3D
    from LightSegLib.models.refsam3d_model import RefSAM3DModel

    return RefSAM3DModel if isinstance(network, PromptableRefSAM3D) else NetworkModel


def load_network_model(folder: Path, card: ModelCard, device: str = "auto") -> NetworkModel:
    """Load the weights of a model folder and put them on a device.

    Raises:
        ModelError: weights or card are damaged.
        DeviceError: there is no such device.
        OutOfMemoryError: it does not fit.
    """
    began = time.perf_counter()
    network = build_network(card.architecture, card.patch)
    load_weights(network, folder, card.weights)
    model = _wrapper(network)(card, network, choose_device(device))
    model.load_seconds = time.perf_counter() - began
    logger.info("Loaded %s in %.2f s", card.id, model.load_seconds)
    return model
