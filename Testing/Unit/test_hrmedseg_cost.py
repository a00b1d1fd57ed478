"""HRMedSeg costs what was published, in operations and in memory; counted without computing anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from LightSegLib.networks.cost import measure_cost
from LightSegLib.networks.hrmedseg import HRMedSeg, published


@pytest.fixture(scope="module")
def net() -> HRMedSeg:
    with torch.device("meta"):
        return published("hrmedseg", stored_rotations=False)


def operations(part: Callable[[Tensor], Tensor], *shape: int) -> float:
    """Thousand millions of multiply-accumulates."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        part(torch.zeros(shape))
    return counter.get_total_flops() / 2e9


def saved_megabytes(part: Callable[[Tensor], Tensor], net: nn.Module, edge: int) -> float:
    """What a training forward pass keeps for the backward pass, beside weights."""
    weights = {tensor.untyped_storage()._cdata for tensor in (*net.parameters(), *net.buffers())}
    kept = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage  # held, or another one would take its place
        return tensor

    net.train()
    with torch.device("meta"), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        answer = part(torch.zeros(1, 3, edge, edge))
    assert answer.requires_grad
    return sum(storage.nbytes() for storage in kept.values()) / 1e6


def test_operations_are_those_of_convolutions_and_matrix_products() -> None:
    cost = measure_cost(lambda: published("hrmedseg"), (3, 1024, 1024))
    assert cost.parameters == 3_526_364
    assert cost.macs / 1e9 == pytest.approx(8.23, rel=1e-3)


def test_every_part_has_its_share_of_them(net: HRMedSeg) -> None:
    net.eval()
    assert operations(net.image_encoder, 1, 3, 1024, 1024) == pytest.approx(3.94, abs=0.01)
    assert operations(net.neck, 1, 96, 64, 64) == pytest.approx(2.52, abs=0.01)
    assert operations(net.decode, 1, 256, 64, 64) == pytest.approx(1.78, abs=0.01)


def test_a_counter_of_layers_reads_the_published_figure(net: HRMedSeg) -> None:
    """The paper's counter knows layers, not matrix products.

    It multiplies the outputs of a transposed convolution with its whole kernel, four times too many here, and
    adds four for each number that a norm of torch passes.
    """
    total = 0

    def count(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if type(layer) is nn.Linear:
            total += output.numel() * layer.in_features
        elif isinstance(layer, nn.Conv2d):
            total += output.numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.ConvTranspose2d):
            total += output.numel() * layer.in_channels * layer.weight[0, 0].numel()
        elif type(layer) in (nn.BatchNorm2d, nn.LayerNorm):
            total += 4 * output.numel()

    net.eval()
    handles = [layer.register_forward_hook(count) for layer in net.modules()]
    with torch.device("meta"), torch.no_grad():
        net(torch.zeros(1, 3, 1024, 1024))
        # The released decoder runs these as layers, for all three masks.
        net.mask_decoder.output_upscaling(torch.zeros(1, 256, 64, 64))
        for hypernetwork in list(net.mask_decoder.output_hypernetworks_mlps)[1:]:
            hypernetwork(torch.zeros(1, 256))
    for handle in handles:
        handle.remove()
    assert total / 1e9 == pytest.approx(9.392, abs=0.001)


def test_a_large_training_image_keeps_at_most_the_published_memory(net: HRMedSeg) -> None:
    assert saved_megabytes(net, net, 1024) <= 600


def test_memory_grows_linearly_with_the_tokens(net: HRMedSeg) -> None:
    quarter, whole = (saved_megabytes(net.image_encoder, net, edge) for edge in (512, 1024))
    assert whole / quarter == pytest.approx(4.0, abs=0.15)
