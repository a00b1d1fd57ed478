"""The blocks of HRMedSeg's encoder compute what the paper writes."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from LightSegLib.networks.hrmedseg_blocks import LGViTBlock, LinearAttention, MBConv, skip
from LightSegLib.networks.hrmedseg_config import HRMedSegConfig
from LightSegLib.networks.hrmedseg_rotary import _turns, rotate_2d

GRID = (6, 7)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def attention() -> LinearAttention:
    torch.manual_seed(0)
    return LinearAttention(96, 6, (8, 8)).eval()


# --- Rotary positions ---------------------------------------------------------------------------------------


def test_rotation_keeps_lengths_and_the_origin() -> None:
    tokens = random(2, 42, 96)
    turned = rotate_2d(tokens, GRID)
    torch.testing.assert_close(turned.norm(dim=-1), tokens.norm(dim=-1))
    torch.testing.assert_close(turned[:, 0], tokens[:, 0])


def test_inner_products_after_rotation_depend_on_the_difference_of_places_only() -> None:
    u, v = random(96), random(96, seed=1)
    turned_u, turned_v = (rotate_2d(x.expand(1, 42, 96), GRID)[0].unflatten(0, GRID) for x in (u, v))
    products = (turned_u[:4, :6] * turned_v[2:, 1:]).sum(-1) / (u.norm() * v.norm())
    assert (products - products[0, 0]).abs().max() < 2e-6


def test_rows_turn_the_first_half_of_the_channels_and_columns_the_last() -> None:
    tokens = random(1, 1, 96).expand(1, 42, 96)
    cells = rotate_2d(tokens, GRID).unflatten(1, GRID)[0]
    down, across = cells[3, 0] != cells[0, 0], cells[0, 3] != cells[0, 0]
    assert not down[48:].any()
    assert not across[:48].any()
    assert down[:24].all()
    assert across[48:72].all()


def test_the_first_pairs_turn_by_the_whole_index_and_later_ones_ever_slower() -> None:
    tokens = torch.tensor([1.0, 0.0]).repeat(4).expand(1, 42, 8)
    turned = rotate_2d(tokens, GRID).unflatten(1, GRID)[0, 2, 5]
    angles = torch.tensor([2.0, 2.0 / 100, 5.0, 5.0 / 100])
    torch.testing.assert_close(turned, torch.stack([angles.cos(), angles.sin()], dim=-1).flatten())


def test_rotations_are_computed_once_per_grid() -> None:
    _turns.cache_clear()
    for _ in range(3):
        rotate_2d(random(1, 42, 8), GRID)
        rotate_2d(random(1, 12, 8), (3, 4))
    assert _turns.cache_info().misses == 2


# --- Linear attention ---------------------------------------------------------------------------------------


def test_linear_attention_is_its_quadratic_form(attention: LinearAttention) -> None:
    tokens = random(2, 42, 96)
    with torch.inference_mode():
        queries, keys = attention.queries_and_keys(tokens)
        values = attention.values(tokens)
        linear = attention.mix(queries, keys, values, GRID)
        q, k, turned_q, turned_k, v = (
            x.double().unflatten(-1, (6, 16)).transpose(1, 2)
            for x in (queries, keys, rotate_2d(queries, GRID), rotate_2d(keys, GRID), values)
        )
        scores = turned_q @ turned_k.transpose(-2, -1) / 42
        denominators = (q @ k.transpose(-2, -1)).mean(dim=-1, keepdim=True) + 1e-6
        quadratic = (scores / denominators @ v).transpose(1, 2).flatten(2)
        near = attention.lepe(values.transpose(1, 2).unflatten(2, GRID)).flatten(2).transpose(1, 2)
        whole = attention(tokens, GRID)
    assert (linear - quadratic).abs().max() < 1e-6
    assert (whole - quadratic - near).abs().max() < 1e-5


def test_queries_and_keys_are_never_negative(attention: LinearAttention) -> None:
    with torch.inference_mode():
        for part in attention.queries_and_keys(10 * random(1, 42, 96)):
            assert (part >= 0).all()


def test_values_are_of_a_quarter_of_the_rank(attention: LinearAttention) -> None:
    with torch.inference_mode():
        values = attention.values(random(1, 200, 96))[0] - attention.up_proj.bias
    assert torch.linalg.matrix_rank(values, rtol=1e-4) == 24


# --- Blocks -------------------------------------------------------------------------------------------------


def test_a_fresh_convolution_block_is_its_activation() -> None:
    torch.manual_seed(0)
    features = random(2, 24, 9, 11)
    for block in (MBConv(24, 2).eval(), MBConv(24, 2).train(), MBConv(24, 2, drop_path=0.5).train()):
        torch.testing.assert_close(block(features), functional.gelu(features), rtol=0, atol=0)


def test_a_block_whose_gate_is_zero_is_its_feed_forward_path() -> None:
    torch.manual_seed(0)
    block, tokens = LGViTBlock(24, 3, 2, GRID).eval(), random(2, 42, 24)
    torch.nn.init.zeros_(block.out_proj.bias)
    with torch.inference_mode():
        feed_forward = tokens + block.mlp(block.norm2(tokens))
        assert (block(tokens, GRID) - feed_forward).abs().max() > 1e-3
        block.act_proj.weight.zero_()
        block.act_proj.bias.zero_()
        torch.testing.assert_close(block(tokens, GRID), feed_forward, rtol=0, atol=0)


def test_the_gate_multiplies_what_attention_says() -> None:
    torch.manual_seed(0)
    block, tokens = LGViTBlock(24, 3, 2, GRID).eval(), random(2, 42, 24)
    with torch.inference_mode():
        u = block.norm1(tokens)
        gate = block.act_proj(u)
        x = tokens + block.out_proj(block.attn(u, GRID) * gate * torch.sigmoid(gate))
        torch.testing.assert_close(block(tokens, GRID), x + block.mlp(block.norm2(x)))


# --- Stochastic depth ---------------------------------------------------------------------------------------


def test_the_chance_to_skip_grows_linearly_over_all_blocks() -> None:
    chances = HRMedSegConfig().drop_paths
    assert len(chances) == 12
    assert chances[0] == 0.0
    assert chances[-1] == pytest.approx(0.1)
    steps = [later - earlier for earlier, later in pairwise(chances)]
    assert steps == pytest.approx([0.1 / 11] * 11)


def test_skipping_spares_whole_samples_keeps_the_mean_and_ends_with_training() -> None:
    torch.manual_seed(0)
    branch = torch.ones(4000, 3, 2)
    skipped = skip(branch, 0.2, training=True)
    assert set(skipped.unique().tolist()) == {0.0, 1.25}
    assert torch.equal(skipped.amin((1, 2)), skipped.amax((1, 2)))
    assert skipped.mean() == pytest.approx(1.0, abs=0.03)
    assert skip(branch, 0.2, training=False) is branch
