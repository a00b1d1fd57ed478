"""A text joins a network silently, changes what it sees once trained, and without a text nothing changes."""

from __future__ import annotations

import pytest
import torch
from test_models_promptable import OneConvolution
from text_cases import smallest
from tiny_model import ARCHITECTURE, PATCH
from torch import Tensor, nn

from LightSegLib.errors import ModelError
from LightSegLib.models.build import build_network, for_inference, text_width
from LightSegLib.models.film import CODE, PLACES, FilmText
from LightSegLib.models.guidance import GUIDANCE_CHANNELS, POSITIVE
from LightSegLib.models.promptable import PromptableNetwork
from LightSegLib.networks.refineformer3d import RefineFormer3D
from LightSegLib.networks.refineformer3d_config import RefineFormer3DConfig
from LightSegLib.networks.segmaformer import SegMaFormer
from LightSegLib.networks.segmaformer_config import SegMaFormerConfig
from LightSegLib.training.losses import SegmentationLoss, confidence_loss

WIDTH = 6
TEXT = {**ARCHITECTURE, "text": WIDTH}
SEGMAFORMER = {"channels": [12, 12, 24, 24], "decoder_width": 12}
REFINEFORMER = {"channels": [8, 16, 16, 16], "decoder": [16, 8, 8, 8], "windows": [[2, 2, 2]] * 4}


