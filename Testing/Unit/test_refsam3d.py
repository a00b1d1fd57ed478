"""RefSAM3D has the sizes of its lineage, keeps what SAM has learnt, and answers prompts on one embedding.

What cannot be checked here: that a text tower keeps its weights in training, since the network has none and
takes embeddings of words from outside; and RefSAM3D's own number of weights, cost and Dice, which are not
known. The numbers below are those of the encoder of 3DSAM-adapter, which it extends.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from LightSegLib.networks.refsam3d import RefSAM3D, published
from LightSegLib.networks.refsam3d_config import RefSAM3DConfig
from LightSegLib.networks.refsam3d_encoder import Adapter

TINY = RefSAM3DConfig(
    n_classes=1,
    enlarge=1,
    patch=4,
    slices=4,
    width=16,
    depth=4,
    heads=2,
    window=(2, 2, 2),
    plane_table=(4, 4),
    depth_table=4,
    relative_tables=(),
    adapter=8,
    levels=(1, 2, 3, 4),
    neck=8,
    text_width=6,
    prompt_heads=2,
    decoder=(8, 4),
)
FROZEN = ("attention.qkv", "attention.out", "relative_height", "relative_width", ".mlp.", "embed.p")


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tiny(**changes: Any) -> RefSAM3D:
    """A tiny network none of whose weights are as they start, so that nothing is zero by chance."""
    torch.manual_seed(0)
    network = RefSAM3D(replace(TINY, **changes))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


def size(module: nn.Module, trainable: bool = False) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable)


def prompts(count: int = 1) -> dict[str, Tensor]:
    return {
        "words": random(1, 3, 6, seed=1).repeat(count, 1, 1),
        "word_mask": torch.tensor([[True, True, False]]).repeat(count, 1),
        "points": torch.tensor([[[3.0, 4.0, 5.0], [10.0, 2.0, 8.0]]]).repeat(count, 1, 1),
        "labels": torch.tensor([[1, 0]]).repeat(count, 1),
        "boxes": torch.tensor([[[[1, 2, 3], [9, 10, 12]]]]).repeat(count, 1, 1, 1),
        "previous": random(1, 1, 16, 16, 16, seed=2).sigmoid().repeat(count, 1, 1, 1, 1),
    }


@pytest.fixture(scope="module")
def base() -> RefSAM3D:
    with torch.device("meta"):
        return published("base").eval()


def test_the_encoder_has_the_weights_of_its_lineage(base: RefSAM3D) -> None:
    # The lineage's count, 104,056,588, has one more unused number in each of the 12 blocks.
    assert size(base.encoder) == 104_056_588 - 12
    assert size(base.encoder, trainable=True) == 15_209_984
    assert size(base.encoder.necks[0]) == 1_967_104
    assert size(base.encoder.embed.merge) == 13_056
    assert size(base) == 105_761_208


def test_adapters_have_the_exact_number_of_weights(base: RefSAM3D) -> None:
    adapters = [size(module) for module in base.modules() if isinstance(module, Adapter)]
    assert adapters == 12 * [601_728]
    assert sum(adapters) == 7_220_736


def test_less_than_a_quarter_of_the_weights_is_trained(base: RefSAM3D) -> None:
    assert size(base, trainable=True) == 16_914_616
    assert size(base, trainable=True) < 0.25 * size(base)


def test_base_has_the_published_shapes_and_a_further_click_costs_little(base: RefSAM3D) -> None:
    image, point = torch.zeros(1, 1, 128, 128, 128, device="meta"), torch.zeros(1, 1, 3, device="meta")
    label = torch.ones(1, 1, device="meta")
    with torch.device("meta"), torch.no_grad():
        with FlopCounterMode(display=False) as encoding:
            embedding = base.encode(image)
        with FlopCounterMode(display=False) as decoding:
            logits = base.decode(embedding, points=point, labels=label)
    assert [tuple(level.shape) for level in embedding.levels] == 4 * [(1, 256, 32, 32, 32)]
    assert logits.shape == (1, 2, 128, 128, 128)
    assert decoding.get_total_flops() < 0.02 * encoding.get_total_flops()


def test_training_leaves_what_sam_has_learnt_and_changes_all_else() -> None:
    network = tiny().train()
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    frozen = {name for name in before if any(part in name for part in FROZEN)}
    assert {name for name, value in network.named_parameters() if not value.requires_grad} == frozen
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0)
    embedding = network.encode(random(1, 1, 16, 16, 16))
    answers = (network.decode(embedding, **prompts()), network.decode(embedding))
    sum(answer.square().mean() for answer in answers).backward()
    optimizer.step()
    same = {name for name, value in network.named_parameters() if torch.equal(value, before[name])}
    assert same == frozen


@pytest.mark.parametrize("decoder", [(8,), (8, 4), (8, 8, 4, 4)])
def test_the_answer_has_the_size_of_the_image(decoder: tuple[int, ...]) -> None:
    network = tiny(decoder=decoder, slices=2, n_classes=3)
    with torch.inference_mode():
        assert network(random(1, 1, 8, 16, 24)).shape == (1, 3, 8, 16, 24)


def test_two_prompts_on_one_embedding_are_two_separate_runs() -> None:
    network, image = tiny(), random(1, 1, 16, 16, 16)
    both = prompts(2)
    both["points"][1] += 2
    both["words"][1] *= -1
    with torch.inference_mode():
        together = network.decode(network.encode(image), **both)
        for index in range(2):
            alone = network(image, **{name: value[index : index + 1] for name, value in both.items()})
            torch.testing.assert_close(together[index : index + 1], alone)
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_several_images_take_one_prompt_or_one_each() -> None:
    network, images = tiny(), random(2, 1, 16, 16, 16)
    with torch.inference_mode():
        shared = network(images, **prompts(1))
        torch.testing.assert_close(shared, network(images, **prompts(2)))
        torch.testing.assert_close(shared[1:], network(images[1:], **prompts(1)))


def test_a_click_after_the_image_is_embedded_does_not_run_the_encoder() -> None:
    network = tiny()
    with torch.inference_mode():
        embedding = network.encode(random(1, 1, 16, 16, 16))
        network.encoder.register_forward_pre_hook(lambda *_: pytest.fail("the encoder ran"))
        first = network.decode(embedding, **prompts())
        torch.testing.assert_close(network.decode(embedding, **prompts()), first)


def test_the_last_convolution_sees_the_raw_image() -> None:
    network = tiny()
    with torch.inference_mode():
        embedding = network.encode(random(1, 1, 16, 16, 16))
        logits = network.decode(embedding, **prompts())
        blind = network.decode(embedding._replace(image=0 * embedding.image), **prompts())
    assert (logits - blind).abs().max() > 1e-2


def test_clicks_and_words_can_be_learnt_to_choose_between_two_objects() -> None:
    torch.manual_seed(0)
    network = RefSAM3D(replace(TINY, frozen=False))
    target = torch.zeros(2, 1, 16, 16, 16)
    for index, low in enumerate((2, 10)):
        target[index, :, low : low + 4, low : low + 4, low : low + 4] = 1
    image = 0.1 * random(1, 1, 16, 16, 16) + target.sum(0, keepdim=True)
    target = target.repeat(2, 1, 1, 1, 1)
    chosen = {
        "words": random(2, 3, 6).repeat(2, 1, 1),
        "word_mask": torch.tensor([False, False, True, True])[:, None].expand(-1, 3),
        "points": torch.tensor([4.0, 12.0, 0.0, 0.0])[:, None, None].expand(-1, 1, 3),
        "labels": torch.tensor([[1], [1], [-1], [-1]]),
    }
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(60):
        loss = nn.functional.binary_cross_entropy_with_logits(network(image, **chosen), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found, wanted = network(image, **chosen) > 0, target > 0
    common, both = (found & wanted).flatten(1).sum(1), found.flatten(1).sum(1) + wanted.flatten(1).sum(1)
    assert (2 * common / both).min() > 0.9
