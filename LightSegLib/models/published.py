"""The published configurations of the networks, with what their papers say they cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from LightSegLib.networks.cost import Cost


@dataclass(frozen=True)
class Published:
    """One configuration of a paper.

    Attributes:
        network: name of the architecture, and of its module in `networks`.
        configuration: name that the module's function `published` takes.
        shape: (C, D, H, W) of the input that the cost is for, or (C, H, W) for a network of slices.
        parameters: as published, in millions; None where the paper says nothing that could be read.
        gmacs: multiply-accumulates as published, in thousand millions; None as above.
        note: what the comparison needs to know.
    """

    network: str
    configuration: str
    shape: tuple[int, ...]
    parameters: float | None = None
    gmacs: float | None = None
    note: str = ""

    def build(self) -> nn.Module:
        """The network with random weights, without what only its training needs."""
        make: Callable[..., Any] = import_module(f"LightSegLib.networks.{self.network}").published
        network = make(self.configuration)
        return network.inference_copy() if hasattr(network, "inference_copy") else network

    def cost(self) -> Cost:
        """Weights and multiply-accumulates of our implementation."""
        from LightSegLib.networks.cost import measure_cost

        return measure_cost(self.build, self.shape)


_THOP = "published by a counter that adds twice the size of every norm and leaves out position tables"
PUBLISHED = (
    Published("veloxseg", "autopet2", (2, 96, 96, 96), 1.66, 1.79, _THOP),
    Published("veloxseg", "hecktor", (2, 128, 128, 64), note="no figures published"),
    Published("veloxseg", "brats", (4, 96, 96, 96), note="no figures published"),
    Published(
        "segmaformer",
        "brats",
        (4, 128, 128, 128),
        2.02,
        15.2,
        "published by a counter that reads 1.126 times ours (SegFormer3D: 17.5 against 15.55); "
        "what makes 2.02 M is not said",
    ),
    Published("segmaformer", "acdc", (1, 16, 160, 160), note="no figures published"),
    Published("segmaformer", "synapse", (1, 64, 128, 128), note="no figures published"),
    Published("refineformer3d", "brats", (4, 128, 128, 128), 2.94, None, "cost not published"),
    Published("refineformer3d", "acdc", (1, 128, 128, 128), 2.94, None, "cost not published"),
    Published(
        "hrmedseg",
        "hrmedseg",
        (3, 1024, 1024),
        3.91,
        9.39,
        "published as 0.61 % of SAM ViT-H's 641 M, while the released network has 3.53 M; operations by a "
        "counter that takes a transposed convolution for four and adds four times the size of most norms",
    ),
    Published("refsam3d", "base", (1, 128, 128, 128), note="no figures published"),
)
