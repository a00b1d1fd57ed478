"""A run that starts from a trained model: with its weights, and with its history in the new card."""

from __future__ import annotations

import json

import jsonschema
import pytest
import torch
from safetensors.torch import load_file
from tiny_model import ARCHITECTURE, PATCH
from training_cases import TenStepsPerSecond, ball_case, tiny_recipe

from LightSegLib.errors import ModelError, TrainingError
from LightSegLib.models.build import build_network
from LightSegLib.models.cards import SCHEMA_PATH, read_card
from LightSegLib.models.registry import DEFAULT_MODEL
from LightSegLib.training.export import export_model
from LightSegLib.training.recipe import read_recipe
from LightSegLib.training.starting import start_from
from LightSegLib.training.trainer import Trainer


@pytest.fixture
def clock(monkeypatch):
    return TenStepsPerSecond(monkeypatch)


@pytest.fixture
def model(clock, tmp_path):
    """A model folder after a run of two steps."""
    Trainer(tiny_recipe(), [ball_case()], tmp_path / "first", minutes=clock.minutes(2), workers=0).run()
    export_model(tmp_path / "first", tmp_path / "model")
    return tmp_path / "model"


def tiny_network(**changes):
    return build_network({**ARCHITECTURE, **changes}, PATCH)


def weights(network):
    return torch.cat([value.flatten().float() for value in network.state_dict().values()])


def trainer(folder, clock, steps, **settings):
    return Trainer(
        tiny_recipe(seed=5), [ball_case()], folder, minutes=clock.minutes(steps), workers=0, **settings
    )


def test_network_and_average_begin_with_the_weights_of_the_model(model, tmp_path, clock):
    network = tiny_network()
    start_from(model, network)
    started = trainer(tmp_path / "second", clock, 1, beginning=model)
    assert torch.equal(weights(started.network), weights(network))
    assert torch.equal(weights(started.average), weights(network))
    assert not torch.equal(weights(started.network), weights(trainer(tmp_path / "third", clock, 1).network))


def test_the_new_card_tells_of_the_beginning(model, tmp_path, clock):
    trainer(tmp_path / "second", clock, 3, beginning=model).run()
    card = export_model(tmp_path / "second", tmp_path / "next")
    first = read_card(model)
    assert card.training["steps"] == 3
    assert card.training["started_from"] == {
        "id": first.id,
        "sha256": first.weights.sha256,
        "minutes": 0.0,
        "steps": 2,
        "samples": 2,
    }
    jsonschema.validate(card.to_dict(), json.loads(SCHEMA_PATH.read_text()))


def test_what_the_beginning_had_started_from_counts_too(model, tmp_path, clock):
    trainer(tmp_path / "second", clock, 3, beginning=model).run()
    export_model(tmp_path / "second", tmp_path / "next")
    history = start_from(tmp_path / "next", tiny_network())
    assert (history["steps"], history["samples"]) == (5, 5)


def test_a_run_that_is_resumed_keeps_its_own_weights_and_history(model, tmp_path, clock):
    trainer(tmp_path / "second", clock, 2, beginning=model).run()
    resumed = trainer(tmp_path / "second", clock, 4, beginning=model)
    anew = trainer(tmp_path / "third", clock, 4, beginning=model)
    assert not torch.equal(weights(resumed.network), weights(anew.network))
    assert resumed.progress.started_from["steps"] == 2


def test_a_run_from_random_weights_says_so(tmp_path, clock):
    trainer(tmp_path / "second", clock, 1).run()
    assert export_model(tmp_path / "second", tmp_path / "next").training["started_from"] == {}


def test_a_model_of_another_architecture_is_refused_and_the_network_stays(model):
    other = tiny_network(detail=7)
    before = weights(other)
    with pytest.raises(TrainingError, match="cannot start from tiny"):
        start_from(model, other)
    assert torch.equal(weights(other), before)


def test_a_beginning_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="There is no model"):
        start_from(tmp_path / "nothing", tiny_network())


def test_a_share_of_the_beginning_is_kept_and_the_card_says_so(model, tmp_path, clock):
    trainer(tmp_path / "second", clock, 3, beginning=model).run()
    cards = [
        export_model(tmp_path / "second", tmp_path / f"kept-{keep}", beginning=model, keep=keep)
        for keep in (0.0, 0.5, 1.0)
    ]
    none, half, whole = (
        load_file(tmp_path / f"kept-{keep}" / "model.safetensors") for keep in (0.0, 0.5, 1.0)
    )
    start = load_file(model / "model.safetensors")
    for name, value in start.items():
        assert torch.equal(whole[name], value)
        middle = (none[name].float() + value.float()) / 2
        torch.testing.assert_close(half[name].float(), middle, atol=2e-3, rtol=2e-3)
    assert not all(torch.equal(none[name], start[name]) for name in start)
    assert cards[1].training["started_from"]["kept"] == 0.5
    assert "kept" not in cards[0].training["started_from"]


def test_only_the_models_own_beginning_can_be_kept(model, tmp_path, clock):
    trainer(tmp_path / "second", clock, 1).run()
    with pytest.raises(TrainingError, match="did not start from"):
        export_model(tmp_path / "second", tmp_path / "next", beginning=model, keep=0.5)
    assert not (tmp_path / "next").exists()


@pytest.mark.parametrize("name", ["veloxseg-small", "veloxseg-pet", "veloxseg-text"])
def test_bundled_recipes_can_start_from_the_default_model(name):
    recipe = read_recipe(name)
    network = build_network(recipe.architecture, recipe.patch)
    assert start_from(DEFAULT_MODEL, network)["steps"] > 0
