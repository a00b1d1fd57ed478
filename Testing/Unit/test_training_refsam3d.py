"""RefSAM3D is trained by the trainer of volumes, learns from clicks and names, and its model folder works."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from refsam3d_cases import TINY, WIDTH, tiny_network
from text_cases import named_case, scene_around, two_kidneys
from tiny_model import PATCH
from training_cases import TenStepsPerSecond, ball_case, tiny_recipe

from LightSegLib.errors import TrainingError
from LightSegLib.geometry import Volume
from LightSegLib.models.cards import SCHEMA_PATH, read_card
from LightSegLib.models.guidance import GUIDANCE_CHANNELS, POSITIVE, draw_balls, empty_guidance
from LightSegLib.models.refsam3d_model import RefSAM3DModel
from LightSegLib.models.registry import load_model
from LightSegLib.session import InteractiveSession
from LightSegLib.text.embeddings import Embeddings
from LightSegLib.text.vocabulary import Vocabulary
from LightSegLib.training.export import export_model
from LightSegLib.training.losses import SegmentationLoss
from LightSegLib.training.trainer import Trainer

TEXT = {"alone": 0.5, "with_prompt": 0.2, "wrong": 0.3}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> TenStepsPerSecond:
    return TenStepsPerSecond(monkeypatch)


def test_a_run_trains_every_weight_and_its_model_is_used_like_any(
    tmp_path: Path, clock: TenStepsPerSecond
) -> None:
    recipe = tiny_recipe(architecture=TINY, text=TEXT, kinds={"real": 1.0}, batch=2)
    cases = [two_kidneys(), named_case()]
    run = Trainer(recipe, cases, tmp_path / "run", minutes=clock.minutes(12), workers=0)
    before = {name: value.clone() for name, value in run.network.named_parameters()}
    run.run()
    same = {name for name, value in run.network.named_parameters() if torch.equal(value, before[name])}
    assert same == {"network.previous.nothing"}  # some dense prompt is always given
    card = export_model(tmp_path / "run", tmp_path / "model")
    jsonschema.validate(card.to_dict(), json.loads(SCHEMA_PATH.read_text()))
    assert read_card(tmp_path / "model").capabilities.structures == ["kidney_left", "kidney_right", "liver"]
    assert card.capabilities.dimensions == 3
    model = load_model(tmp_path / "model", device="cpu")
    assert isinstance(model, RefSAM3DModel)
    session = InteractiveSession(model)
    session.set_image(Volume(cases[1].image.astype(np.int16), np.diag([1.0, 1.5, 3.0, 1.0])))
    session.add_point((10, 10, 10))
    assert session.mask[10, 10, 10]
    session.add_point((12, 10, 10))
    assert session.mask[10, 10, 12]


def test_a_run_goes_on_and_one_without_text_says_so(tmp_path: Path, clock: TenStepsPerSecond) -> None:
    plain = {**TINY, "text": 0}
    for steps in (2, 4):
        recipe = tiny_recipe(architecture=plain)
        run = Trainer(recipe, [ball_case()], tmp_path / "run", minutes=clock.minutes(steps), workers=0)
        run.run()
    assert run.progress.step > 2
    card = export_model(tmp_path / "run", tmp_path / "model")
    assert not card.capabilities.text
    assert "no text" in card.limits


def test_texture_teachers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="teachers that its network does not have"):
        Trainer(tiny_recipe(architecture=TINY, texture_weight=1.0), [ball_case()], tmp_path)


def test_a_tiny_network_learns_one_of_two_balls_by_name_and_by_click() -> None:
    embeddings = Embeddings.load(Vocabulary.load())
    case = two_kidneys()
    middle = (np.array(case.label_map.shape) - 1) / 2
    view = scene_around(case, middle, 40.0).render(PATCH)
    image = (view.image * 2 - 1).expand(4, 1, -1, -1, -1)
    balls = torch.stack([(view.labels == value) & (view.valid > 0) for value in (3, 2)])[:, None].float()
    target, valid = balls.repeat(2, 1, 1, 1, 1), view.valid.expand(4, 1, -1, -1, -1)
    guidance = torch.zeros(4, GUIDANCE_CHANNELS, *[PATCH] * 3)
    for number in range(2):
        drawn = empty_guidance((PATCH,) * 3)
        draw_balls(drawn[POSITIVE], [balls[number, 0].nonzero().float().mean(0).round().numpy()])
        guidance[2 + number] = torch.from_numpy(drawn)
    text = torch.zeros(4, WIDTH)
    for number, side in enumerate(("left", "right")):
        text[number] = torch.from_numpy(embeddings.of(f"kidney_{side}")[0])
    torch.manual_seed(0)
    network, loss = tiny_network(), SegmentationLoss()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(60):
        output = network(image, guidance, text)
        optimizer.zero_grad()
        loss([output.logits, output.coarse], target, valid).backward()
        optimizer.step()
    answer = (network.eval()(image, guidance, text).logits > 0).float()
    common, both = (answer * target).flatten(1).sum(1), (answer + target).flatten(1).sum(1)
    assert (2 * common / both).min() > 0.8
