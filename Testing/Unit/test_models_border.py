"""The border head joins a trained network silently, learns to move single voxels, and sees what it should."""

from __future__ import annotations

import pytest
import torch
from tiny_model import ARCHITECTURE, PATCH, write_tiny_model
from torch import nn

from LightSegLib.models.border import CERTAIN, BorderHead, uncertain_cells
from LightSegLib.models.build import build_network, for_inference
from LightSegLib.models.guidance import empty_guidance
from LightSegLib.networks.cpu_ops import resize_linear
from LightSegLib.training.starting import start_from

WITH_BORDER = {**ARCHITECTURE, "border": 8}


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.rand(1, 1, *(PATCH,) * 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return image, torch.from_numpy(empty_guidance((PATCH,) * 3))[None]


def test_it_joins_a_trained_model_without_changing_its_answer(tmp_path) -> None:
    folder = write_tiny_model(tmp_path / "trained", seed=3)
    torch.manual_seed(0)
    plain, bordered = build_network(ARCHITECTURE, PATCH).eval(), build_network(WITH_BORDER, PATCH).eval()
    start_from(folder, plain)
    start_from(folder, bordered)
    with torch.no_grad():
        torch.testing.assert_close(bordered(*inputs()).logits, plain(*inputs()).logits)


def test_it_stays_in_the_network_that_is_shipped() -> None:
    light = build_network(for_inference(WITH_BORDER), PATCH)
    assert any(name.startswith("border.") for name in light.state_dict())


def test_it_moves_single_voxels() -> None:
    head = BorderHead(inputs=2, features=3, width=4)
    head.move.bias.data[5] = 3.0
    moved = head(torch.zeros(1, 2, 8, 8, 8), torch.zeros(1, 3, 4, 4, 4), torch.zeros(1, 1, 8, 8, 8))[0, 0]
    assert (moved[1::2, 0::2, 1::2] == 3).all()
    assert (moved == 3).sum() == 4**3


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_input_features_and_answer_all_reach_it_from_nearby_only(changed: int) -> None:
    torch.manual_seed(0)
    head = BorderHead(inputs=2, features=3, width=4)
    nn.init.normal_(head.move.weight)
    parts = [torch.zeros(1, 2, 24, 24, 24), torch.zeros(1, 3, 8, 8, 8), torch.zeros(1, 1, 24, 24, 24)]
    with torch.no_grad():
        before = head(*parts)
        parts[changed][..., 0] = 1.0
        moved = (head(*parts) - before).abs().amax((0, 1, 2, 3))
    assert moved[0] > 0
    assert (moved[12:] == 0).all()


def test_a_step_of_training_makes_it_speak() -> None:
    torch.manual_seed(0)
    network = build_network(WITH_BORDER, PATCH)
    optimizer = torch.optim.SGD(network.border.parameters(), lr=0.1)
    network(*inputs()).logits.square().mean().backward()
    optimizer.step()
    with torch.no_grad():
        assert network.border.move.weight.abs().sum() > 0


@pytest.mark.parametrize("size", [(12, 15, 9), (4, 5, 6), (7, 3, 6)])
def test_features_are_resized_as_torch_resizes(size: tuple[int, int, int]) -> None:
    x = torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    ours, theirs = resize_linear(x, size), nn.functional.interpolate(x, size=size, mode="trilinear")
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    (gradient,) = torch.autograd.grad(ours.square().sum(), x, retain_graph=True)
    (expected,) = torch.autograd.grad(theirs.square().sum(), x)
    torch.testing.assert_close(gradient, expected, atol=1e-4, rtol=1e-4)


def test_the_resizing_made_without_gradients_serves_training_too() -> None:
    with torch.inference_mode():
        resize_linear(torch.zeros(1, 1, 3, 3, 3), (5, 5, 5))
    x = torch.ones(1, 1, 3, 3, 3, requires_grad=True)
    resize_linear(x, (5, 5, 5)).sum().backward()
    assert x.grad is not None


def test_a_part_of_the_resized_features_is_that_part() -> None:
    x = torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    part = (slice(1, 6), slice(0, 15), slice(8, 9))
    whole = resize_linear(x, (12, 15, 9))
    torch.testing.assert_close(resize_linear(x, (12, 15, 9), part), whole[(slice(None), slice(None), *part)])


def blob(*centres: float) -> torch.Tensor:
    """Logits (N, 1, 48, 48, 48) of balls of radius 6, certain from 4 voxels off their border on."""
    along = torch.arange(48.0)
    k, j, i = torch.meshgrid(along, along, along, indexing="ij")
    off = [6 - ((k - c) ** 2 + (j - 20) ** 2 + (i - 30) ** 2).sqrt() for c in centres]
    return torch.stack(off)[:, None].clamp(-8, 8)


def test_without_gradients_it_works_around_the_border_and_says_the_same_there() -> None:
    torch.manual_seed(0)
    head, logits = BorderHead(inputs=2, features=3, width=4), blob(10.0, 40.0)
    nn.init.normal_(head.move.weight)
    x, features = torch.randn(2, 2, 48, 48, 48), torch.randn(2, 3, 16, 16, 16)
    everywhere = head(x, features, logits).detach()
    with torch.no_grad():
        found = head(x, features, logits)
    uncertain = logits.abs() < CERTAIN
    torch.testing.assert_close(found[uncertain], everywhere[uncertain])
    assert (found[0, 0, 28:] == 0).all()
    assert (found[1, 0, :24] == 0).all()
    assert (everywhere[0, 0, 28:] != 0).any()


def test_an_answer_that_is_certain_everywhere_stays() -> None:
    head = BorderHead(inputs=2, features=3, width=4)
    nn.init.normal_(head.move.weight)
    with torch.inference_mode():
        found = head(
            torch.randn(1, 2, 8, 8, 8), torch.randn(1, 3, 4, 4, 4), torch.full((1, 1, 8, 8, 8), -9.0)
        )
    assert (found == 0).all()


def test_the_box_of_cells_reaches_far_enough_and_not_beyond_the_cube() -> None:
    logits = torch.full((16, 16, 16), 9.0)
    logits[0, 7, 10:12] = 0.0
    assert uncertain_cells(logits) == (slice(0, 3), slice(1, 6), slice(3, 8))
