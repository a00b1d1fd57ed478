"""Time one network on torch's usual operations and on LightSeg's own, in turns.

In turns, so that whatever else the machine does bears on both.
"""

from __future__ import annotations

import statistics
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from LightSegLib.runtime.processor import has_fast_bfloat16
from Testing.Benchmarks.peers import Peer
from Testing.Benchmarks.usual_operations import usual_operations


@dataclass(frozen=True)
class Turns:
    """Median seconds of one forward pass, the same weights and input each time.

    Attributes:
        usual: float32, torch's usual operations.
        ours: float32.
        bfloat16: ours under autocast; None if the CPU has no bfloat16.
        difference: largest difference of both float32 answers, as a share of the largest number in them.
    """

    usual: float
    ours: float
    bfloat16: float | None
    difference: float


def measure_in_turns(peer: Peer, repeats: int) -> Turns:
    """Build a network that gives one tensor and time it `repeats` times each way, after a warm-up."""
    network = peer.build().eval()
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(1, peer.channels, *(peer.cube,) * 3, generator=generator)
    ways = ["usual", "ours", *(["bfloat16"] if has_fast_bfloat16() else [])]
    times: dict[str, list[float]] = {way: [] for way in ways}
    answers: dict[str, Tensor] = {}
    for turn in range(repeats + 1):
        for way in ways:
            answers[way], seconds = _pass(network, image, way)
            if turn > 0:
                times[way].append(seconds)
    usual, ours = answers["usual"], answers["ours"]
    medians = {way: statistics.median(values) for way, values in times.items()}
    difference = float((usual - ours).abs().max() / usual.abs().max())
    return Turns(medians["usual"], medians["ours"], medians.get("bfloat16"), difference)


def _pass(network: nn.Module, image: Tensor, way: str) -> tuple[Tensor, float]:
    operations: AbstractContextManager[None] = usual_operations() if way == "usual" else nullcontext()
    half = torch.autocast("cpu", torch.bfloat16, enabled=way == "bfloat16")
    with torch.inference_mode(), half, operations:
        began = time.perf_counter()
        answer: Tensor = network(image)
        return answer, time.perf_counter() - began
