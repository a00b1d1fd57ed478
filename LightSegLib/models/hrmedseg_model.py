"""HRMedSeg with its weights on a device, as a model of slices: what `load_model` returns for its folders."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from LightSegLib.errors import ModelError
from LightSegLib.models.base import no_finite_answer
from LightSegLib.models.build_slices import build_slices
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.promptable_slices import PromptableSlices, SliceOutput
from LightSegLib.models.slice_base import LoadedSlices
from LightSegLib.models.slice_inputs import example_inputs, prompt_tensors
from LightSegLib.models.weights import load_weights
from LightSegLib.runtime.devices import choose_device, set_thread_count
from LightSegLib.runtime.fallback import run_with_fallback
from LightSegLib.runtime.memory import check_memory
from LightSegLib.runtime.precision import Plan, choose_precision, default_candidates

logger = logging.getLogger(__name__)
T = TypeVar("T")


class HRMedSegModel(LoadedSlices):
    """A slice in, an embedding out; prompts in, logits and expected Dice out. See `models.slices.SliceModel`.

    Args:
        card: what the model is; its `patch` is the edge of the square.
        network: the network with its weights.
        device: where to run it.

    Raises:
        ModelError: the square is no multiple of the network's patch.
        OutOfMemoryError: it does not fit into the memory.
    """

    needs_points = False

    def __init__(self, card: ModelCard, network: PromptableSlices, device: torch.device) -> None:
        try:
            network.network.config.grid(card.patch, card.patch)
        except ValueError as error:
            raise ModelError(
                f"The model {card.id} cannot see squares of {card.patch} pixels",
                str(error),
                "Correct `patch` in the card",
            ) from error
        if device.type == "cpu":  # a full GPU is no reason to refuse: the CPU stands in
            check_memory(card.memory_bytes or None, device, f"The model {card.id}")
        set_thread_count()
        super().__init__(card, device)
        self._network = network.eval().requires_grad_(False)
        self._plan: Plan | None = None
        _, self._device = run_with_fallback(self._network.to, device, f"The model {card.id}")

    @property
    def plan(self) -> Plan:
        """The number format in use, measured by `warm_up`."""
        return self.warm_up() if self._plan is None else self._plan

    def warm_up(self) -> Plan:
        """Find the fastest number format on this device, so that the first click is not the slow one.

        Raises:
            OutOfMemoryError: it fits neither on its device nor on the CPU.
        """
        self._plan = None
        return self._run(lambda place, plan: plan)

    def encode(self, image: np.ndarray) -> Tensor:
        """Look at a slice; see `models.slices.SliceModel.encode`.

        Args:
            image: float32 (1, size, size), -1 to 1.

        Returns:
            The embedding, (1, E, h, w), on the CPU.

        Raises:
            ModelError: another shape, or an embedding that is not finite.
            OutOfMemoryError: as in `warm_up`.
        """
        pixels = self._grey(image)[None]

        def look(place: torch.device, plan: Plan) -> Tensor:
            with plan.running():
                embedding: Tensor = self._network.encode(pixels.to(place)).cpu()
                return embedding

        embedding = self._run(look)
        if not bool(torch.isfinite(embedding).all()):
            raise self._not_finite()
        return embedding

    def decode(
        self,
        embedding: Tensor,
        points: np.ndarray,
        labels: np.ndarray,
        box: np.ndarray | None,
        previous: np.ndarray | None,
    ) -> tuple[np.ndarray, float]:
        """Segment the slice of an embedding; see `models.slices.SliceModel.decode`.

        Returns:
            float32 logits, four for each cell of the embedding along each edge, and the expected Dice
            coefficient.

        Raises:
            ModelError: the answer is not finite.
            OutOfMemoryError: as in `warm_up`.
        """
        prompts = prompt_tensors(points, labels, box, previous)

        def ask(place: torch.device, plan: Plan) -> SliceOutput:
            with plan.running():
                there = {name: value.to(place) for name, value in prompts.items()}
                return self._network.decode(embedding.to(place), **there)

        output = self._run(ask)
        logits = output.logits[0, 0].float().cpu().numpy()
        expected = float(torch.sigmoid(output.expected.float())[0])
        if not (np.isfinite(logits).all() and np.isfinite(expected)):
            raise self._not_finite()
        return logits, expected

    def _run(self, attempt: Callable[[torch.device, Plan], T]) -> T:
        """Use the network on its device, or for good on the CPU if the device has too little memory."""

        def step(place: torch.device) -> T:
            self._network.to(place)
            if self._plan is None or self._plan.device != place.type:
                self._plan = self._measured(place)
            return attempt(place, self._plan)

        result, self._device = run_with_fallback(step, self._device, f"The model {self.card.id}")
        return result

    def _measured(self, place: torch.device) -> Plan:
        # The layouts that are told apart are those of volumes.
        flat = [candidate for candidate in default_candidates(place) if not candidate.channels_last]
        example = [value.to(place) for value in example_inputs(self.size)]
        return choose_precision(self._network, example, place, flat)

    def _not_finite(self) -> ModelError:
        return no_finite_answer(self.card.id, f"{self.device} in {self.plan.describe()}")


def load_hrmedseg_model(folder: Path, card: ModelCard, device: str = "auto") -> HRMedSegModel:
    """Load the weights of a model folder and put them on a device.

    Raises:
        ModelError: weights or card are damaged, or do not fit each other.
        DeviceError: there is no such device.
        OutOfMemoryError: it does not fit.
    """
    began = time.perf_counter()
    network = build_slices(card.architecture, card.patch)
    load_weights(network, folder, card.weights)
    model = HRMedSegModel(card, network, choose_device(device))
    model.load_seconds = time.perf_counter() - began
    logger.info("Loaded %s in %.2f s", card.id, model.load_seconds)
    return model
