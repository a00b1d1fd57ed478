"""The smallest network of slices that is one, with random weights, and a model folder of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from training_cases import tiny_recipe

from LightSegLib.models.base import Capabilities
from LightSegLib.models.build_slices import build_slices
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.promptable_slices import PromptableSlices
from LightSegLib.models.weights import save_weights
from LightSegLib.training.recipe import Recipe

CONFIG = {
    "patch_size": 8,
    "dim": 8,
    "depths": [1, 1, 1, 1],
    "heads": [1, 2, 2],
    "embedding_ch": 16,
    "decoder_heads": 2,
    "decoder_mlp": 16,
}
SLICES = {"network": "hrmedseg", "config": CONFIG}
SIZE = 48
FLAT = Capabilities(points=True, boxes=True, scribbles=True, mask=True, text=False, dimensions=2)


def tiny_network(seed: int = 0, **changes: Any) -> PromptableSlices:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_slices({**SLICES, "config": {**CONFIG, **changes}}, SIZE)


def write_slice_model(folder: Path, seed: int = 0, **entries: Any) -> Path:
    """Write a model folder; entries of the card may differ."""
    usual: dict[str, Any] = {
        "id": "flat",
        "title": "Random weights, for tests",
        "licence": "Apache-2.0",
        "architecture": SLICES,
        "patch": SIZE,
        "capabilities": FLAT,
    }
    if "weights" not in entries:
        usual["weights"] = save_weights(tiny_network(seed).state_dict(), folder, precision="float32")
    ModelCard(**{**usual, **entries}).write(folder)
    return folder


def slice_recipe(**entries: Any) -> Recipe:
    usual = {"model_id": "flat", "architecture": SLICES, "patch": SIZE, "batch": 2, "closer": 0.6}
    return tiny_recipe(**{**usual, **entries})
