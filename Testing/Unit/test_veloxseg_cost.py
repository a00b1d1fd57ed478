"""VeloxSeg costs what the paper says: its weights, and its operations under the counting rules of thop.

thop gave the published 1.66 M and 1.79 G. It counts convolutions and projections in multiply-adds, a
transposed convolution as if every output saw the whole kernel, two operations per value for an instance norm
and three for a softmax, and it misses layer norms and bias tables. `Counter` follows these rules.

Of the checks that the description of the network asks for, one cannot be a test: the numerical comparison
with the authors' module, whose code has no licence and is therefore not part of this repository.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from LightSegLib.networks import VeloxSeg, VeloxSegConfig, blocks, published, veloxseg_encoder
from LightSegLib.networks.blocks import PointwiseConv
from LightSegLib.networks.paired_window_attention import (
    ModalityLinear,
    ModalityNorm,
    PairedWindowAttention,
    RelativeBias,
)


def size(module: nn.Module) -> int:
    """Number of weights."""
    return sum(p.numel() for p in module.parameters())


def fan(module: nn.Module) -> int:
    """Multiply-adds per output value by thop's rules, 0 for what it does not count."""
    if isinstance(module, nn.ConvTranspose3d):
        return module.in_channels * module.weight[0, 0].numel()
    if isinstance(module, nn.Conv3d):
        return module.weight[0].numel()
    if isinstance(module, PointwiseConv):
        return module.in_channels
    return module.in_features if isinstance(module, ModalityLinear) else 0


class Counter:
    """Adds up operations while a network runs."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.operations = 0
        norm, attend = blocks.instance_norm, PairedWindowAttention.attend

        def counted_norm(x: Tensor) -> Tensor:
            self.operations += 2 * x.numel()
            return norm(x)

        def counted_attend(attention: PairedWindowAttention, windows: Tensor) -> Tensor:
            batch, modalities, tokens, _ = windows.shape
            length = modalities * tokens
            self.operations += batch * attention.heads * length * (3 * length - 1)
            return attend(attention, windows)

        patch.setattr(blocks, "instance_norm", counted_norm)
        patch.setattr(veloxseg_encoder, "instance_norm", counted_norm)
        patch.setattr(PairedWindowAttention, "attend", counted_attend)

    def __call__(self, net: VeloxSeg, *spatial: int) -> int:
        """Operations of one sample in evaluation mode."""

        def add(module: nn.Module, _: Any, output: Tensor) -> None:
            self.operations += output.numel() * fan(module)

        self.operations = 0
        hooks = [m.register_forward_hook(add) for m in net.modules() if fan(m)]
        with torch.inference_mode():
            net.eval()(torch.zeros(1, sum(net.config.in_ch), *spatial))
        for hook in hooks:
            hook.remove()
        return self.operations


@pytest.fixture
def count_operations() -> Iterator[Counter]:
    with pytest.MonkeyPatch.context() as patch:
        yield Counter(patch)


@pytest.mark.parametrize(
    ("name", "total", "encoder", "decoder", "teachers", "inference"),
    [
        ("autopet2", 2_288_999, 1_375_553, 294_086, [309_680] * 2, 1_669_185),
        ("hecktor", 2_289_641, 1_376_195, 294_086, [309_680] * 2, 1_669_827),
        ("brats", 1_863_117, 1_120_337, 349_964, [392_816], 1_469_393),
    ],
)
def test_published_configurations_have_the_exact_number_of_weights(
    name: str, total: int, encoder: int, decoder: int, teachers: list[int], inference: int
) -> None:
    net = published(name)
    assert size(net) == total
    assert size(net.encoder) == encoder
    assert size(net.decoder) == decoder
    assert [size(t) for t in net.teachers] == teachers
    assert size(net.inference_copy()) == inference


def test_the_streams_and_mixers_of_the_autopet_encoder_have_the_exact_number_of_weights() -> None:
    encoder = published("autopet2").encoder
    assert size(encoder.attention) == 498_545
    assert size(encoder.downs) + size(encoder.stages) == 833_248
    assert size(encoder.mixers) == 43_760


def test_two_attention_blocks_per_stage_have_the_exact_number_of_weights() -> None:
    net = VeloxSeg(depths=(2, 2, 2, 2))
    assert size(net) == 2_609_848
    assert size(net.inference_copy()) == 1_990_034


@pytest.mark.parametrize(
    ("groups", "weights"),
    [((1, 1, 1, 1), 1_155_105), ((2, 4, 4, 8), 1_385_217), ((8, 16, 16, 32), 2_237_121)],
)
def test_other_group_widths_have_the_exact_number_of_weights(groups: tuple[int, ...], weights: int) -> None:
    assert size(VeloxSeg(VeloxSegConfig(min_dim_group=groups).for_inference())) == weights


def test_the_published_1_66_million_leave_out_layer_norms_and_bias_tables() -> None:
    net = published("autopet2").inference_copy()
    missed = sum(size(m) for m in net.modules() if isinstance(m, ModalityNorm | RelativeBias))
    assert size(net) - missed == 1_660_144


@pytest.mark.parametrize(
    ("name", "billions"), [("autopet2", 1.790860), ("hecktor", 2.125878), ("brats", 2.642400)]
)
def test_published_configurations_take_the_published_operations(
    count_operations: Counter, name: str, billions: float
) -> None:
    net = published(name)
    assert round(count_operations(net, *net.config.input_size) / 1e9, 6) == billions


def test_cost_grows_in_proportion_to_the_voxels_while_windows_are_fixed(count_operations: Counter) -> None:
    net = VeloxSeg(input_size=(48, 48, 48), patch_size=2)
    once = count_operations(net, 48, 48, 48)
    assert count_operations(net, 96, 48, 48) == 2 * once
