"""The smallest promptable RefSAM3D, and a model folder of it with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tiny_model import PATCH, write_tiny_model

from LightSegLib.models.base import Capabilities
from LightSegLib.models.build import build_network
from LightSegLib.models.promptable_refsam3d import PromptableRefSAM3D

WIDTH = 384
"""Of the embeddings that come with LightSeg."""
CONFIG = {
    "width": 16,
    "depth": 2,
    "heads": 2,
    "window": [2, 2, 2],
    "plane_table": [4, 4],
    "depth_table": 4,
    "adapter": 8,
    "levels": [1, 2],
    "neck": 8,
    "prompt_heads": 2,
    "decoder": [8, 4],
}
TINY = {"network": "refsam3d", "config": CONFIG, "border": 4, "text": WIDTH}
CAPABILITIES = Capabilities(
    points=True, boxes=True, scribbles=True, mask=True, text=True, structures=["liver"]
)


def tiny_network(**entries: Any) -> PromptableRefSAM3D:
    """The network with random weights, none of them zero by chance of their beginning."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network({**TINY, **entries}, PATCH)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    assert isinstance(network, PromptableRefSAM3D)
    return network


def write_model(folder: Path, **entries: Any) -> Path:
    """Write a model folder; further entries are the card's."""
    usual = {"architecture": TINY, "capabilities": CAPABILITIES}
    return write_tiny_model(folder, "tiny-refsam3d", **{**usual, **entries})
