"""Runs that teach names: the card says which, the model hears them, and a trained one can learn them."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from text_cases import TEXT, WIDTH, named_case, scene_around, smallest, two_kidneys
from tiny_model import ARCHITECTURE, PATCH
from training_cases import TenStepsPerSecond, ball_case, tiny_recipe

from LightSegLib.errors import DataError, TrainingError
from LightSegLib.models.build import build_network
from LightSegLib.models.cards import SCHEMA_PATH, read_card
from LightSegLib.models.guidance import GUIDANCE_CHANNELS, empty_guidance
from LightSegLib.models.registry import load_model
from LightSegLib.text.embeddings import Embeddings
from LightSegLib.text.vocabulary import Vocabulary
from LightSegLib.training.export import export_model
from LightSegLib.training.losses import SegmentationLoss
from LightSegLib.training.starting import start_from
from LightSegLib.training.trainer import Trainer


@pytest.fixture(scope="module")
def embeddings() -> Embeddings:
    return Embeddings.load(Vocabulary.load())


@pytest.fixture
def clock(monkeypatch):
    return TenStepsPerSecond(monkeypatch)


def run_of(folder, clock, cases, steps=2, **settings):
    recipe = tiny_recipe(architecture=TEXT, text={"alone": 0.6, "wrong": 0.3}, kinds={"real": 1.0}, batch=2)
    return Trainer(recipe, cases, folder, minutes=clock.minutes(steps), workers=0, **settings)


def test_a_run_teaches_names_and_its_card_says_which(tmp_path, clock):
    run = run_of(tmp_path / "run", clock, [two_kidneys(), named_case()], steps=4)
    run.run()
    assert all(stage.weight.any() for stage in run.network.film.stages)
    card = export_model(tmp_path / "run", tmp_path / "model")
    jsonschema.validate(card.to_dict(), json.loads(SCHEMA_PATH.read_text()))
    card = read_card(tmp_path / "model")
    assert card.capabilities.text
    assert card.capabilities.structures == ["kidney_left", "kidney_right", "liver"]
    assert card.architecture["text"] == WIDTH
    assert "3 structures" in card.limits
    shipped = load_file(tmp_path / "model" / "model.safetensors")
    assert shipped["film.codes.weight"].shape[1] == WIDTH


def test_the_exported_model_hears_the_name(tmp_path, clock, embeddings):
    run_of(tmp_path / "run", clock, [two_kidneys()], steps=4).run()
    export_model(tmp_path / "run", tmp_path / "model")
    model = load_model(tmp_path / "model", "cpu")
    image = np.random.default_rng(0).uniform(-1, 1, (1, *[PATCH] * 3)).astype(np.float32)
    guidance = empty_guidance((PATCH,) * 3)
    left = model.predict(image, guidance, embeddings.of("kidney_left")[0]).logits
    silent = model.predict(image, guidance).logits
    assert np.isfinite(left).all()
    assert not np.array_equal(left, silent)


def test_a_model_without_text_begins_one_with_it_and_nothing_changes(tmp_path, clock):
    Trainer(tiny_recipe(), [ball_case()], tmp_path / "first", minutes=clock.minutes(2), workers=0).run()
    export_model(tmp_path / "first", tmp_path / "plain")
    plain, told = build_network(ARCHITECTURE, PATCH), build_network(TEXT, PATCH)
    start_from(tmp_path / "plain", plain)
    start_from(tmp_path / "plain", told)
    image = torch.rand(1, 1, *[PATCH] * 3) * 2 - 1
    guidance = torch.zeros(1, GUIDANCE_CHANNELS, *[PATCH] * 3)
    with torch.no_grad():
        expected = plain.eval()(image, guidance).logits
        torch.testing.assert_close(told.eval()(image, guidance, torch.ones(1, WIDTH)).logits, expected)
    run = run_of(tmp_path / "second", clock, [named_case()], beginning=tmp_path / "plain")
    run.run()
    card = export_model(tmp_path / "second", tmp_path / "text", beginning=tmp_path / "plain", keep=0.5)
    assert card.capabilities.text
    with pytest.raises(TrainingError, match="cannot start from"):
        start_from(tmp_path / "text", build_network(ARCHITECTURE, PATCH))


def test_a_run_without_text_says_so(tmp_path, clock):
    Trainer(tiny_recipe(), [named_case()], tmp_path / "run", minutes=clock.minutes(1), workers=0).run()
    card = export_model(tmp_path / "run", tmp_path / "model")
    assert not card.capabilities.text
    assert card.capabilities.structures == []
    assert "no text" in card.limits


def test_texts_of_another_width_or_no_names_at_all_are_refused(tmp_path, clock):
    with pytest.raises(DataError, match="has a name"):
        run_of(tmp_path, clock, [ball_case()])
    recipe = tiny_recipe(architecture={**TEXT, "text": 100}, text={"alone": 0.5})
    with pytest.raises(TrainingError, match="100 numbers"):
        Trainer(recipe, [named_case()], tmp_path, minutes=1.0)


def test_a_tiny_network_learns_to_segment_one_of_two_balls_by_its_name(embeddings):
    case = two_kidneys()
    middle = (np.array(case.label_map.shape) - 1) / 2
    view = scene_around(case, middle, 40.0).render(20)
    image = (view.image * 2 - 1).expand(2, 1, -1, -1, -1)
    guidance = torch.zeros(2, GUIDANCE_CHANNELS, 20, 20, 20)
    target = torch.stack([(view.labels == 3) & (view.valid > 0), (view.labels == 2) & (view.valid > 0)])
    target, valid = target[:, None].float(), view.valid.expand(2, 1, -1, -1, -1)
    text = torch.from_numpy(np.stack([embeddings.of(f"kidney_{side}")[0] for side in ("left", "right")]))
    network, loss = smallest(WIDTH), SegmentationLoss()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(80):
        output = network(image, guidance, text)
        optimizer.zero_grad()
        loss([output.logits, output.coarse], target, valid).backward()
        optimizer.step()
    answer = (network(image, guidance, text).logits > 0).float()
    for number in range(2):
        right, other = target[number], target[1 - number]
        dice = 2 * (answer[number] * right).sum() / (answer[number].sum() + right.sum())
        assert dice > 0.8
        assert (answer[number] * other).sum() < 0.1 * other.sum()
