"""The settings of VeloxSeg: published windows, variants that work, and refusals that say what would."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from LightSegLib.networks.veloxseg_config import PUBLISHED, VeloxSegConfig


def edges(config: VeloxSegConfig) -> list[list[tuple[int, int]]]:
    """First axis of each (big, small) window per stage."""
    return [[(big[0], small[0]) for big, small in pairs] for pairs in config.window_pairs()]


def test_windows_at_96_cubed_are_the_published_ones() -> None:
    assert edges(PUBLISHED["autopet2"]) == [
        [(3, 1), (6, 2), (12, 4), (24, 8)],
        [(6, 1), (12, 2)],
        [(3, 1), (6, 2)],
        [(3, 1)],
    ]


def test_windows_for_hecktor_are_the_published_ones() -> None:
    assert PUBLISHED["hecktor"].big_windows() == ((4, 4, 2), (8, 8, 4), (4, 4, 2), (4, 4, 2))


@pytest.mark.parametrize(
    ("edge", "patch", "grids"),
    [(72, 3, (24, 12, 6, 3)), (64, 2, (32, 16, 8, 4)), (48, 2, (24, 12, 6, 3)), (96, 4, (24, 12, 6, 3))],
)
def test_other_crops_and_strides_get_windows_that_fit(edge: int, patch: int, grids: tuple[int, ...]) -> None:
    config = VeloxSegConfig(input_size=(edge, edge, edge), patch_size=patch)
    assert tuple(g[0] for g in config.stage_grids()) == grids
    assert [pairs[0][0][0] for pairs in config.window_pairs()] == [grids[3], grids[2], grids[3], grids[3]]


@pytest.mark.parametrize("base", [8, 16, 24, 32])
def test_widths_double_from_stage_to_stage(base: int) -> None:
    config = VeloxSegConfig(base_ch=base, min_dim_group=(4, 8, 8, 8))
    assert config.conv_channels == config.attn_channels == (base, 2 * base, 4 * base, 8 * base)
    assert VeloxSegConfig(base_ch=base, attn_base_ch=12, min_dim_group=(4, 8, 8, 8)).attn_channels[0] == 12


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_settings_survive_json(name: str) -> None:
    config = PUBLISHED[name]
    assert VeloxSegConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_given_windows_and_reconstruction_survive_json() -> None:
    config = VeloxSegConfig(
        min_big_window_sizes=((3,) * 3, (6,) * 3, (3,) * 3, (3,) * 3), reconstruction=(1, 0)
    )
    again = VeloxSegConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert hash(again) == hash(config)


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="window_colour"):
        VeloxSegConfig.from_dict({"window_colour": "red"})


@pytest.mark.parametrize("edge", [64, 128])
def test_published_windows_refuse_other_cubes_and_name_those_that_work(edge: int) -> None:
    windows = PUBLISHED["autopet2"].big_windows()
    with pytest.raises(ValueError, match=r"does not tile .* 96\^3, 192\^3"):
        VeloxSegConfig(input_size=(edge, edge, edge), min_big_window_sizes=windows)
    with pytest.raises(ValueError, match=r"does not tile .* 96\^3, 192\^3"):
        PUBLISHED["autopet2"].check_size((edge, edge, edge))


def test_the_cubes_named_as_working_work() -> None:
    windows = ((2,) * 3, (4,) * 3, (2,) * 3, (2,) * 3)
    config = VeloxSegConfig(input_size=(32, 32, 32), patch_size=2, min_big_window_sizes=windows)
    assert 32 in config.working_cubes()
    for edge in config.working_cubes(128):
        VeloxSegConfig(input_size=(edge,) * 3, patch_size=2, min_big_window_sizes=windows)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"input_size": (90, 96, 96)}, "multiples of 32"),
        ({"input_size": (32, 32, 32)}, "one cell"),
        ({"base_ch": 18}, "groups of 4"),
        ({"kernel_sizes": (1, 2)}, "odd"),
        ({"depths": (1, 1, 1)}, "each of the 4 stages"),
        ({"num_heads": (1, 2, 2, 0)}, "num_heads must be positive"),
        ({"conv_drop": 1.0}, r"conv_drop must be in \[0, 1\)"),
        ({"reconstruction": (1,)}, "channels per modality"),
        ({"reconstruction": (2, 0)}, "channels per modality"),
        ({"in_ch": ()}, "in_ch"),
        ({"window_scale": 1}, "at least 2"),
        ({"min_big_window_sizes": ((48,) * 3,) * 4}, "does not tile grid .* of stage 1"),
        ({"min_small_window_sizes": ((2,) * 3,) * 4}, "must tile"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_reason(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        VeloxSegConfig(**settings)


def test_reconstructed_channels_leave_guidance_out() -> None:
    config = VeloxSegConfig(in_ch=(3, 4), reconstruction=(2, 1))
    assert config.reconstructed == (2, 1)
    assert config.reconstructed_channels == (0, 1, 3)
    assert VeloxSegConfig(in_ch=(1, 2)).reconstructed_channels == (0, 1, 2)
    assert VeloxSegConfig(reconstruction=False).reconstructed_channels == ()


def test_settings_are_read_without_loading_torch() -> None:
    code = "import sys; from LightSegLib.networks import VeloxSegConfig; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
