"""A student learns a frozen teacher's image embeddings."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from LightSegLib.networks.hrmedseg import HRMedSeg, published
from LightSegLib.networks.hrmedseg_config import HRMedSegConfig
from LightSegLib.training.distillation import FeatureDistillation, SamTeacher


class Answer(NamedTuple):
    last_hidden_state: Any


class VisionEncoder(nn.Module):
    """Answers as transformers' vision encoders do."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.embed = nn.Conv2d(3, 32, 16, 16)

    def forward(self, pixel_values: Tensor) -> Any:
        embedding = self.embed(pixel_values)
        return {"record": Answer(embedding), "tuple": (embedding, None), "tensor": embedding, "text": "?"}[
            self.form
        ]


class Sam(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.vision_encoder = VisionEncoder("record")


@pytest.fixture
def student() -> HRMedSeg:
    torch.manual_seed(0)
    return HRMedSeg(
        HRMedSegConfig(
            image_size=64, dim=24, depths=(1, 1, 1, 1), heads=(2, 3, 6), embedding_ch=32, decoder_heads=2
        )
    )


@pytest.fixture
def teacher() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.BatchNorm2d(8), nn.GELU(), nn.Conv2d(8, 32, 4, 4))


def test_the_student_has_the_shape_of_sams_embedding() -> None:
    with torch.device("meta"):
        net = published("hrmedseg")
        sam = nn.Conv2d(3, 256, 16, 16)
        image = torch.zeros(1, 3, 1024, 1024)
        assert net.encode(image).shape == (1, 256, 64, 64)
        assert FeatureDistillation(net, sam).loss(image).shape == ()


def test_the_teacher_gets_no_gradient_and_the_decoder_none_either(
    student: HRMedSeg, teacher: nn.Module
) -> None:
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    distillation = FeatureDistillation(student.train(), teacher.train())
    image = torch.randn(2, 3, 64, 64)
    distillation.loss(image).backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert not distillation.target(image).requires_grad
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())
    assert student.neck[2].weight.grad.abs().max() > 0
    assert student.image_encoder.patch_embed.proj.weight.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in student.mask_decoder.parameters())


def test_the_loss_is_the_mean_squared_difference(student: HRMedSeg, teacher: nn.Module) -> None:
    image = torch.randn(2, 3, 64, 64)
    distillation = FeatureDistillation(student.eval(), teacher)
    difference = student.encode(image) - distillation.target(image)
    torch.testing.assert_close(distillation.loss(image), difference.square().mean())


def test_the_difference_falls_within_a_few_steps(student: HRMedSeg, teacher: nn.Module) -> None:
    torch.manual_seed(0)
    distillation = FeatureDistillation(student.train(), teacher)
    image = torch.randn(4, 3, 64, 64)
    target = distillation.target(image)
    optimiser = torch.optim.Adam(student.parameters(), 1e-3)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = distillation.loss(image, target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_a_kept_target_serves_as_the_teacher_does(student: HRMedSeg, teacher: nn.Module) -> None:
    image = torch.randn(2, 3, 64, 64)
    distillation = FeatureDistillation(student.eval(), teacher)
    kept = distillation.target(image)
    assert torch.equal(distillation.loss(image, kept), distillation.loss(image))


def test_embeddings_of_different_shape_are_refused(student: HRMedSeg) -> None:
    distillation = FeatureDistillation(student.eval(), nn.Conv2d(3, 32, 8, 8))
    with pytest.raises(ValueError, match=r"\(1, 32, 4, 4\), the teacher's \(1, 32, 8, 8\)"):
        distillation.loss(torch.zeros(1, 3, 64, 64))


@pytest.mark.parametrize("form", ["record", "tuple", "tensor"])
def test_sams_encoder_is_a_teacher_however_it_answers(student: HRMedSeg, form: str) -> None:
    teacher = SamTeacher(VisionEncoder(form))
    image = torch.randn(1, 3, 64, 64)
    assert teacher(image).shape == (1, 32, 4, 4)
    assert FeatureDistillation(student, teacher).loss(image).requires_grad
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_a_whole_sam_teaches_by_its_vision_encoder() -> None:
    sam = Sam()
    assert SamTeacher(sam).encoder is sam.vision_encoder


def test_a_teacher_that_gives_no_embedding_is_refused() -> None:
    with pytest.raises(ValueError, match="answered with str, not with an embedding"):
        SamTeacher(VisionEncoder("text"))(torch.zeros(1, 3, 64, 64))
