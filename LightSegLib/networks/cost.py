"""What a network costs: weights, and multiply-accumulates of one forward pass.

Counted are the products in convolutions, matrix products and attention, by PyTorch's own counter. Norms,
activations and the element-wise part of a selective scan are not. Papers print such a number as "FLOPs" more
often than not, and their counters differ by some per cent in what they include.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """Cost of a network.

    Attributes:
        parameters: its weights.
        macs: multiply-accumulates of one sample in evaluation mode.
    """

    parameters: int
    macs: int


def measure_cost(build: Callable[[], nn.Module], shape: Sequence[int]) -> Cost:
    """Count the cost of a network; nothing is computed and no memory is taken.

    Args:
        build: makes the network.
        shape: (C, D, H, W) of one input.
    """
    with torch.device("meta"), torch.no_grad():
        network = build().eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, *shape))
    weights = sum(parameter.numel() for parameter in network.parameters())
    return Cost(weights, int(counter.get_total_flops()) // 2)
