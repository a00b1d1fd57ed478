"""The mean of two models' weights, and what its card tells."""

from __future__ import annotations

import json

import jsonschema
import pytest
import torch
from safetensors.torch import load_file
from tiny_model import ARCHITECTURE, write_tiny_model

from LightSegLib.cli import main
from LightSegLib.errors import ModelError, TrainingError
from LightSegLib.models.cards import SCHEMA_PATH, read_card
from LightSegLib.models.registry import load_model
from LightSegLib.training.averaging import average_models

SPENT = {"recipe": {}, "minutes": 3.0, "steps": 4, "samples": 8, "hardware": "none"}
BEFORE = {"id": "older", "sha256": "0" * 64, "minutes": 1.0, "steps": 2, "samples": 4}


def source(name, cases):
    return {"source": name, "licence": "CC0-1.0", "cases": cases}


@pytest.fixture
def pair(tmp_path):
    """Folders of two models of one architecture with different weights."""
    one = write_tiny_model(
        tmp_path / "one", "one", validation={"mean": {"1": 0.9}}, data=[source("liver", 3), source("ct", 1)]
    )
    training = {**SPENT, "started_from": BEFORE}
    other = write_tiny_model(
        tmp_path / "other", "other", seed=1, training=training, data=[source("ct", 5), source("knee", 2)]
    )
    return one, other


def weights(folder):
    return load_file(folder / "model.safetensors")


def test_every_weight_is_the_mean(pair, tmp_path):
    average_models(*pair, 0.25, tmp_path / "mean")
    one, other, mean = (weights(folder) for folder in (*pair, tmp_path / "mean"))
    assert mean.keys() == one.keys()
    for name, value in mean.items():
        expected = 0.75 * one[name].float() + 0.25 * other[name].float()
        torch.testing.assert_close(value.float(), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_at_the_ends_it_is_one_of_them(pair, tmp_path, share):
    average_models(*pair, share, tmp_path / "mean")
    mean, end = weights(tmp_path / "mean"), weights(pair[int(share)])
    assert all(torch.equal(mean[name], end[name]) for name in mean)


def test_the_card_tells_of_both_and_claims_no_validation(pair, tmp_path):
    card = average_models(*pair, 0.3, tmp_path / "mean")
    assert (card.id, card.validation) == ("one", {})
    assert card.training["averaged_with"] == {
        "id": "other",
        "sha256": read_card(pair[1]).weights.sha256,
        "minutes": 4.0,
        "steps": 6,
        "samples": 12,
        "share": 0.3,
    }
    assert [(entry["source"], entry["cases"]) for entry in card.data] == [
        ("ct", 5),
        ("knee", 2),
        ("liver", 3),
    ]
    jsonschema.validate(card.to_dict(), json.loads(SCHEMA_PATH.read_text()))
    load_model(tmp_path / "mean", device="cpu")


def test_what_only_the_other_has_is_left_behind(pair, tmp_path):
    bordered = write_tiny_model(tmp_path / "more", "more", architecture={**ARCHITECTURE, "border": 4})
    average_models(pair[0], bordered, 0.5, tmp_path / "mean")
    assert weights(tmp_path / "mean").keys() == weights(pair[0]).keys()
    with pytest.raises(TrainingError, match="no counterpart"):
        average_models(bordered, pair[0], 0.5, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_models_under_different_licences_have_no_mean(pair, tmp_path):
    other = write_tiny_model(tmp_path / "misfit", "misfit", licence="MIT")
    with pytest.raises(TrainingError, match="licences differ"):
        average_models(pair[0], other, 0.5, tmp_path / "none")


def test_a_share_beyond_the_ends_is_refused(pair, tmp_path):
    with pytest.raises(TrainingError, match="between 0 and 1"):
        average_models(*pair, 1.5, tmp_path / "none")


def test_a_missing_model_is_named(pair, tmp_path):
    with pytest.raises(ModelError):
        average_models(pair[0], tmp_path / "nowhere", 0.5, tmp_path / "none")


def test_the_command_writes_the_mean(pair, tmp_path, capsys):
    assert main(["average", *map(str, pair), "--share", "0.5", "-o", str(tmp_path / "mean")]) == 0
    assert "Written" in capsys.readouterr().out
    assert read_card(tmp_path / "mean").training["averaged_with"]["share"] == 0.5
