"""Texture teachers: they train beside the network, change nothing of its answer, and are left behind."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from tiny_model import ARCHITECTURE, PATCH
from training_cases import TenStepsPerSecond, ball_case, tiny_recipe

from LightSegLib.errors import ModelError, TrainingError
from LightSegLib.models.build import build_network, for_inference
from LightSegLib.models.guidance import GUIDANCE_CHANNELS, POSITIVE
from LightSegLib.models.registry import load_model
from LightSegLib.training.checkpoints import load_checkpoint
from LightSegLib.training.export import export_model
from LightSegLib.training.trainer import Trainer

CONFIG = {**ARCHITECTURE["config"], "reconstruction": [1]}
TAUGHT = {**ARCHITECTURE, "config": CONFIG}
WEIGHTS = {"texture_weight": 2.0, "reconstruction_weight": 0.5}


def inputs(count=1):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand((count, 1, *[PATCH] * 3), generator=generator) * 2 - 1
    guidance = torch.zeros((count, GUIDANCE_CHANNELS, *[PATCH] * 3))
    guidance[:, POSITIVE, 14:18, 14:18, 14:18] = 1
    return image, guidance


def built(architecture=TAUGHT):
    torch.manual_seed(0)
    return build_network(architecture, PATCH).eval()


def test_teachers_are_built_where_the_recipe_says_so():
    assert built().has_teachers
    assert not built(ARCHITECTURE).has_teachers
    assert not built(for_inference(TAUGHT)).has_teachers
    with pytest.raises(ModelError, match="reconstruction"):
        built({**ARCHITECTURE, "config": {**CONFIG, "reconstruction": [99]}})


def test_the_answer_is_the_same_with_teachers_watching():
    network, (image, guidance) = built(), inputs(2)
    with torch.no_grad():
        alone = network(image, guidance)
        watched, teaching = network.forward_with_teachers(image, guidance)
    assert all(torch.equal(a, b) for a, b in zip(alone, watched, strict=True))
    assert torch.equal(teaching.target, image)  # and not the drawn prompts
    assert teaching.reconstruction.shape == image.shape
    channels = CONFIG["base_ch"]
    assert teaching.student_gram.shape == (2, channels, channels)
    assert [gram.shape for gram in teaching.teacher_grams] == [(2, channels, channels)]


def test_a_network_without_teachers_says_so():
    with pytest.raises(ValueError, match="without teachers"):
        built(ARCHITECTURE).forward_with_teachers(*inputs())


def test_for_inference_leaves_everything_else_as_it_is():
    light = for_inference(TAUGHT)
    assert light["detail"] == TAUGHT["detail"]
    off = {"reconstruction": False, "deep_supervision": False}
    assert light["config"] == {**CONFIG, **off}
    assert CONFIG["reconstruction"] == [1]
    assert for_inference({"network": "another", "config": {"a": 1}}) == {
        "network": "another",
        "config": {"a": 1},
    }


def trainer(folder, minutes=1.0, architecture=TAUGHT, **entries):
    recipe = tiny_recipe(**{"architecture": architecture, "kinds": {"real": 1.0}, **WEIGHTS, **entries})
    return Trainer(recipe, [ball_case()], folder, minutes=minutes)


def loss_of(run):
    image, guidance = inputs()
    target = (guidance[:, POSITIVE : POSITIVE + 1] > 0).float()
    run.network.train()
    return run._answer(image, guidance, target, torch.ones_like(target))[1]


def test_both_terms_are_part_of_the_loss(tmp_path):
    none, texture, redrawn, both = (
        float(loss_of(trainer(tmp_path, texture_weight=t, reconstruction_weight=r)).detach())
        for t, r in ((0, 0), (2, 0), (0, 0.5), (2, 0.5))
    )
    assert texture > none
    assert redrawn > none
    assert both - none == pytest.approx(texture - none + redrawn - none, rel=1e-2)


def test_teacher_student_and_encoder_all_learn(tmp_path):
    run = trainer(tmp_path)
    loss_of(run).backward()
    silent = [name for name, value in run.network.named_parameters() if value.grad is None]
    assert silent == []
    without = trainer(tmp_path, texture_weight=0, reconstruction_weight=0)
    loss_of(without).backward()
    learning = [
        n for n, value in without.network.named_parameters() if ".teachers." in n and value.grad is not None
    ]
    assert learning == []


def test_weights_without_teachers_are_refused(tmp_path):
    with pytest.raises(TrainingError, match="teachers") as raised:
        trainer(tmp_path, architecture=ARCHITECTURE)
    assert "reconstruction" in raised.value.next_step


def test_a_run_with_teachers_ships_without_them(tmp_path, monkeypatch):
    clock = TenStepsPerSecond(monkeypatch)
    run = trainer(tmp_path / "run", clock.minutes(2))
    run.run()
    resumed = trainer(tmp_path / "run", clock.minutes(3))
    assert resumed.run().step == 3

    card = export_model(tmp_path / "run", tmp_path / "model")
    assert card.architecture["config"]["reconstruction"] is False
    assert card.training["recipe"]["architecture"]["config"]["reconstruction"] == [1]
    with safe_open(tmp_path / "model" / card.weights.file, "pt") as file:
        names = set(file.keys())
    assert names == set(built(ARCHITECTURE).state_dict())
    assert card.weights.parameters == sum(
        value.numel() for value in built(ARCHITECTURE).state_dict().values()
    )

    image, guidance = inputs()
    shipped = load_model(tmp_path / "model", "cpu").predict(image[0].numpy(), guidance[0].numpy())
    with torch.no_grad():
        trained = resumed.average(image, guidance).logits[0, 0]
    error = torch.from_numpy(shipped.logits) - trained
    assert float(error.std()) < 0.03 * float(trained.std())  # the number formats differ


def test_deep_supervision_heads_are_left_behind_too(tmp_path, monkeypatch):
    clock = TenStepsPerSecond(monkeypatch)
    deep = {**ARCHITECTURE, "config": {**ARCHITECTURE["config"], "deep_supervision": True}}
    recipe = replace(tiny_recipe(), architecture=deep)
    Trainer(recipe, [ball_case()], tmp_path / "run", minutes=clock.minutes(1)).run()
    card = export_model(tmp_path / "run", tmp_path / "model")
    with safe_open(tmp_path / "model" / card.weights.file, "pt") as file:
        assert not [name for name in file.keys() if "coarse_heads" in name]  # noqa: SIM118 - it is no dictionary
    load_model(tmp_path / "model", "cpu")


def test_a_checkpoint_from_before_there_were_teachers_still_loads(tmp_path, monkeypatch):
    clock = TenStepsPerSecond(monkeypatch)
    plain = trainer(tmp_path, clock.minutes(1), ARCHITECTURE, texture_weight=0, reconstruction_weight=0)
    plain.run()
    names = json.dumps(sorted(plain.network.state_dict()))
    assert "teachers" not in names
    other = trainer(tmp_path / "other", 1.0, ARCHITECTURE, texture_weight=0, reconstruction_weight=0)
    assert load_checkpoint(tmp_path, other.network, other.average, other.optimizer).step == 1
