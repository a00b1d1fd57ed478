"""HRMedSeg encodes an image once, and understands points, boxes and its own earlier logits as SAM does."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from LightSegLib.networks.hrmedseg import HRMedSeg
from LightSegLib.networks.hrmedseg_config import HRMedSegConfig
from LightSegLib.networks.hrmedseg_prompts import PromptEncoder

GRID = (4, 6)  # 64 x 96 pixels


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def encoder() -> PromptEncoder:
    torch.manual_seed(0)
    return PromptEncoder(32, 16).eval().requires_grad_(False)


@pytest.fixture
def net() -> HRMedSeg:
    torch.manual_seed(0)
    config = HRMedSegConfig(
        in_ch=1, image_size=64, dim=24, depths=(1, 1, 1, 1), heads=(2, 3, 6), embedding_ch=32, decoder_heads=2
    )
    return HRMedSeg(config).eval().requires_grad_(False)


def test_a_point_is_the_middle_of_its_pixel_in_random_frequencies(encoder: PromptEncoder) -> None:
    tokens = encoder.tokens(GRID, torch.tensor([[[12.0, 40.0]]]), torch.tensor([[1]]))
    assert tokens is not None
    place = 2 * torch.tensor([12.5 / 96, 40.5 / 64]) - 1
    angle = 2 * math.pi * (place @ encoder.pe_layer.positional_encoding_gaussian_matrix)
    wanted = torch.cat([angle.sin(), angle.cos()]) + encoder.point_embeddings[1].weight[0]
    torch.testing.assert_close(tokens[0, 0], wanted)


def test_points_of_object_and_background_differ_by_their_embedding(encoder: PromptEncoder) -> None:
    points = torch.tensor([[[12.0, 40.0], [12.0, 40.0]]])
    tokens = encoder.tokens(GRID, points, torch.tensor([[1, 0]]))
    assert tokens is not None
    difference = encoder.point_embeddings[1].weight - encoder.point_embeddings[0].weight
    torch.testing.assert_close(tokens[:, 0] - tokens[:, 1], difference)


def test_a_place_holder_has_no_place(encoder: PromptEncoder) -> None:
    tokens = encoder.tokens(GRID, torch.tensor([[[12.0, 40.0], [0.0, 3.0]]]), torch.tensor([[-1, -1]]))
    assert tokens is not None
    assert torch.equal(tokens, encoder.not_a_point_embed.weight.expand(1, 3, 32))


def test_points_alone_end_in_a_place_holder_and_points_with_a_box_do_not(encoder: PromptEncoder) -> None:
    points, labels = torch.tensor([[[12.0, 40.0]]]), torch.tensor([[1]])
    alone = encoder.tokens(GRID, points, labels)
    both = encoder.tokens(GRID, points, labels, torch.tensor([[1.0, 2.0, 30.0, 40.0]]))
    assert alone is not None
    assert both is not None
    assert (alone.shape, both.shape) == ((1, 2, 32), (1, 3, 32))
    assert torch.equal(alone[0, 1], encoder.not_a_point_embed.weight[0])
    assert torch.equal(alone[:, 0], both[:, 0])


def test_a_box_is_its_two_corners(encoder: PromptEncoder) -> None:
    tokens = encoder.tokens(GRID, boxes=torch.tensor([[1.0, 2.0, 30.0, 40.0]]))
    assert tokens is not None
    corners = encoder.pe_layer(torch.tensor([[1.5 / 96, 2.5 / 64], [30.5 / 96, 40.5 / 64]]))
    torch.testing.assert_close(tokens[0, 0], corners[0] + encoder.point_embeddings[2].weight[0])
    torch.testing.assert_close(tokens[0, 1], corners[1] + encoder.point_embeddings[3].weight[0])


def test_a_cell_is_embedded_as_a_point_in_its_middle(encoder: PromptEncoder) -> None:
    cells = encoder.pe_layer.dense(GRID)[0].unflatten(0, GRID)
    torch.testing.assert_close(cells[1, 4], encoder.pe_layer(torch.tensor([4.5 / 6, 1.5 / 4])))


def test_without_earlier_logits_one_embedding_stands_for_all(encoder: PromptEncoder) -> None:
    assert torch.equal(encoder.dense(GRID).flatten(), encoder.no_mask_embed.weight[0])
    earlier = encoder.dense(GRID, random(2, 1, 16, 24))
    assert earlier.shape == (2, 32, 4, 6)
    assert encoder.tokens(GRID) is None


def test_forward_is_encoding_decoding_and_enlarging(net: HRMedSeg) -> None:
    image = random(1, 1, 64, 64)
    prompts = (torch.tensor([[[20.0, 30.0], [5.0, 9.0]]]), torch.tensor([[1, 0]]))
    boxes, earlier = torch.tensor([[4.0, 8.0, 40.0, 50.0]]), random(1, 1, 16, 16)
    with torch.inference_mode():
        low = net.decode(net.encode(image), *prompts, boxes, earlier)
        torch.testing.assert_close(
            net(image, *prompts, boxes, earlier), net.enlarge(low, (64, 64)), rtol=0, atol=0
        )


def test_a_prompt_does_not_run_the_encoder_again(net: HRMedSeg) -> None:
    runs = []
    net.image_encoder.register_forward_hook(lambda *_: runs.append("encoder"))
    net.neck.register_forward_hook(lambda *_: runs.append("neck"))
    with torch.inference_mode():
        embedding = net.encode(random(1, 1, 64, 64))
        for x in range(3):
            net.decode(embedding, torch.tensor([[[float(x), 5.0]]]), torch.tensor([[1]]))
    assert runs == ["encoder", "neck"]


def test_every_prompt_changes_the_answer(net: HRMedSeg) -> None:
    embedding = random(1, 32, 4, 6)
    points, box = torch.tensor([[[12.0, 40.0]]]), torch.tensor([[1.0, 2.0, 30.0, 40.0]])
    answers = [
        net.decode(embedding),
        net.decode(embedding, points, torch.tensor([[1]])),
        net.decode(embedding, points, torch.tensor([[0]])),
        net.decode(embedding, boxes=box),
        net.decode(embedding, points, torch.tensor([[1]]), box),
        net.decode(embedding, previous_logits=5 * random(1, 1, 16, 24)),
    ]
    for index, answer in enumerate(answers):
        assert answer.shape == (1, 1, 16, 24)
        assert all((answer - other).abs().max() > 1e-4 for other in answers[:index])


def test_what_a_call_returns_goes_into_the_next(net: HRMedSeg) -> None:
    embedding = random(1, 32, 4, 6)
    logits = net.decode(embedding)
    again = net.decode(embedding, torch.tensor([[[3, 4]]]), torch.tensor([[1]]), previous_logits=logits)
    assert again.shape == logits.shape


def test_several_prompts_on_one_image_are_answered_like_each_alone(net: HRMedSeg) -> None:
    embedding = random(1, 32, 4, 6)
    points, labels = 50 * torch.rand(3, 2, 2), torch.tensor([[1, 0], [1, 1], [0, -1]])
    earlier = random(3, 1, 16, 24)
    together = net.decode(embedding, points, labels, previous_logits=earlier)
    for index in range(3):
        part = slice(index, index + 1)
        alone = net.decode(embedding, points[part], labels[part], previous_logits=earlier[part])
        torch.testing.assert_close(together[part], alone, atol=1e-5, rtol=1e-4)


def test_the_order_of_clicks_does_not_matter(net: HRMedSeg) -> None:
    embedding, points, labels = random(1, 32, 4, 6), 50 * torch.rand(1, 4, 2), torch.tensor([[1, 0, 1, 0]])
    there, back = net.decode(embedding, points, labels), net.decode(embedding, points.flip(1), labels.flip(1))
    torch.testing.assert_close(there, back, atol=1e-5, rtol=1e-4)


def test_cells_are_enlarged_as_the_transposed_convolutions_do(net: HRMedSeg) -> None:
    decoder, cells = net.mask_decoder, random(2, 24, 32)
    pixels = decoder.upscale(cells).unflatten(1, GRID).unflatten(3, (2, 2, 2, 2))
    pixels = pixels.permute(0, 7, 1, 3, 5, 2, 4, 6).flatten(5, 7).flatten(2, 4)
    grid = cells.unflatten(1, GRID).permute(0, 3, 1, 2)
    torch.testing.assert_close(pixels, decoder.output_upscaling(grid))
    weights = decoder.output_hypernetworks_mlps[0](random(2, 32, seed=1))
    assert weights.shape == (2, 4)


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ({"points": torch.zeros(1, 1, 2)}, "points and labels go together"),
        ({"points": torch.zeros(1, 2), "labels": torch.zeros(1, 1)}, r"\(B, P, 2\) and labels \(B, P\)"),
        ({"points": torch.zeros(1, 2, 2), "labels": torch.zeros(1, 1)}, r"not \(1, 2, 2\) and \(1, 1\)"),
        ({"points": torch.zeros(1, 1, 2), "labels": torch.full((1, 1), 2)}, "1 for the object"),
        ({"boxes": torch.zeros(4)}, r"shape \(B, 4\)"),
        ({"previous_logits": torch.zeros(1, 1, 256, 256)}, r"shape \(B, 1, 16, 24\), not"),
        (
            {
                "points": torch.zeros(2, 1, 2),
                "labels": torch.zeros(2, 1),
                "boxes": torch.zeros(3, 4),
            },
            "points are for 2 prompts and boxes for 3",
        ),
        ({"boxes": torch.zeros(3, 4), "previous_logits": torch.zeros(2, 1, 16, 24)}, "do not go with"),
    ],
)
def test_prompts_that_do_not_fit_are_refused(net: HRMedSeg, prompts: dict[str, Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        net.decode(random(1, 32, 4, 6), **prompts)
