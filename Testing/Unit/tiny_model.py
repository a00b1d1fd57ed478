"""A model folder with random weights: small enough to be made, loaded and run in a moment.

Its masks mean nothing; everything around them is real. Fixtures here are taken by importing them::

    from tiny_model import tiny_model  # noqa: F401 - a fixture
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from LightSegLib.models.base import Capabilities
from LightSegLib.models.build import build_network
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.weights import save_weights

ARCHITECTURE = {
    "network": "veloxseg",
    "config": {"patch_size": 2, "base_ch": 8, "min_dim_group": [4, 8, 8, 16], "deep_supervision": False},
    "detail": 8,
}
PATCH = 32
CLICKS_BOXES_SCRIBBLES_MASK = Capabilities(points=True, boxes=True, scribbles=True, mask=True, text=False)


def write_tiny_model(folder: Path, name: str = "tiny", seed: int = 0, **entries: object) -> Path:
    """Write a model folder.

    Args:
        folder: where to; it is made.
        name: the model's id.
        seed: of the weights.
        entries: more entries of the card, or others than the usual ones.

    Returns:
        The folder.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(entries.get("architecture", ARCHITECTURE), PATCH)
    usual = {
        "title": "Random weights, for tests",
        "licence": "Apache-2.0",
        "architecture": ARCHITECTURE,
        "patch": PATCH,
        "capabilities": CLICKS_BOXES_SCRIBBLES_MASK,
        "weights": save_weights(network.state_dict(), folder),
        "training": {"recipe": {}, "minutes": 0, "steps": 0, "samples": 0, "hardware": "none"},
    }
    ModelCard(id=name, **{**usual, **entries}).write(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with card.json and model.safetensors, shared by all tests: do not change it."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
