"""What others compute: one forward pass of the networks that LightSeg is compared with, in the same process.

Weights are random: they change the answer, not the time. Each network is built the way its package builds it
by default or, for the residual U-Net, in the shape that nnInteractive ships.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from LightSegLib.runtime.fallback import is_out_of_memory
from LightSegLib.runtime.memory import available_bytes, measure_peak_bytes, mib
from LightSegLib.runtime.processor import has_fast_bfloat16

WARM_UP_BELOW_SECONDS = 5.0
NNINTERACTIVE_PARAMETERS = (100e6, 104e6)
"""What counts as 102 million."""


@dataclass(frozen=True)
class Peer:
    """A network to compare with.

    Attributes:
        key: short name, for programs.
        title: for the table.
        channels: of its input.
        cube: edge of its input in voxels.
        build: makes it, with random weights.
        memory_bytes: what a forward pass takes, roughly; it is not tried with less free.
        parameters: from, to: what the network must have to be the one it is named after; None if any will do.
    """

    key: str
    title: str
    channels: int
    cube: int
    build: Callable[[], nn.Module]
    memory_bytes: int = 0
    parameters: tuple[float, float] | None = None


@dataclass(frozen=True)
class PeerResult:
    """What was measured of a peer.

    Attributes:
        key, title, channels, cube: as in `Peer`.
        parameters: numbers in the network, 0 if it was not built.
        float32_seconds: one forward pass; None if it was not run.
        bfloat16_seconds: the same under autocast; None if the CPU has no bfloat16, or it was not run.
        peak_bytes: how far the process's memory rose in these passes; None if none was run.
        problem: why something is missing or not as it should be; empty if nothing is.
    """

    key: str
    title: str
    channels: int
    cube: int
    parameters: int = 0
    float32_seconds: float | None = None
    bfloat16_seconds: float | None = None
    peak_bytes: int | None = None
    problem: str = ""

    @property
    def fastest_seconds(self) -> float | None:
        """The faster of the two number formats."""
        times = [value for value in (self.float32_seconds, self.bfloat16_seconds) if value is not None]
        return min(times, default=None)


def build_segresnet(filters: int = 8) -> nn.Module:
    """MONAI's SegResNet, one channel in, two classes out; 8 filters is MONAI's default."""
    from monai.networks.nets import SegResNet

    return SegResNet(spatial_dims=3, init_filters=filters, in_channels=1, out_channels=2)


def build_swin_unetr(cube: int = 96, features: int = 24) -> nn.Module:
    """MONAI's SwinUNETR, one channel in, two classes out; 24 features is MONAI's default."""
    from monai.networks.nets import SwinUNETR

    settings: dict[str, Any] = {"in_channels": 1, "out_channels": 2, "feature_size": features}
    if "img_size" in inspect.signature(SwinUNETR.__init__).parameters:  # MONAI before 1.5
        settings["img_size"] = (cube,) * 3
    return SwinUNETR(**settings)


def build_unetr(cube: int = 96) -> nn.Module:
    """MONAI's UNETR, one channel in, two classes out, with its defaults."""
    from monai.networks.nets import UNETR

    return UNETR(in_channels=1, out_channels=2, img_size=(cube,) * 3)


def build_residual_unet(
    features: Sequence[int] = (32, 64, 128, 256, 320, 320),
    blocks: Sequence[int] = (1, 3, 4, 6, 6, 6),
    channels: int = 8,
) -> nn.Module:
    """The residual encoder U-Net of nnU-Net's "L" preset, with nnInteractive's eight input channels.

    The image and seven channels for the previous mask and the prompts come in, two classes go out. No deep
    supervision, as in inference.
    """
    from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet

    stages = len(features)
    return ResidualEncoderUNet(
        input_channels=channels,
        n_stages=stages,
        features_per_stage=list(features),
        conv_op=nn.Conv3d,
        kernel_sizes=[[3, 3, 3]] * stages,
        strides=[[1, 1, 1], *[[2, 2, 2]] * (stages - 1)],
        n_blocks_per_stage=list(blocks),
        num_classes=2,
        n_conv_per_stage_decoder=[1] * (stages - 1),
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=False,
    )


PEERS = (
    Peer("segresnet", "SegResNet (MONAI)", 1, 96, build_segresnet, 2**30),
    Peer("unetr", "UNETR (MONAI)", 1, 96, build_unetr, 3 * 2**30),
    Peer("swin_unetr", "SwinUNETR (MONAI)", 1, 96, build_swin_unetr, 3 * 2**30),
    Peer(
        "nninteractive",
        "ResEnc U-Net (nnInteractive's shape)",
        8,
        192,
        build_residual_unet,
        8 * 2**30,
        NNINTERACTIVE_PARAMETERS,
    ),
)


def measure_peer(peer: Peer) -> PeerResult:
    """Build a peer and run one forward pass per number format, with torch's current number of threads.

    Never raises for what this machine lacks (a package, memory): `PeerResult.problem` says it.
    """
    facts = (peer.key, peer.title, peer.channels, peer.cube)
    try:
        network = peer.build().eval()
    except ImportError as error:
        return PeerResult(*facts, problem=f"not installed ({error}); pip install 'lightseg[benchmark]'")
    parameters = sum(value.numel() for value in network.parameters())
    free = available_bytes()
    if free < peer.memory_bytes:
        problem = f"not run: needs about {mib(peer.memory_bytes)}, {mib(free)} are free"
        return PeerResult(*facts, parameters, problem=problem)
    try:
        (full, half), peak = measure_peak_bytes(lambda: _forward_seconds(network, peer))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return PeerResult(*facts, parameters, problem="not run: out of memory")
    return PeerResult(*facts, parameters, full, half, peak, _doubt(peer, parameters))


def _forward_seconds(network: nn.Module, peer: Peer) -> tuple[float, float | None]:
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(1, peer.channels, *(peer.cube,) * 3, generator=generator)
    full = _seconds(network, image, torch.float32)
    return full, _seconds(network, image, torch.bfloat16) if has_fast_bfloat16() else None


def _seconds(network: nn.Module, image: torch.Tensor, dtype: torch.dtype) -> float:
    """One forward pass; where it is quick, the one after a warm-up."""
    seconds = 0.0
    for _ in range(2):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            began = time.perf_counter()
            network(image)
            seconds = time.perf_counter() - began
        if seconds >= WARM_UP_BELOW_SECONDS:
            break
    return seconds


def _doubt(peer: Peer, parameters: int) -> str:
    if peer.parameters is None or peer.parameters[0] <= parameters <= peer.parameters[1]:
        return ""
    low, high = (value / 1e6 for value in peer.parameters)
    return f"{parameters / 1e6:.1f} M parameters, not {low:.0f} to {high:.0f} M: another network than meant"
