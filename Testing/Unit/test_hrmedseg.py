"""HRMedSeg has the published sizes and entries, and serves images of any size.

One check cannot be made here: that weights taken from the authors' own module reproduce its logits to 1e-5.
Their code is no part of this repository, and their checkpoint was not to be had. What stands for it: the
number of entries of their state, names and shapes among them, the size of every part, and the arithmetic of
each block.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from LightSegLib.networks.hrmedseg import HRMedSeg, published
from LightSegLib.networks.hrmedseg_config import HRMedSegConfig
from LightSegLib.networks.hrmedseg_encoder import LGViT
from LightSegLib.networks.hrmedseg_two_way import add_pools

SMALL = HRMedSegConfig(
    in_ch=1, image_size=64, dim=24, depths=(1, 1, 1, 1), heads=(2, 3, 6), embedding_ch=32, decoder_heads=2
)


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def small(**changes: Any) -> HRMedSeg:
    torch.manual_seed(0)
    return HRMedSeg(HRMedSegConfig.from_dict({**SMALL.to_dict(), **changes})).eval()


def weightless(**changes: Any) -> HRMedSeg:
    with torch.device("meta"):
        return published("hrmedseg", **changes)


# --- Sizes and names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dim", "weights"), [(96, 3_526_364), (192, 6_222_764), (48, 2_820_980), (24, 2_628_992)]
)
def test_every_width_has_the_exact_number_of_weights(dim: int, weights: int) -> None:
    assert size(weightless(dim=dim)) == weights


def test_every_part_has_the_exact_number_of_weights() -> None:
    net = weightless()
    encoder = net.image_encoder
    stages = (encoder.patch_embed, *encoder.layers)
    assert [size(part) for part in stages] == [73_824, 79_104, 160_944, 482_832, 160_944]
    parts = (encoder, net.neck, net.prompt_encoder, net.mask_decoder)
    assert [size(part) for part in parts] == [957_648, 615_424, 6_220, 1_947_072]
    with torch.device("meta"):
        assert size(LGViT(HRMedSegConfig(dim=192))) == 3_629_472


def test_the_state_has_the_entries_of_the_released_one() -> None:
    state = weightless().state_dict()
    assert len(state) == 379
    shapes = {
        "image_encoder.patch_embed.proj.weight": (96, 3, 16, 16),
        "image_encoder.layers.0.blocks.1.conv2.c.weight": (192, 1, 3, 3),
        "image_encoder.layers.0.blocks.1.conv3.bn.running_var": (96,),
        "image_encoder.layers.2.blocks.5.act_proj.bias": (96,),
        "image_encoder.layers.2.blocks.5.attn.qk.weight": (192, 96),
        "image_encoder.layers.2.blocks.5.attn.down_proj.weight": (24, 96),
        "image_encoder.layers.2.blocks.5.attn.up_proj.weight": (96, 24),
        "image_encoder.layers.2.blocks.5.attn.lepe.weight": (96, 1, 3, 3),
        "image_encoder.layers.2.blocks.5.attn.rope.rotations": (64, 64, 48, 2),
        "image_encoder.layers.2.blocks.5.out_proj.weight": (96, 96),
        "image_encoder.layers.3.blocks.1.mlp.fc2.weight": (96, 192),
        "neck.0.weight": (256, 96, 1, 1),
        "neck.3.bias": (256,),
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix": (2, 128),
        "prompt_encoder.point_embeddings.3.weight": (1, 256),
        "prompt_encoder.not_a_point_embed.weight": (1, 256),
        "prompt_encoder.no_mask_embed.weight": (1, 256),
        "prompt_encoder.mask_downscaling.6.weight": (256, 16, 1, 1),
        "mask_decoder.iou_token.weight": (1, 256),
        "mask_decoder.mask_tokens.weight": (3, 256),
        "mask_decoder.transformer.layers.1.self_attn.out_proj.weight": (256, 256),
        "mask_decoder.transformer.layers.1.cross_attn_token_to_image.q_proj.weight": (128, 256),
        "mask_decoder.transformer.layers.1.cross_attn_image_to_token.v_proj.weight": (128, 256),
        "mask_decoder.transformer.layers.1.mlp.lin1.weight": (256, 256),
        "mask_decoder.transformer.layers.1.norm4.weight": (256,),
        "mask_decoder.transformer.final_attn_token_to_image.k_proj.weight": (128, 256),
        "mask_decoder.transformer.norm_final_attn.weight": (256,),
        "mask_decoder.output_upscaling.3.weight": (64, 32, 2, 2),
        "mask_decoder.output_hypernetworks_mlps.2.layers.2.weight": (32, 256),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    assert len(weightless(stored_rotations=False).state_dict()) == 379 - 10


# --- Images and logits --------------------------------------------------------------------------------------


def test_a_large_image_has_logits_of_a_quarter_of_its_size_before_they_are_enlarged() -> None:
    net = weightless().eval()
    with torch.device("meta"):
        image = torch.zeros(1, 3, 1024, 1024)
        assert net.image_encoder(image).shape == (1, 96, 64, 64)
        embedding = net.encode(image)
        assert embedding.shape == (1, 256, 64, 64)
        assert net.decode(embedding).shape == (1, 1, 256, 256)
        assert net(image).shape == (1, 1, 1024, 1024)


@pytest.mark.parametrize("shape", [(64, 64), (16, 16), (48, 112), (128, 80)])
def test_logits_have_the_size_of_the_image(shape: tuple[int, int]) -> None:
    net = small()
    with torch.inference_mode():
        image = random(2, 1, *shape)
        assert net.decode(net.encode(image)).shape == (2, 1, shape[0] // 4, shape[1] // 4)
        assert net(image).shape == (2, 1, *shape)


def test_weights_serve_every_image_size_whatever_rotations_were_stored() -> None:
    image = random(1, 1, 96, 96)
    built, other, plain = small(), small(image_size=96), small(image_size=96, stored_rotations=False)
    other.load_state_dict(built.state_dict())
    plain.load_state_dict(built.state_dict())
    built.load_state_dict(plain.state_dict())
    with torch.inference_mode():
        answers = [net(image) for net in (built, other, plain)]
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])


def test_an_image_that_does_not_fit_is_refused_with_a_size_that_does() -> None:
    net = small()
    with pytest.raises(ValueError, match="70 is no multiple of 16; 64 or 80 works"):
        net(torch.zeros(1, 1, 64, 70))
    with pytest.raises(ValueError, match=r"shape \(N, 1, H, W\), not \(1, 3, 64, 64\)"):
        net(torch.zeros(1, 3, 64, 64))
    with pytest.raises(ValueError, match=r"shape \(N, 32, h, w\), not \(1, 24, 4, 4\)"):
        net.decode(torch.zeros(1, 24, 4, 4))


def test_half_precision_stays_close() -> None:
    net, image = small(), random(1, 1, 64, 64)
    points, labels = torch.tensor([[[20.0, 30.0]]]), torch.tensor([[1]])
    with torch.inference_mode():
        exact = net(image, points, labels)
        half = net.bfloat16()(image.bfloat16(), points, labels)
    assert half.dtype == torch.bfloat16
    assert (half.float() - exact).abs().max() < 0.1 * exact.abs().max()


# --- Where release and paper differ -------------------------------------------------------------------------


def test_the_answer_is_made_from_the_token_that_is_asked_for() -> None:
    released, like_sam = small(), small(mask_token="mask")
    like_sam.load_state_dict(released.state_dict())
    embedding = random(1, 32, 4, 4)
    with torch.inference_mode():
        assert (released.decode(embedding) - like_sam.decode(embedding)).abs().max() > 1e-3
        before = released.decode(embedding)
        released.mask_decoder.mask_tokens.weight.zero_()
        # They do not make the mask, but the token that does has looked at them.
        assert (released.decode(embedding) - before).abs().max() > 1e-3


def test_pooled_keys_are_an_option_that_adds_no_weight() -> None:
    plain, pooled = small(), small(pooled_keys=[5, 9, 13])
    pooled.load_state_dict(plain.state_dict())
    varied = random(1, 32, 4, 4)
    with torch.inference_mode():
        assert (plain.decode(varied) - pooled.decode(varied)).abs().max() > 1e-3
        cells = torch.ones(1, 16, 32)
        torch.testing.assert_close(add_pools(cells, (5, 9, 13), (4, 4)), cells)


def test_what_learns_nothing_without_prompts_is_what_the_answer_does_not_need() -> None:
    net = small().train()
    net(random(2, 1, 64, 64)).square().mean().backward()
    dead = {name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().any()}
    names = [name for name, _ in net.named_parameters()]
    idle_prompts = {n for n in names if n.startswith("prompt_encoder.") and "no_mask_embed" not in n}
    idle_masks = {n for n in names if "hypernetworks_mlps.1" in n or "hypernetworks_mlps.2" in n}
    # Behind them stands a norm whose weights are zero at first.
    fresh = {n for n in names if n.startswith("image_encoder.layers.0.") and ".conv3.bn." not in n}
    unseen_by_softmax = {n for n in names if n.endswith("k_proj.bias")}
    assert idle_prompts | idle_masks | fresh <= dead
    assert dead - idle_prompts - idle_masks - fresh <= unseen_by_softmax
    assert sum(p.numel() for n, p in weightless().named_parameters() if n in idle_prompts) == 5_964
