"""Published configurations cost what was published, as far as counters agree."""

from __future__ import annotations

from functools import partial

import pytest
from torch import nn

from LightSegLib.networks import refineformer3d, segmaformer, veloxseg
from LightSegLib.networks.cost import measure_cost

MAMBA = ("mamba", "mamba", "mamba", "attention")


def test_a_convolution_costs_its_products() -> None:
    cost = measure_cost(partial(nn.Conv3d, 3, 5, 3, padding=1), (3, 4, 6, 8))
    assert cost.parameters == 5 * 3 * 27 + 5
    assert cost.macs == 4 * 6 * 8 * 5 * 3 * 27


@pytest.mark.parametrize(
    ("changes", "billions"),
    [({}, 13.48), ({"mixers": ("hybrid",) * 3 + ("attention",)}, 13.80), ({"mixers": MAMBA}, 13.34)],
)
def test_segmaformer_costs_what_its_specification_says(changes: dict, billions: float) -> None:
    cost = measure_cost(partial(segmaformer.published, "brats", **changes), (4, 128, 128, 128))
    assert cost.macs / 1e9 == pytest.approx(billions, abs=0.1)


def test_refineformer3d_costs_what_its_specification_says_and_eight_times_less_at_half_the_size() -> None:
    large, small = (
        measure_cost(partial(refineformer3d.published, "brats"), (4, n, n, n)).macs for n in (128, 64)
    )
    assert large / 1e9 == pytest.approx(97.99, rel=0.01)
    assert small / 1e9 == pytest.approx(12.25, rel=0.01)
    assert large / small == pytest.approx(8, rel=1e-3)


def test_veloxseg_costs_what_was_published() -> None:
    """The published counter adds twice the size of every norm; test_veloxseg_cost.py repeats it exactly."""
    cost = measure_cost(partial(veloxseg.published, "autopet2"), (2, 96, 96, 96))
    assert cost.parameters == 2_288_999
    assert cost.macs / 1e9 == pytest.approx(1.79, rel=0.05)
