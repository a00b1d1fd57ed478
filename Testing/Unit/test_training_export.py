"""From a run to a model folder: it loads, its card is valid and says how and on what it was trained."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_model import PATCH
from training_cases import TenStepsPerSecond, ball_case, tiny_recipe

from LightSegLib.errors import TrainingError
from LightSegLib.models.cards import SCHEMA_PATH, read_card
from LightSegLib.models.guidance import empty_guidance
from LightSegLib.models.registry import load_model
from LightSegLib.training.export import describe_data, describe_hardware, export_model
from LightSegLib.training.trainer import Trainer


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run of two steps; do not change it."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    cases = [ball_case(source="b", seed=0), ball_case(source="a", seed=0), ball_case(source="b", seed=1)]
    with pytest.MonkeyPatch.context() as monkeypatch:
        clock = TenStepsPerSecond(monkeypatch)
        minutes = clock.minutes(2)
        Trainer(tiny_recipe(), cases, folder, minutes=minutes, left_out=["c", "b/liver"]).run()
    return folder


@pytest.fixture(scope="module")
def model(run, tmp_path_factory):
    """The model folder of that run; do not change it."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    export_model(run, folder)
    return folder


@pytest.fixture
def damaged(run, tmp_path):
    """A copy of the run, to damage."""
    for path in run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_the_card_is_valid(model):
    entries = json.loads((model / "card.json").read_text())
    jsonschema.validate(entries, json.loads(SCHEMA_PATH.read_text()))


def test_the_card_says_how_it_was_trained(model):
    card = read_card(model)
    assert (card.id, card.title, card.patch) == ("tiny", "Tiny", PATCH)
    training = card.training
    assert (training["steps"], training["samples"], training["minutes"]) == (2, 2, 0.0)
    assert training["recipe"]["batch"] == 1
    assert training["left_out"] == ["c", "b/liver"]
    assert "PyTorch" in training["hardware"]
    assert card.licence
    assert card.limits
    assert card.validation == {}


def test_the_weights_have_the_licence_that_was_asked_for(run, tmp_path):
    export_model(run, tmp_path / "tiny", "MIT")
    assert read_card(tmp_path / "tiny").licence == "MIT"


def test_the_card_names_the_data_with_its_licences(model):
    data = read_card(model).data
    assert [(source["source"], source["cases"]) for source in data] == [("a", 1), ("b", 2)]
    assert {source["licence"] for source in data} == {"CC0-1.0"}
    assert {source["origin"] for source in data} == {"made up"}


def test_the_card_knows_the_memory_of_a_forward_pass(model):
    assert read_card(model).memory_bytes > PATCH**3 * 4


def test_the_averaged_weights_are_shipped_in_half_precision(run, model):
    shipped, average = load_file(model / "model.safetensors"), load_file(run / "average.safetensors")
    assert {value.dtype for value in shipped.values()} == {torch.float16}
    assert shipped.keys() == average.keys()
    for name, value in shipped.items():
        assert torch.allclose(value.float(), average[name], rtol=1e-3, atol=1e-6)
    card = read_card(model)
    assert card.weights.bytes == (model / card.weights.file).stat().st_size
    assert card.weights.parameters == sum(value.numel() for value in average.values())


def test_the_model_loads_and_answers(model):
    loaded = load_model(model, "cpu")
    guidance = empty_guidance((PATCH,) * 3)
    answer = loaded.predict(np.zeros((1, PATCH, PATCH, PATCH), np.float32), guidance)
    assert np.isfinite(answer.logits).all()


@pytest.mark.parametrize("name", ["recipe.json", "progress.json", "data.json", "average.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"[]"])
def test_a_run_without_a_whole_checkpoint_is_refused(damaged, tmp_path, name, content):
    if content is None:
        (damaged / name).unlink()
    else:
        (damaged / name).write_bytes(content)
    with pytest.raises(TrainingError):
        export_model(damaged, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_weights_of_another_network_are_refused(damaged, tmp_path):
    wide = tiny_recipe().to_dict()
    wide["architecture"]["config"]["base_ch"] = 16
    (damaged / "recipe.json").write_text(json.dumps(wide))
    with pytest.raises(TrainingError, match="checkpoint"):
        export_model(damaged, tmp_path / "model")


def test_an_empty_folder_holds_no_run(tmp_path):
    with pytest.raises(TrainingError):
        export_model(tmp_path, tmp_path / "model")


def test_data_is_described_per_source():
    about = describe_data([ball_case(source="z"), ball_case(source="z", seed=1)], ["y"])
    assert about["left_out"] == ["y"]
    assert about["data"] == [
        {"source": "z", "modality": "CT", "licence": "CC0-1.0", "origin": "made up", "cases": 2}
    ]


def test_hardware_is_described_in_words():
    assert "cores" in describe_hardware(torch.device("cpu"))
