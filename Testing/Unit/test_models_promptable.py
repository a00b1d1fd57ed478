"""Any network becomes promptable: it hears the prompts, and without them it is the network it was."""

from __future__ import annotations

import itertools

import pytest
import torch
from tiny_model import ARCHITECTURE, PATCH
from torch import Tensor, nn

from LightSegLib.models import likeness
from LightSegLib.models.build import build_network
from LightSegLib.models.cells import channels_to_space
from LightSegLib.models.guidance import BOX, GUIDANCE_CHANNELS, NEGATIVE, POSITIVE, PREVIOUS
from LightSegLib.models.promptable import PromptableNetwork
from LightSegLib.networks.veloxseg import VeloxSeg
from LightSegLib.networks.veloxseg_config import VeloxSegConfig
from LightSegLib.training.mixed_precision import prepare_grouped_convolutions

SHAPE = (PATCH,) * 3


def built(seed: int = 0, detail: bool = False) -> PromptableNetwork:
    """The tiny network with random weights; the detail head, which starts silent, can be made to speak."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(ARCHITECTURE, PATCH)
        if detail:
            nn.init.normal_(network.detail_out.weight, std=0.05)
        return network.eval()


def batch(count: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images and guidance with something in every channel."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(count, 1, *SHAPE, generator=generator) * 2 - 1
    guidance = torch.zeros(count, GUIDANCE_CHANNELS, *SHAPE)
    guidance[:, PREVIOUS, 8:20, 8:20, 8:20] = 1
    guidance[:, POSITIVE, 10:14, 10:14, 10:14] = 1
    guidance[:, NEGATIVE, 22:26, 10:14, 10:14] = 1
    guidance[:, BOX, 6:22, 6:22, 6:22] = 1
    return image, guidance


class OneConvolution(nn.Module):
    """The smallest network the wrapper takes: a strided convolution, and nearest upsampling."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv3d(channels, 4, 2, stride=2)
        self.head = nn.Conv3d(4, 1, 1)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.stem(x)

    def decode_head(self, features: Tensor) -> Tensor:
        return nn.functional.interpolate(self.head(features), scale_factor=2.0)


def test_the_answer_has_one_logit_per_voxel_and_one_expected_dice_per_region() -> None:
    output = built()(*batch(3))
    assert output.logits.shape == output.coarse.shape == (3, 1, *SHAPE)
    assert output.expected.shape == (3,)
    assert all(torch.isfinite(part).all() for part in output)


def test_at_the_start_of_training_the_detail_head_adds_nothing() -> None:
    output = built()(*batch())
    torch.testing.assert_close(output.logits, output.coarse)


def without_prompts(network: PromptableNetwork) -> tuple[PromptableNetwork, VeloxSeg]:
    """The network deaf to all but the image, and a plain network of the image alone with the same weights."""
    settings = {"input_size": [PATCH] * 3, "in_ch": [1], "n_classes": 1, "reconstruction": False}
    plain = VeloxSeg(VeloxSegConfig.from_dict({**settings, **ARCHITECTURE["config"]})).eval()
    wide, narrow = network.network.state_dict(), plain.state_dict()
    assert set(wide) == set(narrow)
    widened = [name for name, value in wide.items() if value.shape != narrow[name].shape]
    assert widened, "the prompts have no way in"
    for name in widened:
        assert wide[name].shape[1] == PromptableNetwork.INPUT_CHANNELS
        wide[name][:, 1:] = 0
    plain.load_state_dict({name: v[:, :1] if name in widened else v for name, v in wide.items()})
    network.network.load_state_dict(wide)
    return network, plain


def test_with_silent_guidance_and_new_input_weights_of_zero_it_is_the_click_free_network() -> None:
    network, plain = without_prompts(built())
    image, guidance = batch()
    with torch.no_grad():
        expected = plain.decode_head(plain.forward_features(image))
        silent = network(image, torch.zeros_like(guidance)).logits
        deaf = network(image, guidance).logits
    torch.testing.assert_close(silent, expected)
    torch.testing.assert_close(deaf, expected)
    assert expected.std() > 0


@pytest.mark.parametrize("channel", [PREVIOUS, POSITIVE, NEGATIVE, BOX])
def test_every_kind_of_prompt_reaches_the_answer(channel: int) -> None:
    network = built()
    image, guidance = batch(1)
    without = guidance.clone()
    without[:, channel] = 0
    with torch.no_grad():
        difference = network(image, guidance).logits - network(image, without).logits
    assert difference.abs().max() > 1e-4


