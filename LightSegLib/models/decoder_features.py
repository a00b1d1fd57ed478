"""All that a network's decoder makes on its way to an answer, from wide and coarse to near and fine.

An answer needs only the last of these maps. To tell which places look alike the coarser ones count for more,
since they have seen more of what surrounds a place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.refineformer3d import RefineFormer3D
from LightSegLib.networks.veloxseg import VeloxSeg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from LightSegLib.models.promptable import FeatureNetwork


def decoder_features(network: FeatureNetwork, x: Tensor) -> Tensor:
    """Feature maps of all steps of a network's decoder, side by side on the finest one's grid.

    Args:
        network: of any kind; of one whose decoder has a single map, that map.
        x: (N, C, D, H, W), the network's input.

    Returns:
        (N, F, d, h, w) on the grid of `network.forward_features`; coarser maps are repeated, not smoothed.
    """
    maps: list[Tensor] = []
    hooks = [
        step.register_forward_hook(lambda _step, _inputs, output: maps.append(output))
        for step in _decoder_steps(network)
    ]
    try:
        finest = network.forward_features(x)
    finally:
        for hook in hooks:
            hook.remove()
    grid = tuple(finest.shape[2:])
    if not maps:
        return finest
    return torch.cat([functional.interpolate(part, grid, mode="nearest") for part in maps], dim=1)


def _decoder_steps(network: object) -> Iterable[nn.Module]:
    """The parts of a network whose outputs are the maps of its decoder; none where it has but one map."""
    if isinstance(network, VeloxSeg):
        return network.decoder.path.stages
    return network.decoder.steps if isinstance(network, RefineFormer3D) else ()
