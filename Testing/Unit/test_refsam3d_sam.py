"""SAM's weights in a RefSAM3D: on a single slice and window it is SAM's encoder itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from test_refsam3d import TINY, random, tiny
from torch import Tensor

from LightSegLib.errors import ModelError
from LightSegLib.models.refsam3d_sam import load_sam_weights
from LightSegLib.networks.refsam3d import RefSAM3D, published


def sam_state(
    patch: int = 4, width: int = 16, blocks: int = 4, grid: int = 8, head: int = 8
) -> dict[str, Tensor]:
    """Random weights with the names and sizes of a SAM's vision encoder."""
    sizes: dict[str, tuple[int, ...]] = {
        "pos_embed": (1, grid, grid, width),
        "patch_embed.projection.weight": (width, 3, patch, patch),
        "patch_embed.projection.bias": (width,),
        "neck.conv1.weight": (8, width, 1, 1),
    }
    for block in range(blocks):
        for name, shape in (
            ("layer_norm1.weight", (width,)),
            ("layer_norm1.bias", (width,)),
            ("attn.qkv.weight", (3 * width, width)),
            ("attn.qkv.bias", (3 * width,)),
            ("attn.proj.weight", (width, width)),
            ("attn.proj.bias", (width,)),
            ("attn.rel_pos_h", (2 * grid - 1, head)),
            ("attn.rel_pos_w", (2 * grid - 1, head)),
            ("layer_norm2.weight", (width,)),
            ("layer_norm2.bias", (width,)),
            ("mlp.lin1.weight", (4 * width, width)),
            ("mlp.lin1.bias", (4 * width,)),
            ("mlp.lin2.weight", (width, 4 * width)),
            ("mlp.lin2.bias", (width,)),
        ):
            sizes[f"layers.{block}.{name}"] = shape
    return {name: random(*shape, seed=index) for index, (name, shape) in enumerate(sizes.items())}


def test_every_frozen_weight_comes_from_sam() -> None:
    network, state = tiny(), sam_state()
    untouched = {n: v.clone() for n, v in network.state_dict().items() if not n.startswith("encoder.")}
    frozen = {n: p.detach().clone() for n, p in network.named_parameters() if not p.requires_grad}
    load_sam_weights(network, {f"vision_encoder.{name}": value for name, value in state.items()})
    after = network.state_dict()
    assert not any(torch.equal(after[name], value) for name, value in frozen.items())
    assert all(torch.equal(after[name], value) for name, value in untouched.items())
    attention = network.encoder.blocks[2].attention
    assert torch.equal(attention.qkv.weight, state["layers.2.attn.qkv.weight"])
    mean = (attention.relative_height + attention.relative_width) / 2
    torch.testing.assert_close(attention.relative_depth, mean)
    averaged = state["pos_embed"][0].unflatten(0, (4, 2)).unflatten(2, (4, 2)).mean((1, 3))
    torch.testing.assert_close(network.encoder.embed.plane.detach(), averaged)


def test_a_patch_embedding_of_one_channel_sees_grey_as_sams_does() -> None:
    kernels = []
    for channels in (1, 3):
        network = RefSAM3D(replace(TINY, patch_channels=channels))
        load_sam_weights(network, sam_state())
        kernels.append(network.encoder.embed.kernel())
    torch.testing.assert_close(kernels[0], kernels[1])


def test_base_takes_the_sizes_of_vit_b() -> None:
    with torch.device("meta"):
        base = published("base")
    own = base.encoder.state_dict()
    assert own["embed.patch.weight"].shape == (768, 3, 16, 16)
    assert own["embed.plane"].shape == (64, 64, 768)
    lengths = [len(own[f"blocks.{block}.attention.relative_height"]) for block in range(12)]
    assert lengths == 4 * [27, 27, 127]


@pytest.mark.parametrize(
    ("change", "what", "next_step"),
    [
        ({"width": 24}, r"'patch_embed.projection.weight' has the size \(24, 3, 4, 4\)", "ViT-B"),
        ({"patch": 8}, r"'patch_embed.projection.weight' has the size \(16, 3, 8, 8\)", "settings"),
        ({"head": 4}, r"'layers.0.attn.rel_pos_h' has the size \(15, 4\)", "settings"),
        ({"blocks": 5}, "SAM's encoder has 5 blocks, the network's has 4", "depth"),
        ({"blocks": 3}, "no tensor 'layers.3.layer_norm1.weight'", "SamModel"),
    ],
)
def test_a_sam_that_does_not_fit_is_refused_and_nothing_changes(
    change: dict[str, int], what: str, next_step: str
) -> None:
    network = tiny()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(ModelError, match=what) as caught:
        load_sam_weights(network, sam_state(**change))
    assert next_step in caught.value.next_step
    assert caught.value.why
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def small_sam(**changes: Any) -> Any:
    transformers = pytest.importorskip("transformers", reason="the SAM to compare with is transformers'")
    settings = {
        "hidden_size": 16,
        "output_channels": 8,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 4,
        "window_size": 4,
        "global_attn_indexes": [0, 1, 2, 3],
        "mlp_dim": 64,
    }
    torch.manual_seed(0)
    vision = transformers.SamVisionConfig(**{**settings, **changes})
    model = transformers.SamModel(transformers.SamConfig(vision_config=vision.to_dict())).eval()
    with torch.no_grad():
        for parameter in model.vision_encoder.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def test_on_one_slice_and_one_window_it_is_sams_encoder() -> None:
    sam = small_sam()
    torch.manual_seed(0)
    flat = replace(TINY, slices=1, window=(1, 8, 8), plane_table=(8, 8), depth_table=1)
    network = RefSAM3D(flat).eval()
    load_sam_weights(network, sam)
    seen: dict[str, Tensor] = {}
    sam.vision_encoder.neck.register_forward_pre_hook(lambda _, inputs: seen.update(sam=inputs[0]))
    network.encoder.necks[-1].register_forward_pre_hook(lambda _, inputs: seen.update(ours=inputs[0]))
    image = random(1, 1, 1, 32, 32)
    with torch.inference_mode():
        sam.vision_encoder(image[:, :, 0].expand(-1, 3, -1, -1))
        network.encoder(image)
    ours = seen["ours"][:, :, 0].permute(0, 2, 3, 1)
    torch.testing.assert_close(ours, seen["sam"], atol=1e-4, rtol=1e-4)


def test_a_sam_with_windows_of_its_own_is_taken_and_runs() -> None:
    sam = small_sam(global_attn_indexes=[3])
    network = tiny()
    load_sam_weights(network, sam.vision_encoder.state_dict())
    with torch.inference_mode():
        assert network(random(1, 1, 16, 16, 16)).isfinite().all()
