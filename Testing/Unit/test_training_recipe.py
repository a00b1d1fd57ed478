"""Recipes: the bundled ones work, and a mistake in one's own is named before anything is trained."""

from __future__ import annotations

import json

import pytest
import torch
from training_cases import tiny_recipe

from LightSegLib.errors import TrainingError
from LightSegLib.models.build import build_network, image_channels
from LightSegLib.models.build_slices import is_of_slices
from LightSegLib.models.guidance import GUIDANCE_CHANNELS
from LightSegLib.training.recipe import KINDS, RECIPES_FOLDER, read_recipe

BUNDLED = sorted(path.stem for path in RECIPES_FOLDER.glob("*.json"))


@pytest.fixture
def write(tmp_path):
    """Write a recipe with some entries changed, and give its path."""

    def write(**changes):
        entries = {**tiny_recipe().to_dict(), **changes}
        path = tmp_path / "own.json"
        path.write_text(json.dumps({name: value for name, value in entries.items() if value is not None}))
        return path

    return write


def test_there_is_a_recipe_of_the_default_model():
    assert "veloxseg-small" in BUNDLED


@pytest.mark.parametrize(
    "name", [name for name in BUNDLED if not is_of_slices(read_recipe(name).architecture)]
)
def test_every_bundled_recipe_reads_and_builds(name):
    recipe = read_recipe(name)
    assert recipe.model_id == name
    assert set(recipe.kinds) <= set(KINDS)
    with torch.device("meta"):
        network = build_network(recipe.architecture, recipe.patch)
        shape = (1, 1, *[recipe.patch] * 3)
        image = torch.empty((1, image_channels(recipe.architecture), *shape[2:]))
        output = network.eval()(image, torch.empty((1, GUIDANCE_CHANNELS, *shape[2:])))
    assert output.logits.shape == shape
    if recipe.texture_weight or recipe.reconstruction_weight:
        assert network.has_teachers


def test_a_recipe_is_read_back_as_it_was_written(write):
    recipe = tiny_recipe(source_weights={"a": 2.0}, texture_weight=2.0)
    assert read_recipe(write(**recipe.to_dict())).to_dict() == recipe.to_dict()


def test_a_missing_recipe_is_answered_with_those_that_exist(tmp_path):
    with pytest.raises(TrainingError, match="veloxseg-small"):
        read_recipe("no-such")
    with pytest.raises(TrainingError, match="no recipe"):
        read_recipe(tmp_path / "none.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(TrainingError):
        read_recipe(tmp_path / "folder.json")


def test_a_misspelt_entry_is_not_ignored(write):
    with pytest.raises(TrainingError, match=r"unknown entries: learning_rat\."):
        read_recipe(write(learning_rat=1e-3))


@pytest.mark.parametrize("name", ["model_id", "architecture", "patch", "minutes"])
def test_a_missing_entry_is_named(write, name):
    with pytest.raises(TrainingError, match=name):
        read_recipe(write(**{name: None}))


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "null", '"text"'])
def test_what_is_no_recipe_at_all_is_refused(tmp_path, text):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(TrainingError):
        read_recipe(tmp_path / "bad.json")


@pytest.mark.parametrize(
    "kinds",
    [{"real": 0.5}, {"real": 0.7, "shapes": 0.7}, {"real": 1.5, "shapes": -0.5}, {"rael": 1.0}, {}, ["real"]],
)
def test_kinds_that_are_no_probabilities_are_refused(write, kinds):
    with pytest.raises(TrainingError):
        read_recipe(write(kinds=kinds))


@pytest.mark.parametrize(
    "entry",
    [
        {"batch": 0},
        {"batch": 1.5},
        {"batch": "2"},
        {"patch": -32},
        {"minutes": 0},
        {"learning_rate": -1e-3},
        {"texture_weight": -1},
        {"closer": 1.5},
        {"continue_probability": -0.1},
        {"average_decay": 2},
        {"extent_range": [0.5]},
        {"extent_range": [0, 1]},
        {"extent_range": [0.9, 0.2]},
        {"seed": -1},
        {"source_weights": {"a": -1}},
    ],
    ids=str,
)
def test_what_would_fail_in_the_middle_of_a_run_is_refused_before(write, entry):
    with pytest.raises(TrainingError, match=next(iter(entry))):
        read_recipe(write(**entry))


def test_a_network_of_slices_learns_no_names(write):
    slices = {"network": "hrmedseg", "config": {}, "text": 384}
    with pytest.raises(TrainingError, match="only networks of volumes learn names"):
        read_recipe(write(architecture=slices, text={"alone": 0.5}))
