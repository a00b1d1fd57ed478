"""The swap to torch's usual operations really swaps, says the same, and leaves nothing behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from LightSegLib.networks import blocks, cpu_ops, segmaformer_blocks
from LightSegLib.networks.refineformer3d import RefineFormer3D
from LightSegLib.networks.refineformer3d_config import RefineFormer3DConfig
from LightSegLib.networks.segmaformer import SegMaFormer
from LightSegLib.networks.segmaformer_config import SegMaFormerConfig
from LightSegLib.networks.veloxseg import VeloxSeg
from LightSegLib.networks.veloxseg_config import VeloxSegConfig
from Testing.Benchmarks.usual_operations import usual_operations


class Count(TorchDispatchMode):
    """How often each operation of torch was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def veloxseg() -> nn.Module:
    return VeloxSeg(
        VeloxSegConfig(
            input_size=(64, 64, 64), in_ch=(1,), base_ch=8, min_dim_group=(4, 4, 8, 8), reconstruction=False
        )
    )


def segmaformer(mixer: str = "hybrid", both: bool = True) -> nn.Module:
    return SegMaFormer(
        SegMaFormerConfig(
            in_ch=1,
            n_classes=2,
            channels=(12, 12, 18, 24),
            mixers=("mamba", mixer, mixer, "attention"),
            reductions=(2, 1, 1, 1),
            heads=(1, 2, 3, 4),
            decoder_width=24,
            layer_scale=0.5,
            bidirectional=both,
        )
    )


def refineformer3d(**changes) -> nn.Module:
    settings = {
        "in_ch": 1,
        "n_classes": 2,
        "channels": (8, 8, 16, 16),
        "heads": (1, 2, 2, 4),
        "decoder": (16, 8, 8, 8),
        "smallest_rank": 4,
        **changes,
    }
    return RefineFormer3D(RefineFormer3DConfig(**settings))


NETWORKS: list[tuple[Callable[[], nn.Module], str]] = [
    (veloxseg, "convolution"),
    (segmaformer, "upsample_trilinear3d"),
    (refineformer3d, "upsample_trilinear3d"),
    (partial(refineformer3d, fusion="attention"), "upsample_trilinear3d"),
    (partial(refineformer3d, head="light", first_stride=4), "upsample_trilinear3d"),
]
"""Each with an operation that it calls more often, or only, as torch's usual one."""


def built(build: Callable[[], nn.Module]) -> nn.Module:
    """With biases and scales that differ from channel to channel."""
    torch.manual_seed(0)
    network = build().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter += 0.1 * torch.randn(parameter.shape)
    return network


@pytest.mark.parametrize(("build", "operation"), NETWORKS)
def test_the_swap_changes_the_operations_and_not_the_answer(build, operation) -> None:
    network = built(build)
    image = torch.randn(1, 1, 64, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, counted = _answer(network, image)
        with usual_operations():
            usual, usually = _answer(network, image)
        again, recounted = _answer(network, image)
    largest = usual.abs().max()
    torch.testing.assert_close(ours / largest, usual / largest, atol=1e-5, rtol=0)
    assert usually[operation] > counted[operation]
    assert recounted == counted
    torch.testing.assert_close(again, ours, atol=0, rtol=0)


def _answer(network: nn.Module, image: torch.Tensor) -> tuple[torch.Tensor, Counter[str]]:
    network(image)  # tables that are kept are made before anything is counted
    with Count() as count:
        answer = network(image)
    return answer, count.calls


def test_every_import_of_a_function_is_swapped_and_comes_back_even_after_an_error() -> None:
    fast = cpu_ops.resize_linear

    def stop_early() -> None:
        with usual_operations():
            assert cpu_ops.resize_linear is not fast
            assert segmaformer_blocks.resize_linear is cpu_ops.resize_linear
            assert cpu_ops.Conv3d.forward is nn.Conv3d.forward
            assert blocks.instance_norm is nn.functional.instance_norm
            raise RuntimeError("left early")

    with pytest.raises(RuntimeError, match="left early"):
        stop_early()
    assert cpu_ops.resize_linear is fast
    assert segmaformer_blocks.resize_linear is fast
    assert cpu_ops.Conv3d.forward is not nn.Conv3d.forward
