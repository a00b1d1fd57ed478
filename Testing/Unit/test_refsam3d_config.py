"""Settings of RefSAM3D are checked before a network is made of them, and so are the sizes of its input."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from test_refsam3d import TINY, size, tiny

from LightSegLib.networks.refsam3d import published
from LightSegLib.networks.refsam3d_config import RefSAM3DConfig


def test_the_small_configuration_is_small_and_all_of_it_is_trained() -> None:
    with torch.device("meta"):
        small = published("small")
    assert size(small) == size(small, trainable=True) == 4_069_628
    for edge in (64, 96):
        assert small.config.grid((edge,) * 3) == (edge // 8,) * 3


def test_sizes_that_the_windows_do_not_tile_are_refused_with_sizes_that_work() -> None:
    with pytest.raises(ValueError, match=r"multiple of \(8, 8, 8\), such as 8\^3, 16\^3"):
        tiny()(torch.zeros(1, 1, 16, 16, 20))
    with pytest.raises(ValueError, match=r"is not \(N, 1, D, H, W\)"):
        tiny()(torch.zeros(1, 2, 16, 16, 16))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"in_ch": 2}, "neither 1 nor patch_channels"),
        ({"heads": 3}, "width 16 does not divide into 3 heads"),
        ({"prompt_heads": 3}, "neck 8 does not divide into 3 heads"),
        ({"neck": 9, "prompt_heads": 3}, "neck 9 is odd"),
        ({"enlarge": 3}, "enlarge 3 divides not both"),
        ({"window": (2, 2)}, "has not three axes"),
        ({"plane_table": (4, 4, 4)}, "has not two axes"),
        ({"relative_tables": (3, 3)}, "relative_tables has 2 entries"),
        ({"levels": (2, 1, 4)}, "do not rise"),
        ({"levels": (1, 2, 3)}, "do not end with depth 4"),
        ({"decoder": ()}, "decoder has no step"),
        ({"width": 0}, "width 0 is too small"),
    ],
)
def test_settings_that_make_no_network_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TINY, **changes)


def test_settings_survive_json_and_unknown_ones_are_refused() -> None:
    assert RefSAM3DConfig.from_dict(json.loads(json.dumps(TINY.to_dict()))) == TINY
    with pytest.raises(ValueError, match="unknown settings"):
        RefSAM3DConfig.from_dict({"dim": 3})
    with pytest.raises(ValueError, match="there are base, small"):
        published("huge")
