"""Every architecture becomes promptable through the one wrapper, and bad settings are refused."""

from __future__ import annotations

import pytest
import torch

from LightSegLib.errors import ModelError
from LightSegLib.models.build import build_network
from LightSegLib.models.guidance import POSITIVE, empty_guidance

SEGMAFORMER = {
    "network": "segmaformer",
    "config": {
        "channels": [12, 12, 18, 24],
        "heads": [1, 2, 3, 4],
        "decoder_width": 16,
        "bidirectional": True,
    },
    "detail": 8,
}
REFINEFORMER = {
    "network": "refineformer3d",
    "config": {
        "channels": [8, 8, 16, 16],
        "heads": [1, 2, 2, 4],
        "windows": [[4, 4, 4], [2, 2, 2], [2, 2, 2], [1, 1, 1]],
        "decoder": [16, 8, 8, 8],
        "smallest_rank": 4,
        "first_stride": 4,
        "head": "light",
    },
    "detail": 8,
}


@pytest.mark.parametrize(("architecture", "patch"), [(SEGMAFORMER, 40), (REFINEFORMER, 64)])
def test_an_architecture_hears_clicks(architecture, patch):
    torch.manual_seed(0)
    network = build_network(architecture, patch).eval()
    guidance = torch.from_numpy(empty_guidance((patch,) * 3))[None]
    image = torch.rand(1, 1, *(patch,) * 3) * 2 - 1
    clicked = guidance.clone()
    clicked[:, POSITIVE, 10:14, 10:14, 10:14] = 1
    with torch.inference_mode():
        silent, heard = network(image, guidance), network(image, clicked)
    assert silent.logits.shape == (1, 1, *(patch,) * 3)
    assert (silent.logits != heard.logits).any()


@pytest.mark.parametrize(
    ("architecture", "patch", "message"),
    [
        (SEGMAFORMER, 32, "too few to norm"),
        (SEGMAFORMER, 42, "divide the patch"),
        (REFINEFORMER, 40, "cubes that work"),
        ({"network": "segmaformer", "config": {"depth": 1}}, 64, "unknown settings"),
    ],
)
def test_settings_that_do_not_fit_the_patch_are_refused_with_the_reason(architecture, patch, message):
    with pytest.raises(ModelError, match=message):
        build_network(architecture, patch)


@pytest.mark.parametrize(("architecture", "patch"), [(SEGMAFORMER, 40), (REFINEFORMER, 64)])
def test_a_network_that_was_used_first_can_still_be_trained(architecture, patch):
    torch.manual_seed(0)
    network = build_network(architecture, patch)
    guidance = torch.from_numpy(empty_guidance((patch,) * 3))[None]
    image = torch.rand(1, 1, *(patch,) * 3)
    with torch.inference_mode():
        network.eval()(image, guidance)
    network.train()(image, guidance).logits.square().mean().backward()
    assert any(p.grad is not None and p.grad.abs().any() for p in network.network.parameters())
