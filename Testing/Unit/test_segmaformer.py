"""SegMaFormer has the published sizes and the properties that its description promises."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from LightSegLib.networks.rotary import rotate_3d
from LightSegLib.networks.segmaformer import SegMaFormer, published
from LightSegLib.networks.segmaformer_blocks import Scan, ScanBlock
from LightSegLib.networks.segmaformer_config import SegMaFormerConfig

MAMBA = ("mamba", "mamba", "mamba", "attention")
HYBRID = ("hybrid", "hybrid", "hybrid", "attention")
SHORTENED = (4, 2, 1, 1)
SMALL = SegMaFormerConfig(
    in_ch=1, n_classes=2, channels=(12, 12, 18, 24), heads=(1, 2, 3, 4), decoder_width=24
)


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("name", "changes", "weights"),
    [
        ("brats", {}, 1_913_025),
        ("brats", {"mixers": HYBRID}, 1_922_961),
        ("brats", {"mixers": MAMBA}, 1_852_401),
        ("brats", {"mixers": ("attention",) * 4, "reductions": SHORTENED}, 2_038_629),
        ("acdc", {}, 1_822_886),
        ("synapse", {}, 1_831_552),
        ("brats", {"mixers": MAMBA, "expansions": (1, 1, 1, 1), "reductions": SHORTENED}, 2_048_397),
        (
            "brats",
            {"mixers": MAMBA, "expansions": (1,) * 4, "reductions": SHORTENED, "in_ch": 1, "n_classes": 14},
            2_014_180,
        ),
    ],
)
def test_configurations_have_the_exact_number_of_weights(name: str, changes: dict, weights: int) -> None:
    assert size(published(name, **changes)) == weights


def test_removing_rotary_positions_changes_the_answer_and_no_weight() -> None:
    torch.manual_seed(0)
    turned = SegMaFormer(SMALL).eval()
    plain = SegMaFormer(SegMaFormerConfig(**{**SMALL.to_dict(), "rotary": False})).eval()
    plain.load_state_dict(turned.state_dict())
    x = random(1, 1, 64, 64, 64)
    with torch.inference_mode():
        assert (turned(x) - plain(x)).abs().max() > 1e-3


def test_rotation_keeps_lengths_and_the_origin() -> None:
    tokens = random(2, 3 * 4 * 5, 36)
    rotated = rotate_3d(tokens, (3, 4, 5))
    torch.testing.assert_close(rotated.norm(dim=-1), tokens.norm(dim=-1))
    torch.testing.assert_close(rotated[:, 0], tokens[:, 0])


def test_inner_products_after_rotation_depend_on_the_difference_of_places_only() -> None:
    u, v = random(36), random(36, seed=1)
    grid, offset = (4, 5, 4), (1, 2, 1)
    rotated_u, rotated_v = (rotate_3d(x.expand(1, 80, 36), grid)[0].unflatten(0, grid) for x in (u, v))
    shifted = rotated_v[offset[0] :, offset[1] :, offset[2] :]
    products = (rotated_u[: 4 - offset[0], : 5 - offset[1], : 4 - offset[2]] * shifted).sum(-1)
    torch.testing.assert_close(products, products[0, 0, 0].expand_as(products), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("channels", "turned"), [(36, 36), (66, 66), (96, 96), (192, 192), (160, 156), (256, 252)]
)
def test_only_channels_beyond_the_last_multiple_of_six_stay_as_they_are(channels: int, turned: int) -> None:
    tokens = torch.ones(1, 8, channels)
    moved = (rotate_3d(tokens, (2, 2, 2)) != tokens).any(dim=1)[0]
    assert not moved[turned:].any()
    rate_too_small = 1e-6  # the slowest pairs turn by less than float32 shows
    assert moved[:turned].float().mean() > 0.5 + rate_too_small


def test_the_scan_looks_back_only_and_both_ways_when_asked() -> None:
    torch.manual_seed(0)
    tokens = random(1, 40, 12)
    changed = tokens.clone()
    changed[:, 25:] += 1
    for both, reaches in ((False, False), (True, True)):
        torch.manual_seed(1)
        scan = Scan(12, 4, 3, 2, bidirectional=both).eval()
        with torch.inference_mode():
            before, after = scan(tokens), scan(changed)
        assert bool((before[:, :25] != after[:, :25]).any()) is reaches
        assert (before[:, 25:] != after[:, 25:]).any()


def test_a_scan_both_ways_treats_both_ends_alike() -> None:
    torch.manual_seed(0)
    scan = Scan(12, 4, 3, 2, bidirectional=True).eval()
    tokens = random(1, 40, 12)
    with torch.inference_mode():
        torch.testing.assert_close(scan(tokens.flip(1)).flip(1), scan(tokens))


@pytest.mark.parametrize("local", [False, True])
def test_fresh_scan_blocks_are_almost_the_identity(local: bool) -> None:
    torch.manual_seed(0)
    block = ScanBlock(24, Scan(24, 4, 3, 2), 4, 1, local, 1e-4).eval()
    tokens = random(1, 4 * 5 * 6, 24)
    with torch.inference_mode():
        assert (block(tokens, (4, 5, 6)) - tokens).abs().max() < 1e-3


def test_the_hybrid_mix_lies_between_its_two_branches() -> None:
    torch.manual_seed(0)
    block = ScanBlock(24, Scan(24, 4, 3, 2), 4, 1, True, 1e-4).eval()
    tokens, grid = random(1, 4 * 5 * 6, 24), (4, 5, 6)
    with torch.inference_mode():
        scanned, near = block.scan(tokens), block.local(tokens, grid)
        mixed = block.mix(tokens, grid)
    low, high = torch.minimum(scanned, near), torch.maximum(scanned, near)
    assert ((mixed >= low - 1e-6) & (mixed <= high + 1e-6)).all()


@pytest.mark.parametrize("shape", [(50, 61, 47), (64, 64, 64), (33, 40, 70)])
def test_logits_have_the_size_of_the_input(shape: tuple[int, int, int]) -> None:
    net = SegMaFormer(SMALL).eval()
    with torch.inference_mode():
        assert net(torch.zeros(1, 1, *shape)).shape == (1, 2, *shape)


def test_an_input_too_small_to_normalise_is_refused_with_a_size_that_works() -> None:
    net = SegMaFormer(SMALL).eval()
    with pytest.raises(ValueError, match="64 voxels or more works"):
        net(torch.zeros(1, 1, 32, 32, 32))
    with torch.inference_mode():
        net(torch.zeros(1, 1, 64, 64, 64))


def test_the_two_halves_of_the_network_are_its_whole() -> None:
    torch.manual_seed(0)
    net = SegMaFormer(SMALL).eval()
    x = random(1, 1, 64, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(net.decode_head(net.forward_features(x)), net(x))


def test_the_decoder_gives_what_the_papers_order_gives() -> None:
    torch.manual_seed(0)
    decoder = SegMaFormer(SMALL).decoder
    widths, edges = SMALL.channels, (8, 4, 3, 2)
    features = [random(2, width, n, n, n + 1) for width, n in zip(widths, edges, strict=True)]
    with torch.no_grad():
        torch.testing.assert_close(decoder(features), decoder.as_published(features), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(decoder(features), decoder.as_published(features), atol=1e-5, rtol=1e-4)


def test_every_weight_learns() -> None:
    torch.manual_seed(0)
    net = SegMaFormer(SMALL)
    net(random(1, 1, 64, 64, 64)).square().mean().backward()
    without = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().any()]
    # An instance norm follows the convolution in every MLP: its bias cancels.
    assert all(name.endswith("conv.bias") for name in without)


def test_settings_that_make_no_network_are_refused() -> None:
    with pytest.raises(ValueError, match="mixer 'lstm' is unknown"):
        SegMaFormerConfig(mixers=("lstm", "mamba", "mamba", "attention"))
    with pytest.raises(ValueError, match="do not divide into"):
        SegMaFormerConfig(heads=(1, 2, 4, 5))
    with pytest.raises(ValueError, match="one for each of 4 stages"):
        SegMaFormerConfig(blocks=(1, 2))
    with pytest.raises(ValueError, match="unknown settings"):
        SegMaFormerConfig.from_dict({"depth": 3})
    with pytest.raises(ValueError, match="published are"):
        published("lits")


def test_settings_survive_json() -> None:
    import json

    settings = json.loads(json.dumps(SMALL.to_dict()))
    assert SegMaFormerConfig.from_dict(settings) == SMALL
