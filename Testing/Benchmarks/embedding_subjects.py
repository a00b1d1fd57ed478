"""The networks that can keep an embedding, and how each is asked about a click."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Subject:
    """A network that encodes once and decodes per prompt.

    Attributes:
        title: its name in the table.
        shape: of one input, (C, H, W) or (C, D, H, W).
        build: makes the network with random weights.
        ask: decodes a click: called with network, embedding, the click's place and the answer before, or
            None.
        shown: what the network takes for an answer before: its logits, or probabilities.
    """

    title: str
    shape: tuple[int, ...]
    build: Callable[[], Any]
    ask: Callable[[Any, Any, torch.Tensor, torch.Tensor | None], torch.Tensor]
    shown: Callable[[torch.Tensor], torch.Tensor] = lambda logits: logits


def subjects() -> list[Subject]:
    """The published networks, then our smaller ones.

    RefSAM3D gets the smallest cube with more than one of its windows, of 32 voxels, along each axis.
    """
    from LightSegLib.networks import hrmedseg, refsam3d

    published = [
        Subject("HRMedSeg, published", (3, 1024, 1024), lambda: hrmedseg.published("hrmedseg"), ask_slice),
        Subject(
            "RefSAM3D, base", (1, 64, 64, 64), lambda: refsam3d.published("base"), ask_volume, foreground
        ),
    ]
    slices, volumes = _in_our_recipes()
    small = [
        Subject(
            f"RefSAM3D small, {n}",
            (1, n, n, n),
            lambda: refsam3d.published("small"),
            ask_volume,
            lambda logits: logits.sigmoid(),
        )
        for n in (64, 96)
    ]
    return [*published, slices, *small, volumes]


def _in_our_recipes() -> tuple[Subject, Subject]:
    """HRMedSeg and RefSAM3D as we train them."""
    from LightSegLib.models.build import build_network
    from LightSegLib.models.build_slices import build_slices
    from LightSegLib.training.recipe import read_recipe

    slices, volumes = read_recipe("hrmedseg-2d"), read_recipe("refsam3d-small")
    return (
        Subject(
            "HRMedSeg, hrmedseg-2d",
            (1, slices.patch, slices.patch),
            lambda: build_slices(slices.architecture, slices.patch),
            ask_promptable_slice,
        ),
        Subject(
            "RefSAM3D, refsam3d-small",
            (1, *[volumes.patch] * 3),
            lambda: build_network(volumes.architecture, volumes.patch),
            ask_region,
            lambda logits: (logits > 0).float(),
        ),
    )


def ask_slice(
    network: Any, embedding: Any, place: torch.Tensor, previous: torch.Tensor | None
) -> torch.Tensor:
    """A click in a slice: logits (1, 1, H, W) for a place (1, 1, 2) and logits before."""
    answer: torch.Tensor = network.decode(embedding, place, place[..., 0] * 0 + 1, None, previous)
    return answer


def ask_promptable_slice(
    network: Any, embedding: Any, place: torch.Tensor, previous: torch.Tensor | None
) -> torch.Tensor:
    """As `ask_slice`, with the heads that a model in use has beside the network."""
    labels = place[..., 0] * 0 + 1
    answer: torch.Tensor = network.decode(embedding, points=place, labels=labels, previous=previous).logits
    return answer


def ask_volume(
    network: Any, embedding: Any, place: torch.Tensor, previous: torch.Tensor | None
) -> torch.Tensor:
    """A click in a volume: logits (1, classes, D, H, W) for a place (1, 1, 3) and a probability before."""
    labels = place[..., 0] * 0 + 1
    answer: torch.Tensor = network.decode(embedding, points=place, labels=labels, previous=previous)
    return answer


def ask_region(
    network: Any, embedding: Any, place: torch.Tensor, previous: torch.Tensor | None
) -> torch.Tensor:
    """A click drawn as guidance: logits (1, 1, D, H, W) for a place (1, 1, 3) and a mask before."""
    import torch

    from LightSegLib.models.guidance import POSITIVE, PREVIOUS, draw_balls, empty_guidance

    drawn = empty_guidance(tuple(embedding.image.shape[2:]))
    draw_balls(drawn[POSITIVE], place[0].numpy())
    guidance = torch.from_numpy(drawn)[None]
    if previous is not None:
        guidance[:, PREVIOUS] = previous[:, 0]
    answer: torch.Tensor = network.decode(embedding, guidance).logits
    return answer


def foreground(logits: torch.Tensor) -> torch.Tensor:
    """Probability (N, 1, ...) of the second of two classes, from logits (N, 2, ...)."""
    return logits.softmax(1)[:, 1:]
