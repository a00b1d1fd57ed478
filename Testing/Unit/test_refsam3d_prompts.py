"""Words, clicks, boxes and the previous answer reach all voxels of RefSAM3D, padding reaches none."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from test_refsam3d import prompts, random, tiny
from torch import Tensor

from LightSegLib.networks.refsam3d import Embedding, RefSAM3D
from LightSegLib.networks.refsam3d_decoder import PromptAttention
from LightSegLib.networks.refsam3d_prompts import FourierPosition, Prompts

SIZE = (16, 16, 16)


@pytest.fixture(scope="module")
def network() -> RefSAM3D:
    return tiny()


@pytest.fixture(scope="module")
def embedding(network: RefSAM3D) -> Embedding:
    with torch.inference_mode():
        return network.encode(random(1, 1, *SIZE))


def tokens_of(network: RefSAM3D, **given: Any) -> Prompts:
    names = ("words", "word_mask", "points", "labels", "boxes")
    with torch.inference_mode():
        return network.prompts(SIZE, *(given.get(name) for name in names))


def decode(network: RefSAM3D, embedding: Embedding, **given: Any) -> Tensor:
    with torch.inference_mode():
        return network.decode(embedding, **given)


def weights_of(network: RefSAM3D, embedding: Embedding, tokens: Prompts) -> list[Tensor]:
    with torch.inference_mode():
        places = network.prompts.position.of_grid((4, 4, 4)).flatten(0, 2)
        return [
            attention.weights(level.flatten(2).transpose(1, 2), places, tokens)
            for level, attention in zip(embedding.levels, network.attentions, strict=True)
        ]


def test_weights_over_tokens_sum_to_1_for_every_voxel_and_padding_has_none(
    network: RefSAM3D, embedding: Embedding
) -> None:
    given = prompts()
    given["labels"] = torch.tensor([[1, -1]])
    tokens = tokens_of(network, **given)
    # No prompt; two words and padding; sentence; a click and padding; two corners.
    assert tokens.mask.tolist() == [[True, True, True, False, True, True, False, True, True]]
    for weights in weights_of(network, embedding, tokens):
        assert weights.shape == (1, 2, 64, 9)
        torch.testing.assert_close(weights.sum(-1), torch.ones(1, 2, 64))
        assert (weights[..., ~tokens.mask[0]] == 0).all()
        assert (weights[..., tokens.mask[0]] > 0).all()


def test_a_text_that_is_padding_throughout_is_no_text(network: RefSAM3D, embedding: Embedding) -> None:
    words, mask = random(1, 3, 6), torch.zeros(1, 3, dtype=torch.bool)
    tokens = tokens_of(network, words=words, word_mask=mask)
    for weights in weights_of(network, embedding, tokens):
        assert (weights[..., 1:] == 0).all()
        assert (weights[..., 0] == 1).all()
    padded = decode(network, embedding, words=words, word_mask=mask)
    torch.testing.assert_close(padded, decode(network, embedding))


def test_attention_applies_the_weights_that_it_shows(network: RefSAM3D, embedding: Embedding) -> None:
    tokens, attention = tokens_of(network, **prompts()), network.attentions[0]
    voxels = embedding.levels[0].flatten(2).transpose(1, 2)
    places = network.prompts.position.of_grid((4, 4, 4)).flatten(0, 2)
    with torch.inference_mode():
        values = attention.value(tokens.tokens).unflatten(-1, (2, -1)).transpose(1, 2)
        seen = attention.weights(voxels, places, tokens) @ values
        expected = attention.norm(voxels + attention.out(seen.transpose(1, 2).flatten(2)))
        torch.testing.assert_close(attention(voxels, places, tokens), expected, atol=1e-5, rtol=1e-5)


def test_a_voxel_can_find_the_click_on_it() -> None:
    torch.manual_seed(0)
    attention, position = PromptAttention(32, 1), FourierPosition(32)
    for layer in (attention.query, attention.key):
        torch.nn.init.eye_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    places = position.of_grid((4, 4, 4)).flatten(0, 2)
    clicks = Prompts(places[None, [0, 21, 63]], torch.ones(1, 3, dtype=torch.bool))
    with torch.inference_mode():
        weights = attention.weights(torch.zeros(1, 64, 32), places, clicks)[0, 0]
        assert weights.argmax(0).tolist() == [0, 21, 63]
        alike = attention(torch.zeros(1, 64, 32), places, clicks)[0]
    assert (alike[0] - alike[63]).abs().max() > 1e-3


def test_another_text_gives_another_answer_but_other_padding_does_not(
    network: RefSAM3D, embedding: Embedding
) -> None:
    words, mask = random(1, 5, 6), torch.tensor([[True, True, False, False, False]])
    logits = decode(network, embedding, words=words, word_mask=mask)
    reordered = words[:, [0, 1, 4, 2, 3]]
    torch.testing.assert_close(decode(network, embedding, words=reordered, word_mask=mask), logits)
    torch.testing.assert_close(decode(network, embedding, words=words[:, :2]), logits)
    other = words.clone()
    other[:, 1] *= -1
    assert (decode(network, embedding, words=other, word_mask=mask) - logits).abs().max() > 1e-3


def test_padding_that_is_not_a_number_does_no_harm(network: RefSAM3D, embedding: Embedding) -> None:
    words, mask = random(1, 3, 6), torch.tensor([[True, True, False]])
    words[:, 2] = torch.nan
    assert decode(network, embedding, words=words, word_mask=mask).isfinite().all()


@pytest.mark.parametrize("name", ["points", "labels", "boxes", "previous"])
def test_every_kind_of_prompt_changes_the_answer(network: RefSAM3D, embedding: Embedding, name: str) -> None:
    given = prompts()
    before = decode(network, embedding, **given)
    given[name] = 1 - given[name] if name in ("labels", "previous") else given[name] + 1
    assert (decode(network, embedding, **given) - before).abs().max() > 1e-4


def test_points_and_boxes_that_are_padding_change_nothing(network: RefSAM3D, embedding: Embedding) -> None:
    given = prompts()
    before = decode(network, embedding, **given)
    given["points"] = torch.cat([given["points"], torch.tensor([[[7.0, 7.0, 7.0]]])], dim=1)
    given["labels"] = torch.cat([given["labels"], torch.tensor([[-1]])], dim=1)
    given["boxes"] = torch.cat([given["boxes"], torch.zeros(1, 1, 2, 3, dtype=torch.long)], dim=1)
    torch.testing.assert_close(decode(network, embedding, **given), before)


def test_a_click_is_its_position_and_its_kind_and_a_box_is_its_corners(network: RefSAM3D) -> None:
    position, kinds = network.prompts.position, network.prompts.kinds.weight
    tokens = tokens_of(network, **{n: v for n, v in prompts().items() if n in ("points", "labels", "boxes")})
    with torch.inference_mode():
        click = position(torch.tensor([3.5, 4.5, 5.5]) / 16) + kinds[1]
        corner = position(torch.tensor([9.0, 10.0, 12.0]) / 16) + kinds[3]
    torch.testing.assert_close(tokens.tokens[0, 1], click)
    torch.testing.assert_close(tokens.tokens[0, 4], corner)


def test_the_position_of_a_voxel_is_that_of_a_click_on_it() -> None:
    position = FourierPosition(8)
    grid = position.of_grid((4, 6, 8))
    torch.testing.assert_close(
        grid[1, 2, 3], position((torch.tensor([1, 2, 3]) + 0.5) / torch.tensor([4, 6, 8]))
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"words": torch.zeros(1, 3, 5)}, r"are not \(N, T, 6\)"),
        ({"words": torch.zeros(1, 3, 6), "word_mask": torch.ones(1, 2)}, r"is not \(1, 3\)"),
        ({"word_mask": torch.ones(1, 2)}, "came without words"),
        ({"points": torch.zeros(1, 2, 3)}, "with labels"),
        ({"labels": torch.zeros(1, 2)}, r"points \(missing\)"),
        ({"points": torch.zeros(1, 2, 3), "labels": torch.zeros(1, 3)}, "one for each point"),
        ({"boxes": torch.zeros(1, 2, 3)}, r"are not \(N, B, 2, 3\)"),
        ({"previous": torch.zeros(1, 16, 16, 16)}, r"is not \(N, 1, D, H, W\)"),
        ({"words": torch.zeros(2, 3, 6), "boxes": torch.zeros(3, 1, 2, 3)}, "different numbers of prompts"),
        ({"words": torch.zeros(2, 3, 6), "previous": torch.zeros(3, 1, 16, 16, 16)}, "do not go together"),
    ],
)
def test_prompts_of_the_wrong_shape_are_refused(
    network: RefSAM3D, embedding: Embedding, given: dict[str, Tensor], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        decode(network, embedding, **given)
