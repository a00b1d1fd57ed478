"""RefSAM3D's encoder is SAM's, slice by slice, window by window, until its adapters have learnt something."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from test_refsam3d import TINY, random, tiny
from torch import Tensor, nn

from LightSegLib.networks.refsam3d import RefSAM3D
from LightSegLib.networks.refsam3d_attention import (
    WindowAttention,
    neighbours,
    resize_line,
    resize_plane,
)
from LightSegLib.networks.refsam3d_encoder import Adapter, PatchEmbedding
from LightSegLib.networks.shifted_windows import to_windows

WIDTH, HEADS = TINY.width, TINY.heads


def attention(block: int = 1, window: tuple[int, int, int] = (2, 2, 2), table: int = 0) -> WindowAttention:
    torch.manual_seed(0)
    config = replace(TINY, window=window, relative_tables=4 * (table,) if table else ())
    layer = WindowAttention(config, block)
    for places in (layer.relative_height, layer.relative_width):
        nn.init.normal_(places)
    layer.start_depth()
    return layer.eval()


@torch.inference_mode()
def seen_from(layer: WindowAttention, cell: tuple[int, int, int], grid: tuple[int, int, int]) -> Tensor:
    """Bool grid: which cells' results change when one cell's token does."""
    tokens = random(1, *grid, WIDTH)
    changed = tokens.clone()
    changed[(0, *cell)] += 1
    return (layer(changed) - layer(tokens)).abs().amax(-1)[0] > 0


def test_an_adapter_that_has_learnt_nothing_changes_no_bit() -> None:
    torch.manual_seed(0)
    adapted = RefSAM3D(TINY).encoder.eval()
    torch.manual_seed(1)
    plain = RefSAM3D(replace(TINY, adapter=0)).encoder.eval()
    plain.load_state_dict({n: v for n, v in adapted.state_dict().items() if ".adapter." not in n})
    image = random(1, 1, 16, 16, 16)
    with torch.inference_mode():
        for one, other in zip(adapted(image), plain(image), strict=True):
            assert torch.equal(one, other)
        nn.init.normal_(adapted.blocks[0].adapter.up.weight)
        assert not torch.equal(adapted(image)[0], plain(image)[0])


def test_an_adapter_that_has_learnt_nothing_can_learn() -> None:
    adapter = Adapter(WIDTH, 8)
    adapter(random(1, 4, 4, 4, WIDTH)).square().sum().backward()
    assert adapter.up.weight.grad is not None
    assert adapter.up.weight.grad.abs().max() > 0


def test_tokens_are_the_merged_patches_of_grey_slices() -> None:
    embed = tiny(enlarge=2).encoder.embed
    image = random(2, 1, 8, 16, 8)
    with torch.inference_mode():
        large = nn.functional.interpolate(image, scale_factor=2, mode="trilinear", align_corners=False)
        slices = [embed.patch(large[:, :, index].expand(-1, 3, -1, -1)) for index in range(16)]
        merged = embed.merge(torch.stack(slices, dim=2)).permute(0, 2, 3, 4, 1)
        plane = resize_plane(embed.plane, (8, 4))
        expected = merged + plane + embed.depth[:, None, None]
        torch.testing.assert_close(embed(image), expected, atol=1e-5, rtol=1e-5)


def test_an_encoder_to_be_adapted_starts_from_the_mean_of_the_slices() -> None:
    embed = PatchEmbedding(TINY)
    nn.init.zeros_(embed.plane)
    image = random(1, 1, 4, 4, 4)
    with torch.inference_mode():
        expected = embed.patch(image.mean(2).expand(-1, 3, -1, -1))[0, :, 0, 0]
        torch.testing.assert_close(embed(image)[0, 0, 0, 0], expected, atol=1e-5, rtol=1e-5)


def test_tables_of_positions_are_averaged_when_they_shrink() -> None:
    plane, line = random(4, 6, 3), random(7, 3)
    expected = plane.unflatten(0, (2, 2)).unflatten(2, (3, 2)).mean((1, 3))
    torch.testing.assert_close(resize_plane(plane, (2, 3)), expected)
    assert resize_plane(plane, (8, 6)).shape == (8, 6, 3)
    torch.testing.assert_close(resize_line(line, 3)[1], line[3])


@pytest.mark.parametrize("table", [0, 9])
def test_attention_is_sams_with_a_third_axis(table: int) -> None:
    window = (2, 3, 4)
    layer = attention(1, window, table)
    nn.init.normal_(layer.relative_depth)
    tokens = random(1, *window, WIDTH)
    with torch.inference_mode():
        q, k, v = layer.qkv(tokens.flatten(1, 3)).unflatten(-1, (3, HEADS, -1))[0].permute(1, 2, 0, 3)
        tables = (layer.relative_depth, layer.relative_height, layer.relative_width)
        tables = [resize_line(t, 2 * n - 1) for t, n in zip(tables, window, strict=True)]
        cells = [(z, y, x) for z in range(2) for y in range(3) for x in range(4)]
        logits = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
        for i, one in enumerate(cells):
            for j, other in enumerate(cells):
                places = [t[a - b + n - 1] for t, a, b, n in zip(tables, one, other, window, strict=True)]
                logits[:, i, j] += q[:, i] @ torch.stack(places).sum(0)
        expected = layer.out((logits.softmax(-1) @ v).transpose(0, 1).flatten(1))
        torch.testing.assert_close(layer(tokens).flatten(1, 3)[0], expected, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_depth_starts_as_the_mean_so_that_height_and_width_can_be_swapped() -> None:
    layer, swapped = attention(0, table=9), attention(0, table=9)
    mean = (layer.relative_height + layer.relative_width) / 2
    assert torch.equal(layer.relative_depth, mean)
    swapped.relative_height.copy_(layer.relative_width)
    swapped.relative_width.copy_(layer.relative_height)
    swapped.start_depth()
    tokens = random(1, 4, 6, 8, WIDTH)
    torch.testing.assert_close(swapped(tokens.transpose(2, 3)), layer(tokens).transpose(2, 3))
    assert (layer(tokens.transpose(2, 3)) - layer(tokens).transpose(2, 3)).abs().max() > 1e-3


@torch.inference_mode()
def test_with_equal_tables_depth_is_an_axis_like_the_others() -> None:
    layer = attention(0, table=9)
    layer.relative_width.copy_(layer.relative_height)
    layer.start_depth()
    tokens = random(1, 4, 6, 8, WIDTH)
    torch.testing.assert_close(layer(tokens.transpose(1, 3)), layer(tokens).transpose(1, 3))


def test_blocks_of_even_index_have_shifted_windows() -> None:
    blocks = RefSAM3D(TINY).encoder.blocks
    assert [block.attention.shift((4, 4, 2)) for block in blocks] == 2 * [(1, 1, 0), (0, 0, 0)]


def test_a_shifted_window_sees_its_neighbours_and_nothing_across_the_border() -> None:
    grid, window = (8, 8, 8), (4, 4, 4)
    inside = seen_from(attention(0, window), (3, 3, 3), grid)
    assert inside[2:6, 2:6, 2:6].all()
    assert inside.sum() == 64
    corner = seen_from(attention(0, window), (0, 0, 0), grid)
    assert corner[:2, :2, :2].all()
    assert corner.sum() == 8
    opposite = seen_from(attention(0, window), (7, 0, 7), grid)
    assert opposite[6:, :2, 6:].all()
    assert opposite.sum() == 8


def test_only_pairs_closer_than_a_window_may_see_each_other_after_the_shift() -> None:
    grid, window, shift = (8, 4, 4), (4, 4, 2), (2, 0, 1)
    axes = torch.meshgrid(*(torch.arange(n) for n in grid), indexing="ij")
    cells = torch.stack(axes, dim=-1).roll([-s for s in shift], dims=(0, 1, 2))
    places = to_windows(cells[None], window)
    apart = (places[:, :, None] - places[:, None]).abs()
    near = (apart < torch.tensor(window)).all(-1)
    assert torch.equal(neighbours(grid, window, shift, "cpu"), near)
