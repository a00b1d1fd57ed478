"""RefineFormer3D has the published sizes and the properties that its description promises."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor, nn

from LightSegLib.networks.ghost import ChannelGate, GhostConv3d
from LightSegLib.networks.refineformer3d import LowRank, MixFFN, RefineFormer3D, Stage, published
from LightSegLib.networks.refineformer3d_config import RefineFormer3DConfig
from LightSegLib.networks.refineformer3d_decoder import AttentionFusion, ConcatFusion
from LightSegLib.networks.shifted_windows import (
    ShiftedWindowAttention,
    from_windows,
    gather_windows,
    scatter_windows,
    to_windows,
)

SMALL = RefineFormer3DConfig(
    in_ch=1, n_classes=2, channels=(8, 8, 16, 16), heads=(1, 2, 2, 4), decoder=(16, 8, 8, 8), smallest_rank=4
)


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("name", "changes", "weights"),
    [
        ("brats", {}, 2_942_795),
        ("acdc", {}, 2_941_662),
        ("brats", {"fusion": "attention"}, 3_048_267),
        ("brats", {"fusion": "attention", "decoder": (128, 64, 32, 16)}, 2_972_859),
    ],
)
def test_configurations_have_the_exact_number_of_weights(name: str, changes: dict, weights: int) -> None:
    assert size(published(name, **changes)) == weights


def test_encoder_and_decoder_have_the_exact_number_of_weights() -> None:
    net = published("brats")
    assert size(net.stages) == 2_528_050
    assert size(net) - size(net.stages) == 414_745


def test_stages_have_the_published_shapes() -> None:
    with torch.device("meta"):
        net = published("brats").eval()
        x, shapes = torch.zeros(1, 4, 128, 128, 128), []
        for stage in net.stages:
            x = stage(x)
            shapes.append(tuple(x.shape[1:]))
    assert shapes == [(32, 64, 64, 64), (64, 32, 32, 32), (128, 16, 16, 16), (256, 8, 8, 8)]


def test_training_gives_three_depths_and_use_gives_one() -> None:
    net = RefineFormer3D(SMALL)
    x = random(1, 1, 64, 64, 64)
    main, finer, coarser = net(x)
    assert main.shape == (1, 2, 64, 64, 64)
    assert finer.shape == (1, 2, 32, 32, 32)
    assert coarser.shape == (1, 2, 16, 16, 16)
    with torch.inference_mode():
        assert net.eval()(x).shape == main.shape


def test_the_two_halves_of_the_network_are_its_whole() -> None:
    net = RefineFormer3D(SMALL).eval()
    x = random(1, 1, 64, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(net.decode_head(net.forward_features(x)), net(x))


def test_ghost_channels_are_the_primary_ones_and_their_channelwise_children() -> None:
    torch.manual_seed(0)
    ghost = GhostConv3d(3, 8, 3)
    x = random(1, 3, 6, 6, 6)
    primary = ghost.primary(x)
    y = ghost(x)
    torch.testing.assert_close(y[:, :4], primary)
    for channel in range(4):
        changed = primary.clone()
        changed[:, channel] += 1
        differs = (ghost.cheap(changed) != ghost.cheap(primary)).flatten(2).any(-1)[0]
        assert differs.nonzero().flatten().tolist() == [channel]


def test_low_rank_maps_have_no_more_rank_than_they_say() -> None:
    torch.manual_seed(0)
    layer = LowRank(32, 64, 5)
    product = layer[1].weight @ layer[0].weight
    assert int((torch.linalg.svdvals(product) > 1e-5).sum()) == 5


def test_the_gate_is_between_0_and_1_and_alike_everywhere() -> None:
    torch.manual_seed(0)
    gate = ChannelGate(8)
    x = random(2, 8, 4, 5, 6)
    factors = gate.factors(x)
    assert factors.shape == (2, 8, 1, 1, 1)
    assert ((factors > 0) & (factors < 1)).all()
    torch.testing.assert_close(gate(x), x * factors)


def test_windows_and_back_are_the_same_tokens() -> None:
    x = random(2, 4, 8, 6, 3)
    windows = to_windows(x, (2, 4, 3))
    assert windows.shape == (2 * 2 * 2 * 2, 24, 3)
    torch.testing.assert_close(from_windows(windows, (2, 4, 3), (4, 8, 6), 2), x)


@pytest.mark.parametrize("shift", [(0, 0, 0), (1, 2, 0)])
def test_gathered_windows_are_the_shifted_ones_and_go_back_to_their_places(shift) -> None:
    grid, window = (4, 8, 6), (2, 4, 3)
    tokens = random(2, 4 * 8 * 6, 3)
    windows = gather_windows(tokens, grid, window, shift)
    rolled = tokens.unflatten(1, grid).roll([-s for s in shift], dims=(1, 2, 3))
    torch.testing.assert_close(windows, to_windows(rolled, window), atol=0, rtol=0)
    torch.testing.assert_close(scatter_windows(windows, grid, window, shift, 2), tokens, atol=0, rtol=0)


def test_a_feed_forward_layer_in_slabs_is_the_whole_one(monkeypatch) -> None:
    torch.manual_seed(0)
    layer = MixFFN(8, SMALL).eval()
    tokens = random(2, 7 * 4 * 5, 8)
    with torch.inference_mode():
        whole = layer(tokens, (7, 4, 5))
        for slices in (1, 3, 6):
            monkeypatch.setattr("LightSegLib.networks.refineformer3d.SLAB", slices * 2 * 4 * 5 * 32)
            torch.testing.assert_close(layer(tokens, (7, 4, 5)), whole)


@pytest.mark.parametrize("fusion", ["concat", "attention"])
def test_fusing_before_the_interpolation_is_fusing_after_it(fusion: str) -> None:
    torch.manual_seed(0)
    layer = (ConcatFusion if fusion == "concat" else AttentionFusion)(12, 6, 8).eval()
    deep, skip = random(2, 12, 2, 3, 4), random(2, 6, 4, 6, 8)
    torch.testing.assert_close(layer(deep, skip), layer.as_published(deep, skip), atol=1e-5, rtol=1e-4)


def seen_from(
    attention: ShiftedWindowAttention, cell: tuple[int, int, int], grid: tuple[int, int, int]
) -> Tensor:
    """Bool grid: which cells' results change when one cell's token does."""
    tokens = random(1, grid[0] * grid[1] * grid[2], 8)
    changed = tokens.unflatten(1, grid).clone()
    changed[(0, *cell)] += 1
    with torch.inference_mode():
        difference = attention(changed.flatten(1, 3), grid) - attention(tokens, grid)
    return (difference.abs().amax(-1) > 1e-7)[0].unflatten(0, grid)


def test_plain_windows_see_themselves_only_and_shifted_ones_their_neighbours() -> None:
    torch.manual_seed(0)
    grid, window = (8, 8, 8), (4, 4, 4)
    plain = seen_from(ShiftedWindowAttention(8, 2, window, False), (3, 3, 3), grid)
    assert plain[:4, :4, :4].all()
    assert plain.sum() == 64
    shifted = seen_from(ShiftedWindowAttention(8, 2, window, True), (3, 3, 3), grid)
    assert shifted[2:6, 2:6, 2:6].all()
    assert shifted.sum() == 64


def test_what_only_the_cyclic_shift_brought_together_does_not_see_each_other() -> None:
    torch.manual_seed(0)
    seen = seen_from(ShiftedWindowAttention(8, 2, (4, 4, 4), True), (0, 0, 0), (8, 8, 8))
    assert seen[:2, :2, :2].all()
    assert seen.sum() == 8


def test_an_axis_of_one_window_is_not_shifted() -> None:
    attention = ShiftedWindowAttention(8, 2, (4, 4, 4), True)
    assert attention.shift((4, 8, 8)) == (0, 2, 2)
    assert attention.shift((4, 4, 4)) == (0, 0, 0)


def test_attention_moves_with_its_input_by_whole_windows() -> None:
    torch.manual_seed(0)
    attention = ShiftedWindowAttention(8, 2, (2, 4, 4), False).eval()
    nn.init.normal_(attention.bias)
    grid = (4, 8, 8)
    tokens = random(1, 256, 8)
    moved = tokens.unflatten(1, grid).roll((2, 4, 4), (1, 2, 3)).flatten(1, 3)
    with torch.inference_mode():
        expected = attention(tokens, grid).unflatten(1, grid).roll((2, 4, 4), (1, 2, 3)).flatten(1, 3)
        torch.testing.assert_close(attention(moved, grid), expected)


def test_a_stage_reaches_beyond_its_window_by_the_shift_alone() -> None:
    torch.manual_seed(0)
    stage = Stage(SMALL, 0, [0.0, 0.0]).eval()
    for block in stage.blocks:
        nn.init.zeros_(block.ffn.conv.weight)
    # From the embedding on: convolutions before it look over window borders too.
    tokens = random(1, 8**3, 8)
    changed = tokens.unflatten(1, (8, 8, 8)).clone()
    changed[0, 3, 3, 3, 0] += 1
    results = []
    for x in (tokens, changed.flatten(1, 3)):
        for block in stage.blocks:
            x = block(x, (8, 8, 8))
        results.append(x.unflatten(1, (8, 8, 8)))
    assert (results[0] - results[1]).abs()[0, 4:6, 4:6, 4:6].amax() > 1e-6


def test_one_volume_can_be_learnt_by_heart_and_every_weight_takes_part() -> None:
    torch.manual_seed(0)
    net = RefineFormer3D(RefineFormer3DConfig(**{**SMALL.to_dict(), "drop_path": 0.0}))
    x = random(1, 1, 64, 64, 64)
    target = (x[:, 0] > 0).long()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(4):
        main, finer, coarser = net(x)
        loss = nn.functional.cross_entropy(main, target)
        for logits in (finer, coarser):
            whole = nn.functional.interpolate(logits, target.shape[1:], mode="trilinear")
            loss = loss + 0.4 * nn.functional.cross_entropy(whole, target)
        optimizer.zero_grad()
        loss.backward()
        if not losses:
            assert all(p.grad is not None and p.grad.abs().any() for p in net.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_a_size_that_the_windows_do_not_tile_is_refused_with_sizes_that_work() -> None:
    with pytest.raises(ValueError, match=r"cubes that work: 32\^3, 64\^3"):
        RefineFormer3D(SMALL)(torch.zeros(1, 1, 48, 48, 48))


def test_a_wider_first_stride_and_a_light_head_keep_the_size_of_the_answer() -> None:
    config = RefineFormer3DConfig(**{**SMALL.to_dict(), "first_stride": 4, "head": "light"})
    net = RefineFormer3D(config).eval()
    with torch.inference_mode():
        assert net(random(1, 1, 64, 64, 64)).shape == (1, 2, 64, 64, 64)
        assert net.forward_features(random(1, 1, 64, 64, 64)).shape == (1, 8, 16, 16, 16)


def test_settings_that_make_no_network_are_refused() -> None:
    for changes, message in (
        ({"fusion": "sum"}, "fusion 'sum' is unknown"),
        ({"channels": (6, 8, 16, 16)}, "multiple of 4"),
        ({"heads": (3, 2, 2, 4)}, "do not divide into 3 heads"),
        ({"depths": (2, 2)}, "one for each of 4 stages"),
    ):
        with pytest.raises(ValueError, match=message):
            RefineFormer3DConfig(**{**SMALL.to_dict(), **changes})
    with pytest.raises(ValueError, match="unknown settings"):
        RefineFormer3DConfig.from_dict({"width": 3})
    with pytest.raises(ValueError, match="published are"):
        published("synapse")


def test_settings_survive_json() -> None:
    assert RefineFormer3DConfig.from_dict(json.loads(json.dumps(SMALL.to_dict()))) == SMALL
