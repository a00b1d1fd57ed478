"""RefSAM3D as a model of volumes: prompts and names are heard, a region is encoded once, errors help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from refsam3d_cases import CONFIG, TINY, WIDTH, tiny_network, write_model
from tiny_model import PATCH
from torch import Tensor

from LightSegLib import cli
from LightSegLib.errors import ModelError
from LightSegLib.geometry import Volume
from LightSegLib.models.base import KeepsRegions
from LightSegLib.models.build import build_network
from LightSegLib.models.guidance import (
    BOX,
    GUIDANCE_CHANNELS,
    NEGATIVE,
    POSITIVE,
    PREVIOUS,
    draw_balls,
    empty_guidance,
)
from LightSegLib.models.refsam3d_model import RefSAM3DModel
from LightSegLib.models.region_embeddings import RegionEmbeddings, content_key
from LightSegLib.models.registry import load_model
from LightSegLib.networks.refsam3d import Embedding
from LightSegLib.runtime.memory import estimate_peak_bytes
from LightSegLib.session import InteractiveSession
from LightSegLib.training.recipe import read_recipe

CUBE = (PATCH,) * 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def model(folder: Path) -> RefSAM3DModel:
    loaded = load_model(folder, device="cpu")
    assert isinstance(loaded, RefSAM3DModel)
    loaded.warm_up()
    loaded.forget()
    return loaded


@pytest.fixture
def encoded(model: RefSAM3DModel) -> list[bytes]:
    """What the encoder sees, as it happens."""
    seen: list[bytes] = []
    model._network.network.encoder.register_forward_pre_hook(  # type: ignore[union-attr, operator]
        lambda _, inputs: seen.extend(content_key(image) for image in inputs[0].split(1))
    )
    return seen


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (1, *CUBE)).astype(np.float32)


def clicked(*places: tuple[int, int, int], channel: int = POSITIVE) -> np.ndarray:
    guidance = empty_guidance(CUBE)
    draw_balls(guidance[channel], map(np.array, places))
    return guidance


def name(seed: int = 0) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=WIDTH)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def volume(seed: int = 0) -> Volume:
    k, j, i = np.ogrid[:40, :44, :48]
    ball = (k - 20) ** 2 + (j - 22) ** 2 + (i - 24) ** 2 < 81
    grey = 150 * ball + np.random.default_rng(seed).integers(0, 30, ball.shape)
    return Volume(grey.astype(np.int16), np.eye(4))


# --- The network --------------------------------------------------------------------------------------------


def test_the_bundled_recipe_is_small_and_all_of_it_learns() -> None:
    recipe = read_recipe("refsam3d-small")
    with torch.device("meta"):
        network = build_network(recipe.architecture, recipe.patch)
    parameters = list(network.parameters())
    assert sum(p.numel() for p in parameters) < 5_000_000
    assert all(p.requires_grad for p in parameters)


@torch.inference_mode()
def test_every_prompt_and_every_name_changes_the_answer() -> None:
    network, image = tiny_network().eval(), torch.from_numpy(noise())[None]
    mask, box = empty_guidance(CUBE), empty_guidance(CUBE)
    mask[PREVIOUS, 4:12, 4:12, 4:12] = 1
    box[BOX, 4:12, 4:12, 4:12] = 1
    asked: list[tuple[np.ndarray, np.ndarray | None]] = [
        (empty_guidance(CUBE), None),
        (clicked((8, 9, 10)), None),
        (clicked((20, 9, 10)), None),
        (clicked((8, 9, 10), channel=NEGATIVE), None),
        (clicked((8, 9, 10), (20, 20, 20)), None),
        (mask, None),
        (box, None),
        (clicked((8, 9, 10)), name(1)),
        (empty_guidance(CUBE), name(1)),
        (empty_guidance(CUBE), name(2)),
    ]
    embedding = network.encode(image)
    answers = []
    for guidance, text in asked:
        told = None if text is None else torch.from_numpy(text)[None]
        output = network.decode(embedding, torch.from_numpy(guidance)[None], told)
        assert output.logits.shape == (1, 1, *CUBE)
        answers.append(output.logits)
    for number, answer in enumerate(answers):
        assert all((answer - other).abs().max() > 1e-4 for other in answers[:number])


@torch.inference_mode()
@pytest.mark.parametrize("part", ["points", "boxes"])
def test_prompts_are_heard_as_tokens_and_not_only_as_drawn(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, image = tiny_network().eval(), torch.from_numpy(noise())[None]
    guidance = torch.from_numpy(clicked((8, 9, 10)))[None]
    guidance[:, BOX, 4:12, 4:12, 4:12] = 1
    heard = network(image, guidance).logits
    features = network.network.features

    def deaf(*arguments: Any) -> Tensor:
        embedding, words, mask, points, labels, boxes, dense = arguments
        silent = (torch.full_like(labels, -1), boxes) if part == "points" else (labels, 0 * boxes)
        return features(embedding, words, mask, points, *silent, dense)

    monkeypatch.setattr(network.network, "features", deaf)
    assert (network(image, guidance).logits - heard).abs().max() > 1e-4


@torch.inference_mode()
def test_a_click_tells_what_the_image_shows_there() -> None:
    network = tiny_network().eval().network
    embedding = network.encode(torch.from_numpy(noise())[None])
    place = {"points": torch.tensor([[[8.0, 9, 10]]]), "labels": torch.ones(1, 1)}
    before = network.features(embedding, **place)
    torch.nn.init.zeros_(network.samplers[0].project.weight)
    assert (network.features(embedding, **place) - before).abs().max() > 1e-5


@torch.inference_mode()
def test_zeros_are_no_text_also_beside_others_with_one() -> None:
    network = tiny_network().eval()
    images = torch.from_numpy(np.stack([noise(1), noise(2)]))
    guidance = torch.from_numpy(np.stack([clicked((8, 9, 10)), clicked((20, 9, 10))]))
    text = torch.stack([torch.zeros(WIDTH), torch.from_numpy(name())])
    together = network(images, guidance, text)
    for number in range(2):
        each = slice(number, number + 1)
        alone = network(images[each], guidance[each], text[each] if number else None)
        torch.testing.assert_close(together.logits[each], alone.logits, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(together.expected[each], alone.expected, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_several_image_channels_are_all_seen() -> None:
    network = tiny_network(channels=2).eval()
    guidance = torch.from_numpy(clicked((8, 9, 10)))[None]
    images = torch.from_numpy(np.concatenate([noise(1), noise(2)]))[None]
    answer = network(images, guidance).logits
    for channel in range(2):
        other = images.clone()
        other[:, channel] = -1
        assert (network(other, guidance).logits - answer).abs().max() > 1e-4


def test_a_network_without_border_and_text_answers_alike_before_and_after_its_heads() -> None:
    network = tiny_network(border=0, text=0)
    output = network(torch.from_numpy(noise())[None], torch.from_numpy(clicked((8, 9, 10)))[None])
    assert torch.equal(output.logits, output.coarse)


def test_its_memory_is_known_beforehand() -> None:
    example = [torch.zeros(1, 1, *CUBE), torch.zeros(1, GUIDANCE_CHANNELS, *CUBE), torch.zeros(1, WIDTH)]
    assert (estimate_peak_bytes(tiny_network(), example) or 0) > 100_000


# --- Kept regions -------------------------------------------------------------------------------------------


def test_a_further_prompt_in_a_region_costs_no_encoder_and_gets_the_same_answer(
    model: RefSAM3DModel, encoded: list[bytes]
) -> None:
    image, guidance = noise(), clicked((8, 9, 10), (20, 20, 20))
    model.predict(image, clicked((8, 9, 10)))
    kept = model.predict(image, guidance)
    told = model.predict(image.copy(), guidance, name())
    assert len(encoded) == 1
    model.forget()
    fresh = model.predict(image, guidance)
    assert len(encoded) == 2
    np.testing.assert_array_equal(kept.logits, fresh.logits)
    assert kept.confidence == fresh.confidence
    assert not np.array_equal(told.logits, kept.logits)


def test_another_region_is_never_taken_for_the_kept_one(model: RefSAM3DModel, encoded: list[bytes]) -> None:
    image, guidance = noise(), clicked((8, 9, 10))
    answer = model.predict(image, guidance).logits
    image[0, 3, 3, 3] += 0.5  # in place: the same array shows something else
    other = model.predict(image, guidance).logits
    assert len(encoded) == 2
    assert not np.array_equal(answer, other)
    both = model.predict_batch([(noise(), guidance), (image, guidance)])
    assert len(encoded) == 2
    for kept, alone in zip(both, (answer, other), strict=True):
        np.testing.assert_allclose(kept.logits, alone, atol=0.05 * np.abs(alone).max())


def test_little_is_kept_and_the_least_used_goes_first(model: RefSAM3DModel) -> None:
    for seed in range(20):
        model.predict(noise(seed), clicked((8, 9, 10)))
    assert len(model.embeddings) == model.embeddings.regions
    one = Embedding((torch.zeros(1, 2, 2, 2, 2),), torch.zeros(1, 1, 4, 4, 4))
    kept = RegionEmbeddings(regions=2)
    kept.put("a", one)
    kept.put("b", one)
    kept.get("a")
    kept.put("c", one)
    assert kept.get("b") is None
    assert kept.get("a") is one
    assert kept.bytes == 2 * 4 * (16 + 64)
    kept = RegionEmbeddings(limit=100)
    for key in "abc":
        kept.put(key, one)
    assert len(kept) == 1
    assert kept.get("c") is one


def test_measuring_anew_forgets(model: RefSAM3DModel) -> None:
    model.predict(noise(), clicked((8, 9, 10)))
    assert len(model.embeddings) == 1
    model.warm_up()
    model.predict(noise(), clicked((8, 9, 10)))
    assert isinstance(model, KeepsRegions)


# --- Sessions -----------------------------------------------------------------------------------------------


def test_a_session_takes_every_prompt(model: RefSAM3DModel) -> None:
    session = InteractiveSession(model)
    session.set_image(volume())
    change = session.add_point((24, 22, 20))
    assert session.mask[20, 22, 24]
    assert 0 <= change.confidence <= 1
    session.add_scribble([(20, 22, 20), (21, 22, 20), (22, 22, 20)])
    session.add_box((12, 10, 8), (36, 34, 32))
    session.add_point((24, 22, 18), positive=False)
    assert not session.mask[18, 22, 24]
    session.set_text("liver")
    session.undo()
    assert not session.mask[18, 22, 24]


def test_a_click_that_changes_little_is_answered_in_the_region_that_is_kept(
    model: RefSAM3DModel, encoded: list[bytes]
) -> None:
    session = InteractiveSession(model)
    session.set_image(volume())
    initial = np.zeros((40, 44, 48), bool)
    initial[12:28, 14:30, 16:32] = True
    session.set_mask(initial)
    session.add_point((24, 22, 20))
    session.undo()
    before = len(encoded)
    for place in ((23, 22, 20), (24, 23, 20), (24, 22, 21)):
        session.add_point(place)
        session.undo()
    assert before > 0
    assert len(encoded) == before


def test_another_image_leaves_nothing_of_the_last_one(model: RefSAM3DModel) -> None:
    session = InteractiveSession(model)
    session.set_image(volume(0))
    session.add_point((24, 22, 20))
    kept = len(model.embeddings)
    assert kept > 0
    session.set_image(volume(1))
    assert len(model.embeddings) == 0


def test_the_command_segments_with_it(folder: Path, tmp_path: Path) -> None:
    volume().write(tmp_path / "image.nii.gz")
    arguments = ["segment", str(tmp_path / "image.nii.gz"), "-o", str(tmp_path / "mask.nii.gz")]
    assert cli.main([*arguments, "--model", str(folder), "--point", "24,22,20"]) == 0
    assert (Volume.read(tmp_path / "mask.nii.gz").array > 0).any()


# --- Errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"detail": 8}, "no detail head"),
        ({"config": {**CONFIG, "window": [3, 3, 3]}}, "tiled by the windows"),
        ({"config": {**CONFIG, "n_classes": 2}}, "n_classes is 1"),
        ({"config": {**CONFIG, "dense": 1}}, "dense 7"),
        ({"config": {**CONFIG, "decoder": [8, 4, 4, 4]}}, "16 steps"),
        ({"config": {**CONFIG, "slices": 4}}, "no cubes"),
        ({"config": {"wide": 3}}, "unknown settings"),
        ({"border": "wide"}, "invalid literal"),
        ({"text": -1}, "cannot have -1 numbers"),
    ],
)
def test_settings_that_make_no_model_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match="settings of the network refsam3d") as caught:
        build_network({**TINY, **changes}, PATCH)
    assert message in caught.value.why


def test_texts_that_the_network_does_not_take_are_refused(model: RefSAM3DModel, tmp_path: Path) -> None:
    image, guidance = torch.from_numpy(noise())[None], torch.from_numpy(clicked((8, 9, 10)))[None]
    with pytest.raises(ValueError, match=r"takes \(N, 384\)"):
        tiny_network()(image, guidance, torch.ones(1, 5))
    with pytest.raises(ValueError, match="no `text` entry"):
        tiny_network(text=0)(image, guidance, torch.ones(1, WIDTH))
    with pytest.raises(ModelError, match="text vector of shape"):
        model.predict(noise(), clicked((8, 9, 10)), np.ones(5, np.float32))


def test_a_region_of_another_size_or_with_nan_is_an_error_and_the_model_stays_usable(
    model: RefSAM3DModel,
) -> None:
    with pytest.raises(ModelError, match="image and guidance of shapes"):
        model.predict(np.zeros((1, 8, 8, 8), np.float32), clicked((8, 9, 10)))
    with pytest.raises(ModelError, match="no finite answer"):
        model.predict(np.full((1, *CUBE), np.nan, np.float32), clicked((8, 9, 10)))
    assert np.isfinite(model.predict(noise(), clicked((8, 9, 10))).logits).all()


def test_it_shows_what_it_sees_where_nothing_was_said(model: RefSAM3DModel) -> None:
    image = np.random.default_rng(0).uniform(-1, 1, (1, *CUBE)).astype(np.float32)
    features = model.features(image)
    assert features.shape[1:] == (PATCH // model.feature_stride,) * 3
    assert np.isfinite(features).all()
    assert features.std() > 0
