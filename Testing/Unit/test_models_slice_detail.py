"""The head at full resolution of networks of slices: silent at first, then it hears pixels and clicks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from slice_network import SIZE, SLICES, tiny_network, write_slice_model

from LightSegLib.errors import ModelError
from LightSegLib.models import drawn_slices, likeness
from LightSegLib.models.build_slices import build_slices
from LightSegLib.models.guidance import BALL_RADIUS, BOX, NEGATIVE, POSITIVE, PREVIOUS
from LightSegLib.models.promptable_slices import PromptableSlices, SlicePrompts
from LightSegLib.models.registry import load_model
from LightSegLib.models.slice_inputs import example_inputs
from LightSegLib.models.weights import save_weights
from LightSegLib.runtime.memory import estimate_peak_bytes

GUIDANCE = 1 + likeness.CHANNELS
POINTS = torch.tensor([[[20.0, 30.0], [5.0, 8.0]]])
LABELS = torch.tensor([[1, 0]])


@pytest.fixture
def network() -> PromptableSlices:
    torch.manual_seed(0)
    plain = tiny_network()
    return PromptableSlices(plain.network, detail=8).eval()


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(1, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 2 - 1


def awake(network: PromptableSlices) -> PromptableSlices:
    """The same network with a head that says something."""
    with torch.no_grad():
        torch.nn.init.normal_(network.detail.move.weight)
    return network


# --- What it sees -------------------------------------------------------------------------------------------


def test_clicks_are_balls_at_their_pixels(image: torch.Tensor) -> None:
    channels = drawn_slices.drawn(image, POINTS, LABELS, None, None)
    assert channels.shape == (1, drawn_slices.CHANNELS, SIZE, SIZE)
    torch.testing.assert_close(channels[:, :1], image)
    for kind, (x, y) in ((POSITIVE, (20, 30)), (NEGATIVE, (5, 8))):
        drawn = channels[0, GUIDANCE + kind]
        assert drawn[y, x] == 1
        assert drawn.sum() == drawn[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5].sum()
        assert drawn[y, x + 2] == pytest.approx(1 - 2 / BALL_RADIUS)


def test_a_box_is_filled_and_a_mask_becomes_a_share(image: torch.Tensor) -> None:
    box, previous = torch.tensor([[3.5, 7.5, 10.5, 12.5]]), torch.full((1, 1, SIZE, SIZE), -8.0)
    previous[..., 4:6, 9:12] = 8.0
    channels = drawn_slices.drawn(image, None, None, box, previous)[0, GUIDANCE:]
    assert channels[BOX].sum() == 7 * 5
    assert channels[BOX][8:13, 4:11].all()
    assert (channels[PREVIOUS] > 0.5).sum() == 6
    assert not channels[POSITIVE].any()


def test_what_is_like_the_clicked_pixel_is_told(image: torch.Tensor) -> None:
    picture = torch.full_like(image, -1.0)
    picture[..., 10:30, 10:30] = 0.5
    click, inside = torch.tensor([[[20.0, 20.0]]]), torch.ones(1, 1, dtype=torch.int64)
    channels = drawn_slices.drawn(picture, click, inside, None, None)[0]
    difference, near = channels[1], channels[2]
    assert difference[12, 12].abs() < 0.01
    assert difference[2, 2] < -0.9
    assert near[12, 12] > 2 * near[2, 2]


# --- What it does -------------------------------------------------------------------------------------------


def test_at_first_it_changes_nothing(network: PromptableSlices, image: torch.Tensor) -> None:
    with torch.inference_mode():
        answer = network(image, points=POINTS, labels=LABELS)
        features = network.features(network.encode(image))
        plain = network.network.decode(features, POINTS, LABELS)
        wanted = network.network.enlarge(plain, (SIZE, SIZE))
    torch.testing.assert_close(answer.logits, wanted)
    torch.testing.assert_close(answer.coarse, wanted)


def test_the_kept_embedding_gives_the_pixels_back(network: PromptableSlices, image: torch.Tensor) -> None:
    with torch.inference_mode():
        embedding = network.encode(image)
        width = network.network.config.embedding_ch
        pixels = torch.nn.functional.pixel_shuffle(embedding[:, width:], network.network.config.patch_size)
    assert torch.equal(pixels, image)


def test_it_hears_pixels_and_clicks(network: PromptableSlices, image: torch.Tensor) -> None:
    awake(network)
    with torch.inference_mode():
        one = network(image, points=POINTS, labels=LABELS)
        other = network(image, points=POINTS.flip(1), labels=LABELS)
        embedding = network.encode(image)
        embedding[:, network.network.config.embedding_ch :] = 0
        blind = network.decode(embedding, points=POINTS, labels=LABELS)
    for answer in (other, blind):
        correction, usual = answer.logits - answer.coarse, one.logits - one.coarse
        assert (correction - usual).abs().max() > 1e-3


def test_one_embedding_serves_several_prompts(network: PromptableSlices, image: torch.Tensor) -> None:
    awake(network)
    prompts = [SlicePrompts(POINTS[0], LABELS[0]), SlicePrompts(POINTS[0].flip(0), LABELS[0])]
    with torch.inference_mode():
        embedding = network.encode(image)
        points, labels = torch.stack([prompt.points for prompt in prompts]), LABELS.expand(2, -1)
        together = network.decode(embedding, points=points, labels=labels)
        alone = [network.answer(embedding, [prompt]) for prompt in prompts]
    torch.testing.assert_close(together.logits, torch.cat([answer.logits for answer in alone]))


def test_it_learns(network: PromptableSlices, image: torch.Tensor) -> None:
    network.train()(image, points=POINTS, labels=LABELS).logits.square().mean().backward()
    assert network.detail.move.weight.grad.abs().sum() > 0
    awake(network)(image, points=POINTS, labels=LABELS).logits.square().mean().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.detail.look.parameters())


# --- In a model folder --------------------------------------------------------------------------------------


def test_a_folder_with_the_head_answers_at_full_resolution(tmp_path) -> None:
    architecture = {**SLICES, "detail": 8}
    weights = save_weights(build_slices(architecture, SIZE).state_dict(), tmp_path)
    write_slice_model(tmp_path, architecture=architecture, weights=weights)
    model = load_model(tmp_path, device="cpu")
    pixels = np.zeros((1, SIZE, SIZE), np.float32)
    prompts = (np.array([[20.0, 30.0]], np.float32), np.ones(1, np.int64), None, None)
    logits, expected = model.decode(model.encode(pixels), *prompts)
    assert logits.shape == (SIZE, SIZE)
    assert 0 <= expected <= 1
    assert (estimate_peak_bytes(build_slices(architecture, SIZE), example_inputs(SIZE)) or 0) > 10_000


@pytest.mark.parametrize("detail", [-2, 7])
def test_a_width_that_cannot_be_is_refused(detail: int) -> None:
    with pytest.raises(ModelError, match="even number"):
        build_slices({**SLICES, "detail": detail}, SIZE)
