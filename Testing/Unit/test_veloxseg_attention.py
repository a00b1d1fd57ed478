"""Paired windows: what they gather, how they come back, and that attention equals a plain loop."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from LightSegLib.networks import VeloxSegConfig, paired_window_attention
from LightSegLib.networks.cpu_ops import softmax
from LightSegLib.networks.paired_window_attention import (
    ModalityLinear,
    PairedWindowAttention,
    RelativeBias,
    gather_windows,
    scatter_windows,
)
from LightSegLib.networks.veloxseg_encoder import AttentionBlock

PAIRS = (((2, 2, 2), (1, 1, 1)), ((4, 4, 4), (2, 2, 2)))


def an_attention(modalities: int = 2, channels: int = 8) -> PairedWindowAttention:
    torch.manual_seed(0)
    attention = PairedWindowAttention(modalities, channels, PAIRS, heads=2, head_dim=3).eval()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return attention


@pytest.mark.parametrize("edge", [(72, 3), (96, 4), (64, 2), (48, 2)])
def test_every_window_of_every_pair_has_the_same_number_of_tokens(edge: tuple[int, int]) -> None:
    config = VeloxSegConfig(input_size=(edge[0],) * 3, patch_size=edge[1])
    for grid, pairs in zip(config.stage_grids(), config.window_pairs(), strict=True):
        x = torch.zeros(2, 1, *grid, 1)
        assert len({gather_windows(x, *pair).shape[1:] for pair in pairs}) == 1


def test_windows_of_a_pair_tile_the_grid_exactly() -> None:
    cells = torch.arange(8 * 4 * 4.0).view(1, 1, 8, 4, 4, 1)
    for big in ((2, 2, 2), (4, 4, 4), (8, 2, 4)):
        gathered = gather_windows(cells, big, (1, 1, 1))
        assert torch.equal(gathered.flatten().sort().values, cells.flatten())
        for window in gathered[:, 0, :, 0].long():
            place = torch.stack([window // 16, window // 4 % 4, window % 4])
            assert (place.amax(1) - place.amin(1) + 1).tolist() == list(big)


def test_a_small_window_becomes_the_maximum_of_its_cells() -> None:
    x = torch.randn(2, 3, 8, 8, 8, 5)
    gathered = gather_windows(x, (4, 4, 4), (2, 2, 2))
    pooled = functional.max_pool3d(x.flatten(0, 1).movedim(-1, 1), 2).movedim(1, -1).unflatten(0, (2, 3))
    assert torch.equal(gathered, gather_windows(pooled, (2, 2, 2), (1, 1, 1)))


@pytest.mark.parametrize("big", [(2, 2, 2), (4, 2, 8)])
def test_scattering_undoes_gathering_when_nothing_is_pooled(big: tuple[int, int, int]) -> None:
    x = torch.randn(2, 3, 8, 4, 8, 5)
    back = scatter_windows(gather_windows(x, big, (1, 1, 1)), (8, 4, 8), big, (1, 1, 1))
    assert torch.equal(back, x)


def test_pooled_windows_come_back_by_corner_aligned_interpolation_within_each_window() -> None:
    tokens = torch.randn(1 * 2, 1, 8, 1)
    back = scatter_windows(tokens, (8, 4, 4), (4, 4, 4), (2, 2, 2))[0, 0, ..., 0]
    for i in range(2):
        coarse = tokens[i, 0].view(1, 1, 2, 2, 2)
        fine = functional.interpolate(coarse, size=(4, 4, 4), mode="trilinear", align_corners=True)
        torch.testing.assert_close(back[4 * i : 4 * i + 4], fine[0, 0])


def test_a_bias_depends_only_on_the_offset_between_two_tokens() -> None:
    bias = RelativeBias((2, 3, 4), heads=2)
    offsets = bias(2)
    assert offsets.shape == (2, 48, 48)
    assert torch.equal(offsets[:, :24, :24], offsets[:, 24:, :24])
    place = torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(4))
    seen: dict[tuple[int, ...], Tensor] = {}
    for i in range(24):
        for j in range(24):
            key = tuple((place[i] - place[j]).tolist())
            assert torch.equal(seen.setdefault(key, offsets[:, i, j]), offsets[:, i, j])
    assert len(seen) == len(bias.table)


def plain_attention(attention: PairedWindowAttention, x: Tensor) -> Tensor:
    """The same attention window by window, head by head, without any batching."""
    m, n, d, h, w, _ = x.shape
    q_width, v_width, heads = attention.pair_query, attention.pair_value, attention.heads
    projected = attention.qkv(attention.norm(x)).split(2 * q_width + v_width, dim=-1)
    result = torch.zeros(m, n, d, h, w, len(PAIRS) * v_width)
    for j, ((b, *_), (s, *_)) in enumerate(PAIRS):
        for sample in range(n):
            for at in torch.cartesian_prod(*(torch.arange(0, k, b) for k in (d, h, w))).tolist():
                box = (slice(at[0], at[0] + b), slice(at[1], at[1] + b), slice(at[2], at[2] + b))
                cells = projected[j][:, sample][(slice(None), *box)].movedim(-1, 1)
                tokens = functional.max_pool3d(cells, s)
                sequence = tokens.flatten(2).transpose(1, 2).flatten(0, 1)
                q, k, v = sequence.split([q_width, q_width, v_width], dim=-1)
                parts = []
                for head in range(heads):
                    qh, kh, vh = (t.chunk(heads, dim=-1)[head] for t in (q, k, v))
                    scores = qh @ kh.T / qh.shape[-1] ** 0.5 + attention.bias(m)[head]
                    parts.append(scores.softmax(-1) @ vh)
                out = torch.cat(parts, dim=-1).view(m, -1, v_width).transpose(1, 2)
                coarse = out.reshape(m, v_width, b // s, b // s, b // s)
                fine = functional.interpolate(coarse, size=(b, b, b), mode="trilinear", align_corners=True)
                target = result[:, sample, ..., j * v_width : (j + 1) * v_width]
                target[(slice(None), *box)] = fine.movedim(1, -1)
    mixed: Tensor = attention.mix(result)
    return mixed


def test_the_batched_attention_equals_a_plain_loop_over_windows() -> None:
    attention, x = an_attention(), torch.randn(2, 2, 8, 4, 4, 8)
    torch.testing.assert_close(attention(x), plain_attention(attention, x), rtol=1e-4, atol=1e-5)


def test_the_fused_attention_for_long_sequences_equals_the_plain_products(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attention, x = an_attention(), torch.randn(2, 2, 8, 4, 4, 8)
    with torch.no_grad():
        plain = attention(x)
        monkeypatch.setattr(paired_window_attention, "FUSED_TOKENS", 1)
        torch.testing.assert_close(attention(x), plain, rtol=1e-4, atol=1e-5)


def test_modalities_take_part_in_each_others_attention() -> None:
    attention, x = an_attention(), torch.randn(2, 1, 4, 4, 4, 8)
    without = x.clone()
    without[1] = 0.0
    assert not torch.allclose(attention(x)[0], attention(without)[0])


def test_a_cell_reaches_only_the_windows_that_hold_it() -> None:
    attention, x = an_attention(), torch.randn(1, 1, 8, 4, 4, 8).repeat(2, 1, 1, 1, 1, 1)
    changed = x.clone()
    changed[:, :, 0, 0, 0, 0] += 1.0
    moved = (attention(x) - attention(changed)).abs().amax(dim=(0, 1, 5)) > 1e-6
    assert moved[:4].any()
    assert not moved[4:].any()


@pytest.mark.parametrize(("doubled", "factor"), [(True, 2.0), (False, 1.0)])
def test_a_block_with_silent_branches_multiplies_by_two_as_published_and_by_one_when_mended(
    doubled: bool, factor: float
) -> None:
    config = VeloxSegConfig(input_size=(32, 32, 32), patch_size=2, doubled_residual=doubled)
    block = AttentionBlock(config, 2).eval()
    for branch in (block.attention.mix, block.feed_forward.narrow):
        torch.nn.init.zeros_(branch.weight)
    x = torch.randn(2, 1, 4, 4, 4, 64)
    torch.testing.assert_close(block(x), factor * x)


def test_each_modality_has_its_own_projection() -> None:
    linear, x = ModalityLinear(2, 4, 6), torch.randn(2, 3, 5, 4)
    apart = torch.stack([x[m] @ linear.weight[m] for m in range(2)])
    torch.testing.assert_close(linear(x), apart)


def test_a_dropped_branch_leaves_only_the_residual() -> None:
    config = VeloxSegConfig(input_size=(32, 32, 32), patch_size=2, drop_path=0.999)
    torch.manual_seed(0)
    x = torch.randn(2, 4, 4, 4, 4, 64)
    torch.testing.assert_close(AttentionBlock(config, 2).train()(x), 2.0 * x)


@pytest.mark.parametrize("length", [5, 27, 32])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_softmax_is_that_of_torch_in_every_number_format(length: int, dtype: torch.dtype) -> None:
    x = torch.randn(4, 2, length, generator=torch.Generator().manual_seed(1)).to(dtype)
    found = softmax(x)
    assert found.dtype == dtype
    torch.testing.assert_close(found, x.softmax(-1))
