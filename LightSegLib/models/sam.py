"""Any SAM of transformers as a model of slices: SAM, arXiv 2304.02643; SAM 2, arXiv 2408.00714."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.errors import ModelError
from LightSegLib.models.base import no_finite_answer
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.slice_base import LoadedSlices
from LightSegLib.runtime.devices import set_thread_count
from LightSegLib.runtime.fallback import run_with_fallback
from LightSegLib.runtime.precision import Plan

NO_POINT = -1
"""SAM's label of a point that says nothing."""
T = TypeVar("T")


class SamSliceModel(LoadedSlices):
    """A slice in, an embedding out; prompts in, logits and expected Dice out. See `models.slices.SliceModel`.

    Args:
        card: what the model is; its `patch` is the edge of the square.
        network: a `SamModel` of transformers, or one of its successors.
        device: where to run it.
        normalisation: per channel, what to subtract from grey values of 0 to 1 and to divide by.
        mask_pixels: edge of the masks that it takes as prompts.

    Raises:
        OutOfMemoryError: it does not fit into the memory.
    """

    def __init__(
        self,
        card: ModelCard,
        network: nn.Module,
        device: torch.device,
        normalisation: tuple[list[float], list[float]],
        mask_pixels: int,
    ) -> None:
        super().__init__(card, device)
        set_thread_count()
        self._network = network.eval().float().requires_grad_(False)
        self._mean, self._divisor = (torch.tensor(values)[:, None, None] for values in normalisation)
        self._mask_pixels = mask_pixels
        self._run(lambda place: None)

    def warm_up(self) -> Plan:
        """Segment an empty slice once, so that the first click is not the slow one.

        Raises:
            ModelError: the network does not answer as a SAM does.
            OutOfMemoryError: it fits neither on its device nor on the CPU.
        """
        began = time.perf_counter()
        embedding = self.encode(np.zeros((1, self.size, self.size), np.float32))
        middle = np.full((1, 2), self.size / 2, np.float32)
        self.decode(embedding, middle, np.ones(1, np.int64), None, None)
        seconds = time.perf_counter() - began
        return Plan(torch.float32, False, seconds, torch.get_num_threads(), self._device.type)

    def encode(self, image: np.ndarray) -> list[Tensor]:
        """Look at a slice; see `models.slices.SliceModel.encode`.

        Args:
            image: float32 (1, size, size), -1 to 1.

        Returns:
            The embedding's tensors, float16 on the CPU: half the memory for a thousandth of their values.

        Raises:
            ModelError: another shape, or an embedding that is not finite.
            OutOfMemoryError: as in `warm_up`.
        """
        grey = (self._grey(image) + 1) / 2
        pixels = ((grey - self._mean) / self._divisor)[None]

        def look(place: torch.device) -> Any:
            return self._network.get_image_embeddings(pixels.to(place))  # type: ignore[operator]

        found = self._run(look)
        tensors = [found] if isinstance(found, Tensor) else list(found)
        embedding = [tensor.half().cpu() for tensor in tensors]
        if not all(bool(torch.isfinite(tensor).all()) for tensor in embedding):
            raise self._not_finite()
        return embedding

    def decode(
        self,
        embedding: list[Tensor],
        points: np.ndarray,
        labels: np.ndarray,
        box: np.ndarray | None,
        previous: np.ndarray | None,
    ) -> tuple[np.ndarray, float]:
        """Segment the slice of an embedding; see `models.slices.SliceModel.decode`.

        Returns:
            float32 logits, a quarter of `size` along each edge, and the expected Dice coefficient, which is
            made from the intersection over union that the network expects.

        Raises:
            ModelError: the answer is not finite.
            OutOfMemoryError: as in `warm_up`.
        """
        prompts = self._prompts(points, labels, box, previous)

        def ask(place: torch.device) -> Any:
            tensors = [tensor.to(place).float() for tensor in embedding]
            return self._network(
                image_embeddings=tensors if len(tensors) > 1 else tensors[0],
                multimask_output=False,
                **{name: value.to(place) for name, value in prompts.items()},
            )

        answer = self._run(ask)
        logits = answer.pred_masks.float().cpu().numpy()
        logits = logits.reshape(-1, *logits.shape[-2:])[0]
        expected = float(answer.iou_scores.float().reshape(-1)[0])
        if not (np.isfinite(logits).all() and np.isfinite(expected)):
            raise self._not_finite()
        overlap = min(max(expected, 0.0), 1.0)
        return logits, 2 * overlap / (1 + overlap)

    def _prompts(
        self, points: np.ndarray, labels: np.ndarray, box: np.ndarray | None, previous: np.ndarray | None
    ) -> dict[str, Tensor]:
        """The network's arguments. It adds half a pixel to points and corners itself."""
        prompts: dict[str, Tensor] = {}
        if len(points) == 0 and box is None:
            points, labels = np.zeros((1, 2), np.float32), np.full(1, NO_POINT)
        if len(points):
            prompts["input_points"] = torch.from_numpy(np.asarray(points, np.float32))[None, None]
            prompts["input_labels"] = torch.from_numpy(np.asarray(labels, np.int64))[None, None]
        if box is not None:
            prompts["input_boxes"] = torch.from_numpy(np.asarray(box, np.float32))[None, None]
        if previous is not None:
            mask = torch.from_numpy(np.ascontiguousarray(previous, np.float32))[None, None]
            edges = (self._mask_pixels, self._mask_pixels)
            if mask.shape[-2:] != edges:
                mask = functional.interpolate(mask, edges, mode="bilinear", antialias=True)
            prompts["input_masks"] = mask
        return prompts

    def _run(self, attempt: Callable[[torch.device], T]) -> T:
        """Use the network on its device, or for good on the CPU if the device has too little memory."""

        def step(place: torch.device) -> T:
            self._network.to(place)
            with torch.inference_mode():
                return attempt(place)

        try:
            result, self._device = run_with_fallback(step, self._device, f"The model {self.card.id}")
        except (ValueError, TypeError, RuntimeError, AttributeError, LookupError, ArithmeticError) as error:
            raise ModelError(
                f"The model {self.card.id} does not work as a SAM does",
                f"{type(error).__name__}: {error}",
                "Check that its configuration fits its weights, or install another version of transformers",
            ) from error
        return result

    def _not_finite(self) -> ModelError:
        return no_finite_answer(self.card.id, self.device)
