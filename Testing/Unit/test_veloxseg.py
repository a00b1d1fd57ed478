"""VeloxSeg as a whole: what it returns in training and evaluation, and what its parts promise."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from LightSegLib.networks import VeloxSeg, VeloxSegTrainingOutput, published
from LightSegLib.networks.veloxseg import gram_matrix
from LightSegLib.training.mixed_precision import prepare_grouped_convolutions

SMALL: dict[str, Any] = {"input_size": (32, 32, 32), "patch_size": 2}


def a_network(**settings: Any) -> VeloxSeg:
    torch.manual_seed(0)
    return VeloxSeg(**{**SMALL, **settings})


def train(net: VeloxSeg, x: Tensor) -> VeloxSegTrainingOutput:
    output = net.train()(x)
    assert isinstance(output, VeloxSegTrainingOutput)
    return output


def test_training_returns_four_maps_one_reconstruction_and_the_gram_matrices() -> None:
    output = train(a_network(n_classes=3), torch.randn(2, 2, 32, 32, 32))
    shapes = [tuple(t.shape) for t in output.as_list()]
    assert shapes == [(2, 3, 32, 32, 32)] * 4 + [(2, 2, 32, 32, 32)] + [(2, 16, 16)] * 3
    assert len(output.logits) == 4
    assert len(output.teacher_grams) == 2


def test_evaluation_returns_one_map_of_the_input_size() -> None:
    logits = a_network(n_classes=3).eval()(torch.randn(1, 2, 32, 32, 32))
    assert logits.shape == (1, 3, 32, 32, 32)


@pytest.mark.parametrize(
    "settings",
    [
        {"input_size": (72, 72, 72), "patch_size": 3, "in_ch": (1, 3)},
        {"input_size": (48, 48, 48), "base_ch": 24, "in_ch": (3,)},
        {"input_size": (32, 32, 16), "base_ch": 32, "in_ch": (1, 1, 2), "conv_depths": (2, 1, 1, 1)},
        {"input_size": (24, 24, 24), "patch_size": 1, "attn_base_ch": 8, "qkv_bias": False},
    ],
)
def test_variants_of_crop_stride_width_and_modalities_work(settings: dict[str, Any]) -> None:
    net = a_network(**settings).eval()
    with torch.inference_mode():
        logits = net(torch.randn(1, sum(net.config.in_ch), *net.config.input_size))
    assert logits.shape == (1, 2, *net.config.input_size)
    assert logits.isfinite().all()


def test_gram_matrices_are_symmetric_and_positive_semidefinite() -> None:
    output = train(a_network(), torch.randn(2, 2, 32, 32, 32))
    for gram in (output.student_gram, *output.teacher_grams):
        torch.testing.assert_close(gram, gram.transpose(1, 2))
        assert torch.linalg.eigvalsh(gram.double()).min() > -1e-6


def test_a_gram_matrix_does_not_change_when_voxels_change_places() -> None:
    features = torch.randn(2, 16, 4, 5, 6)
    shuffled = features.flatten(2)[:, :, torch.randperm(120)].view_as(features)
    torch.testing.assert_close(gram_matrix(features), gram_matrix(shuffled))


def test_a_gram_matrix_is_the_mean_of_channel_products_over_channels_and_voxels() -> None:
    features = torch.randn(1, 3, 2, 2, 2)
    flat = features[0].flatten(1)
    torch.testing.assert_close(gram_matrix(features)[0], flat @ flat.T / (3 * 8))


def test_gram_gradients_reach_teacher_student_and_encoder() -> None:
    net = a_network()
    output = train(net, torch.randn(1, 2, 32, 32, 32))
    (output.student_gram - output.teacher_grams[0]).square().sum().backward()
    for part in (net.teachers[0].path, net.decoder.path, net.encoder):
        reached = [p.grad.abs().max().item() for p in part.parameters() if p.grad is not None]
        assert max(reached) > 0.0


def test_every_weight_gets_a_finite_gradient() -> None:
    net = a_network()
    output = train(net, torch.randn(1, 2, 32, 32, 32))
    sum(t.square().mean() for t in output.as_list()).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_leaving_teachers_and_extra_heads_out_keeps_the_logits_bit_for_bit() -> None:
    net, x = a_network().eval(), torch.randn(1, 2, 32, 32, 32)
    light = net.inference_copy()
    assert len(light.teachers) == len(light.decoder.coarse_heads) == 0
    with torch.inference_mode():
        assert torch.equal(net(x), light(x))


def test_guidance_channels_are_not_reconstructed() -> None:
    net, x = a_network(in_ch=(1, 3), reconstruction=(1, 0)), torch.randn(1, 4, 32, 32, 32)
    output = train(net, x)
    assert output.reconstruction is not None
    assert output.reconstruction.shape == net.reconstruction_target(x).shape == (1, 1, 32, 32, 32)
    assert torch.equal(net.reconstruction_target(x), x[:, :1])
    assert len(output.teacher_grams) == 1


def test_without_teachers_and_extra_heads_training_returns_one_map_and_one_gram_matrix() -> None:
    output = train(a_network(reconstruction=False, deep_supervision=False), torch.randn(1, 2, 32, 32, 32))
    assert output.reconstruction is None
    assert len(output.as_list()) == 2


def test_features_and_head_together_are_the_forward_pass() -> None:
    net, x = a_network().eval(), torch.randn(1, 2, 32, 32, 32)
    with torch.inference_mode():
        features = net.forward_features(x)
        assert features.shape == (1, 16, 16, 16, 16)
        assert torch.equal(net.decode_head(features), net(x))


def test_a_modulation_sees_each_stage_once_and_changes_the_result() -> None:
    net, x, seen = a_network().eval(), torch.randn(1, 2, 32, 32, 32), []

    def silence(stage: int, features: Tensor) -> Tensor:
        seen.append((stage, tuple(features.shape)))
        return torch.zeros_like(features) if stage == 3 else features

    with torch.inference_mode():
        assert not torch.equal(net(x, silence), net(x))
        assert torch.equal(net(x, lambda _, features: features), net(x))
    assert seen == [(i, (1, 16 * 2**i, *(16 // 2**i,) * 3)) for i in range(4)]


def test_zeroing_one_modality_changes_the_attention_stream_of_the_other() -> None:
    net, x = a_network().eval(), torch.randn(1, 2, 32, 32, 32)
    without = x.clone()
    without[:, 1] = 0.0
    with torch.inference_mode():
        assert not torch.equal(net.encoder.attention(x)[0][0], net.encoder.attention(without)[0][0])


def test_samples_of_a_batch_do_not_influence_each_other() -> None:
    net, x = a_network().eval(), torch.randn(2, 2, 32, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(net(x)[1:], net(x[1:]), rtol=1e-3, atol=1e-4)


def test_a_larger_input_works_when_the_windows_tile_it() -> None:
    net = a_network().eval()
    with torch.inference_mode():
        assert net(torch.randn(1, 2, 64, 32, 32)).shape == (1, 2, 64, 32, 32)


@pytest.mark.parametrize(
    "shape", [(1, 3, 32, 32, 32), (2, 32, 32, 32), (1, 2, 48, 32, 32), (1, 2, 30, 32, 32)]
)
def test_an_input_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="input"):
        a_network()(torch.randn(shape))


def test_bfloat16_runs_and_stays_close_to_float32() -> None:
    net, x = a_network(attn_drop=0.0, proj_drop=0.0, conv_drop=0.0), torch.randn(1, 2, 32, 32, 32)
    with torch.inference_mode():
        exact = net.eval()(x)
        with torch.autocast("cpu", torch.bfloat16):
            assert (net(x).float() - exact).abs().mean() < 0.05 * exact.abs().mean()
    prepare_grouped_convolutions(net)  # as the trainer does: without it PyTorch's gradient may not be finite
    with torch.autocast("cpu", torch.bfloat16):
        output = train(net, x)
        loss = sum(t.float().square().mean() for t in output.as_list())
    loss.backward()
    assert output.student_gram.dtype == torch.float32
    assert all(p.grad.isfinite().all() for p in net.parameters())


def test_evaluation_is_repeatable_and_training_drops_at_random() -> None:
    net, x = a_network(), torch.randn(1, 2, 32, 32, 32)
    with torch.no_grad():
        assert torch.equal(net.eval()(x), net(x))
        assert not torch.equal(train(net, x).logits[0], train(net, x).logits[0])


def test_an_unknown_published_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="autopet2, hecktor, brats"):
        published("imagenet")