def test_the_gradient_reaches_every_weight() -> None:
    network = built(detail=True).train()
    output = network(*batch())
    (
        output.logits.square().mean() + output.coarse.square().mean() + output.expected.square().mean()
    ).backward()
    unreached = [
        name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()
    ]
    assert unreached == []


def test_judging_itself_does_not_change_how_the_network_segments() -> None:
    network = built(detail=True)
    network(*batch()).expected.sum().backward()
    reached = {name for name, value in network.named_parameters() if value.grad is not None}
    assert reached == {name for name, _ in network.named_parameters() if name.startswith("confidence.")}


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_channels_become_the_voxels_of_a_cell_in_array_order(stride: int) -> None:
    cells = torch.arange(2 * stride**3 * 2 * 3 * 4).reshape(2, stride**3, 2, 3, 4).float()
    space = channels_to_space(cells, stride)
    assert space.shape == (2, 1, 2 * stride, 3 * stride, 4 * stride)
    for a, b, c in itertools.product(range(stride), repeat=3):
        channel = (a * stride + b) * stride + c
        torch.testing.assert_close(space[:, 0, a::stride, b::stride, c::stride], cells[:, channel])


def test_the_detail_head_can_move_single_voxels() -> None:
    network = PromptableNetwork(OneConvolution(PromptableNetwork.INPUT_CHANNELS), 4, 2, detail=8)
    nn.init.zeros_(network.detail_out.bias)
    network.detail_out.bias.data[5] = 3.0
    output = network(torch.zeros(1, 1, 8, 8, 8), torch.zeros(1, GUIDANCE_CHANNELS, 8, 8, 8))
    moved = (output.logits - output.coarse)[0, 0]
    assert (moved[1::2, 0::2, 1::2] == 3).all()
    assert (moved == 3).sum() == 4**3


def test_any_network_with_features_and_a_head_can_be_wrapped() -> None:
    network = PromptableNetwork(OneConvolution(1 + likeness.CHANNELS + GUIDANCE_CHANNELS), 4, 2, detail=8)
    output = network(*batch(2))
    assert output.logits.shape == (2, 1, *SHAPE)


def test_regions_of_a_batch_do_not_see_each_other() -> None:
    network = built(detail=True)
    image, guidance = batch(2)
    guidance[1] = guidance[1].roll(3, dims=-1)
    with torch.no_grad():
        together = network(image, guidance)
        alone = network(image[1:], guidance[1:])
    torch.testing.assert_close(together.logits[1:], alone.logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(together.expected[1:], alone.expected, atol=1e-4, rtol=1e-4)


def test_bfloat16_autocast_gives_finite_answers_and_gradients_close_to_float32() -> None:
    network = built(detail=True)
    prepare_grouped_convolutions(network)  # as the trainer does; oneDNN's gradient is now and then not finite
    inputs = batch()
    plain = network(*inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = network(*inputs)
    assert all(torch.isfinite(part).all() for part in output)
    difference = (output.logits.float() - plain.logits).norm() / plain.logits.norm()
    assert difference < 0.05
    output.logits.float().square().mean().backward()
    gradients = [value.grad for value in network.parameters() if value.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("logit", [-60.0, 60.0])
def test_an_answer_of_nothing_or_everything_has_a_finite_expected_dice(logit: float) -> None:
    network = built(detail=True)
    nn.init.constant_(network.detail_out.bias, logit)
    assert torch.isfinite(network(*batch()).expected).all()


@pytest.mark.parametrize(("seed", "detail"), [(0, False), (1, True)])
def test_what_is_seen_where_nothing_is_said_ends_with_the_features_of_the_answer(
    seed: int, detail: bool
) -> None:
    network, (image, guidance) = built(seed, detail), batch()
    with torch.inference_mode():
        described = network.describe(image)
        finest = network.network.forward_features(network._input(image, torch.zeros_like(guidance)))
    assert described.shape[2:] == finest.shape[2:]
    torch.testing.assert_close(described[:, -finest.shape[1] :], finest)
    assert not network.network.decoder.path.stages[0]._forward_hooks


def test_a_network_with_one_map_shows_that() -> None:
    network = PromptableNetwork(OneConvolution(PromptableNetwork.INPUT_CHANNELS), 4, 2, detail=4)
    image, guidance = batch()
    torch.testing.assert_close(
        network.describe(image),
        network.network.forward_features(network._input(image, torch.zeros_like(guidance))),
    )
