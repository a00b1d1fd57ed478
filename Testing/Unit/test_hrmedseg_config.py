"""Settings of HRMedSeg are checked before any weight is made, and say what would fit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from LightSegLib.networks.hrmedseg import published
from LightSegLib.networks.hrmedseg_config import HRMedSegConfig


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 1000}, "992 or 1008 works"),
        ({"image_size": 8}, "16 works"),
        ({"dim": 90}, "multiple of 4"),
        ({"heads": (6, 12, 25)}, "into 25 heads; 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 96 do"),
        ({"depths": (2, 2)}, "depths has 2 entries, 4 are needed"),
        ({"depths": (2, 2, 0, 2)}, "must be 1 or more"),
        ({"embedding_ch": 100}, "must be a multiple of 8 and of twice the 8 decoder_heads"),
        ({"drop_path": 1.0}, "at least 0 and below 1"),
        ({"mask_token": "best"}, "choose among iou, mask"),
        ({"pooled_keys": (4,)}, "must be odd"),
        ({"depth": 3}, "unknown settings of HRMedSeg: depth; known are in_ch"),
    ],
)
def test_settings_that_make_no_network_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HRMedSegConfig.from_dict(changes)


def test_an_unknown_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match="published are hrmedseg"):
        published("herseg")


def test_settings_survive_json() -> None:
    config = HRMedSegConfig(dim=48, pooled_keys=(5, 7))
    assert HRMedSegConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