def built(
    architecture: dict[str, object] = TEXT, seed: int = 0, *, trained: bool = False
) -> PromptableNetwork:
    """The tiny network with random weights; a trained one has heard texts, an untrained one has not."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(architecture, PATCH)
        if trained:
            for name, value in network.named_parameters():
                if name.startswith(("film.", "detail_out.")):
                    nn.init.normal_(value, std=0.2)
    return network.eval()


def inputs(count: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(count, 1, PATCH, PATCH, PATCH, generator=generator) * 2 - 1
    guidance = torch.zeros(count, GUIDANCE_CHANNELS, PATCH, PATCH, PATCH)
    guidance[:, POSITIVE, 10:14, 10:14, 10:14] = 1
    return image, guidance


def texts(count: int = 2) -> Tensor:
    return nn.functional.normalize(
        torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(1)), dim=1
    )


def unequal(one: Tensor, other: Tensor) -> bool:
    return float((one - other).detach().abs().max()) > 1e-3


# --- The layer ----------------------------------------------------------------------------------------------


def test_scale_and_shift_are_linear_in_the_text_and_differ_by_channel_and_place() -> None:
    film = FilmText(WIDTH, [4, 8])
    nn.init.normal_(film.stages[1].weight)
    text, features = texts(3), torch.randn(3, 8, 2, 3, 4)
    found = film(text)(1, features)
    weights = film.stages[1](film.codes(text)).view(3, PLACES, 2, 8)
    for k, j, i in ((0, 0, 0), (1, 2, 3), (0, 1, 2)):
        at = [(2 * index + 1) / length - 1 for index, length in zip((k, j, i), (2, 3, 4), strict=True)]
        place = torch.tensor([1.0, *at, *(x * x - 1 / 3 for x in at)])
        scale, shift = torch.einsum("nplc,p->lnc", weights, place)
        torch.testing.assert_close(found[:, :, k, j, i], features[:, :, k, j, i] * (1 + scale) + shift)


def test_a_layer_begins_silent_and_has_no_biases() -> None:
    film, features = FilmText(WIDTH, [4]), torch.randn(2, 4, 3, 3, 3)
    assert torch.equal(film(texts())(0, features), features)
    assert all(name.endswith("weight") for name, _ in film.named_parameters())


def test_the_codes_are_given_and_not_learnt() -> None:
    film = FilmText(WIDTH, [4])
    film.set_codes(torch.arange(2.0 * WIDTH).view(2, WIDTH))
    code = film.codes(torch.ones(1, WIDTH))
    assert code.shape == (1, CODE)
    torch.testing.assert_close(code[0, :3], torch.tensor([15.0, 51.0, 0.0]))
    film(texts(1))(0, torch.randn(1, 4, 2, 2, 2)).sum().backward()
    assert film.codes.weight.grad is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_features_keep_their_number_format(dtype: torch.dtype) -> None:
    film = FilmText(WIDTH, [4])
    nn.init.normal_(film.stages[0].weight)
    assert film(texts())(0, torch.randn(2, 4, 3, 3, 3).to(dtype)).dtype == dtype


@pytest.mark.parametrize("shape", [(2, WIDTH + 1), (WIDTH,), (2, 1, WIDTH)])
def test_embeddings_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"must be \\(N, {WIDTH}\\)"):
        FilmText(WIDTH, [4])(torch.zeros(shape))


# --- In a network -------------------------------------------------------------------------------------------


def test_a_text_says_nothing_before_training() -> None:
    network = built()
    for told, silent in zip(network(*inputs(), texts()), network(*inputs()), strict=True):
        assert torch.equal(told, silent)


def test_no_text_is_exactly_a_text_of_zeros_even_after_training() -> None:
    network = built(trained=True)
    for told, silent in zip(network(*inputs(), torch.zeros(2, WIDTH)), network(*inputs()), strict=True):
        assert torch.equal(told, silent)


def test_a_trained_network_answers_another_text_otherwise() -> None:
    network = built(trained=True)
    one, other = network(*inputs(), texts()), network(*inputs(), texts().flip(0))
    assert unequal(one.logits, other.logits)
    assert unequal(one.expected, other.expected)


def test_the_items_of_a_batch_do_not_see_each_others_text() -> None:
    network = built(trained=True)
    image, guidance = inputs()
    mixed = texts()
    mixed[1] = 0
    together = network(image, guidance, mixed)
    alone = [network(image[n : n + 1], guidance[n : n + 1], mixed[n : n + 1]) for n in range(2)]
    torch.testing.assert_close(
        together.logits, torch.cat([each.logits for each in alone]), atol=1e-4, rtol=1e-4
    )
    without = network(image[1:], guidance[1:])
    torch.testing.assert_close(together.logits[1:], without.logits, atol=1e-4, rtol=1e-4)


def test_the_gradient_reaches_every_stage_from_the_first_step_on() -> None:
    network = built(trained=True)
    nn.init.zeros_(network.film.stages[0].weight)
    network(*inputs(), texts()).logits.square().mean().backward()
    for stage in network.film.stages:
        assert float(stage.weight.grad.abs().max()) > 0


def test_zeros_teach_the_text_nothing() -> None:
    network = built(trained=True)
    network(*inputs(), torch.zeros(2, WIDTH)).logits.square().mean().backward()
    assert not any(stage.weight.grad.any() for stage in network.film.stages)


def test_a_network_without_text_has_not_a_weight_more_and_refuses_one() -> None:
    plain = built(ARCHITECTURE)
    assert plain.film is None
    further = set(built().state_dict()) - set(plain.state_dict())
    assert further == {"film.codes.weight", *(f"film.stages.{n}.weight" for n in range(4))}
    with pytest.raises(ValueError, match="without text"):
        plain(*inputs(), texts())


def test_teachers_hear_the_text_too() -> None:
    taught = {**TEXT, "config": {**ARCHITECTURE["config"], "reconstruction": [1]}}
    network = built(taught, trained=True)
    told, _ = network.forward_with_teachers(*inputs(), texts())
    torch.testing.assert_close(told.logits, network(*inputs(), texts()).logits)


@pytest.mark.parametrize(
    ("name", "config", "patch"),
    [
        ("veloxseg", ARCHITECTURE["config"], PATCH),
        ("segmaformer", SEGMAFORMER, 64),
        ("refineformer3d", REFINEFORMER, 64),
    ],
)
def test_every_network_of_volumes_takes_a_text(name: str, config: dict[str, object], patch: int) -> None:
    torch.manual_seed(0)
    network = build_network({"network": name, "config": config, "detail": 4, "text": WIDTH}, patch).eval()
    image = torch.rand(1, 1, patch, patch, patch) * 2 - 1
    guidance = torch.zeros(1, GUIDANCE_CHANNELS, patch, patch, patch)
    with torch.no_grad():
        silent = network(image, guidance)
        assert torch.equal(network(image, guidance, texts(1)).logits, silent.logits)
        for stage in network.film.stages:
            nn.init.normal_(stage.weight)
        assert unequal(network(image, guidance, texts(1)).logits, silent.logits)
        assert torch.equal(network(image, guidance, torch.zeros(1, WIDTH)).logits, silent.logits)


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(
            lambda: SegMaFormer(SegMaFormerConfig.from_dict({"in_ch": 1, "n_classes": 1, **SEGMAFORMER})),
            id="segmaformer",
        ),
        pytest.param(
            lambda: RefineFormer3D(
                RefineFormer3DConfig.from_dict({"in_ch": 1, "n_classes": 1, **REFINEFORMER})
            ),
            id="refineformer3d",
        ),
    ],
)
def test_the_hook_sees_every_stage_once_and_what_it_says_counts(network) -> None:
    torch.manual_seed(0)
    built_network = network().eval()
    image, seen = torch.rand(1, 1, 64, 64, 64), []

    def doubled(stage: int, features: Tensor) -> Tensor:
        seen.append((stage, features.shape[1]))
        return features + stage

    with torch.no_grad():
        told = built_network(image, doubled)
        plain = built_network(image)
        same = built_network(image, lambda stage, features: features)
    assert seen == list(enumerate(built_network.config.channels))
    assert unequal(told, plain)
    assert torch.equal(same, plain)


def test_a_text_needs_stages() -> None:
    with pytest.raises(ValueError, match="encoder stages"):
        PromptableNetwork(OneConvolution(PromptableNetwork.INPUT_CHANNELS), 4, 2, text=WIDTH)


@pytest.mark.parametrize("entry", [-1, "wide", None])
def test_a_width_that_is_none_is_refused(entry: object) -> None:
    with pytest.raises(ModelError, match="veloxseg cannot be used"):
        build_network({**ARCHITECTURE, "text": entry}, PATCH)


def test_a_model_keeps_its_text_for_inference() -> None:
    assert text_width(for_inference(TEXT)) == WIDTH
    assert text_width(for_inference(ARCHITECTURE)) == 0


# --- Not in this image --------------------------------------------------------------------------------------


def test_an_empty_target_pulls_a_wrong_answer_down_and_never_up() -> None:
    empty, valid = torch.zeros(1, 1, 8, 8, 8), torch.ones(1, 1, 8, 8, 8)
    for level in (-6.0, 0.0, 6.0):
        logits = torch.full((1, 1, 8, 8, 8), level, requires_grad=True)
        SegmentationLoss()([logits], empty, valid).backward()
        assert torch.isfinite(logits.grad).all()
        assert (logits.grad > 0).all()
    silent, loud = (
        SegmentationLoss()([torch.full((1, 1, 8, 8, 8), level)], empty, valid) for level in (-12.0, 2.0)
    )
    assert float(silent) < 0.05 < 1.0 < float(loud)


def test_the_expected_dice_of_what_is_not_there_is_zero_whatever_the_answer() -> None:
    empty, valid = torch.zeros(2, 1, 8, 8, 8), torch.ones(2, 1, 8, 8, 8)
    answers = torch.full((2, 1, 8, 8, 8), -5.0)
    answers[1] = 5.0

    def loss(level: float, at: slice = slice(None), **settings: bool) -> float:
        expected = torch.full((2,), level)[at]
        return float(confidence_loss(expected, answers[at], empty[at], valid[at], **settings))

    assert loss(-6.0, empty_is_zero=True) < 0.01
    assert loss(6.0, empty_is_zero=True) > 5
    assert loss(6.0, slice(1)) < 0.01  # without a text, an empty answer to an empty slice is perfect


def test_the_expected_dice_learns_to_say_that_it_is_not_there() -> None:
    network, edge = smallest(WIDTH), 16
    places = torch.stack(torch.meshgrid(*[torch.arange(edge)] * 3, indexing="ij")).float()
    ball = ((places - 7.5).square().sum(0).sqrt() < 4).float()[None, None]
    image, guidance = (
        (ball * 1.2 - 0.6).expand(2, *ball.shape[1:]),
        torch.zeros(2, GUIDANCE_CHANNELS, *[edge] * 3),
    )
    target, valid = torch.cat([ball, torch.zeros_like(ball)]), torch.ones(2, 1, *[edge] * 3)
    optimizer, loss = torch.optim.AdamW(network.parameters(), lr=1e-2), SegmentationLoss()
    for _ in range(80):
        output = network(image, guidance, torch.eye(WIDTH)[:2])
        total = loss([output.logits, output.coarse], target, valid)
        total = total + confidence_loss(output.expected, output.logits, target, valid, empty_is_zero=True)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    output = network(image, guidance, torch.eye(WIDTH)[:2])
    assert ((output.logits > 0) == (target > 0.5)).float().mean() > 0.98
    there, absent = torch.sigmoid(output.expected).tolist()
    assert there > 0.8
    assert absent < 0.15
