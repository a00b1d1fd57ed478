"""Losses: nothing for a perfect answer, nothing from outside the field of view."""

from __future__ import annotations

import pytest
import torch

from LightSegLib.training.losses import (
    SegmentationLoss,
    confidence_loss,
    reconstruction_loss,
    soft_dice,
    soft_label_loss,
    texture_loss,
)

SHAPE = (2, 1, 8, 8, 8)


def target():
    mask = torch.zeros(SHAPE)
    mask[:, :, 2:6, 2:6, 2:6] = 1
    return mask


def valid():
    field = torch.ones(SHAPE)
    field[:, :, :, :, 6:] = 0
    return field


def noise(seed=0, shape=SHAPE):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


LOSS = SegmentationLoss()


def test_a_perfect_answer_costs_nearly_nothing_and_its_opposite_much():
    perfect = 30 * (target() * 2 - 1)
    assert float(LOSS([perfect, perfect], target(), torch.ones(SHAPE))) < 1e-3
    assert float(LOSS([-perfect, -perfect], target(), torch.ones(SHAPE))) > 5


def test_an_empty_cube_that_is_left_empty_costs_nearly_nothing():
    assert float(LOSS([torch.full(SHAPE, -30.0)], torch.zeros(SHAPE), torch.ones(SHAPE))) < 1e-3


def test_nothing_is_learnt_outside_the_field_of_view():
    heads = [noise(seed).requires_grad_() for seed in range(2)]
    LOSS(heads, target(), valid()).backward()
    for head in heads:
        assert not head.grad[valid() == 0].any()
        assert head.grad[valid() == 1].all()


def test_what_is_said_outside_the_field_of_view_costs_nothing():
    answer = noise()
    other = torch.where(valid() > 0, answer, 50.0)
    assert torch.equal(LOSS([answer], target(), valid()), LOSS([other], target(), valid()))
    assert torch.equal(soft_dice(answer, target(), valid()), soft_dice(other, target(), valid()))


def test_the_full_resolution_head_weighs_twice_the_coarse_one():
    good, bad = 30 * (target() * 2 - 1), noise()
    ones = torch.ones(SHAPE)
    late, early = LOSS([good, bad], target(), ones), LOSS([bad, good], target(), ones)
    assert float(early) == pytest.approx(2 * float(late), rel=1e-3)


def test_half_precision_answers_are_judged_in_full():
    assert LOSS([noise().bfloat16()], target(), valid()).dtype == torch.float32


def test_dice_is_counted_per_sample():
    answer = target() * 2 - 1
    answer[1] = -1
    dice = soft_dice(answer, target(), torch.ones(SHAPE))
    assert dice.shape == (2,)
    assert float(dice[0]) == 1.0
    assert float(dice[1]) == pytest.approx(1 / 65)
    assert float(soft_dice(-torch.ones(SHAPE), torch.zeros(SHAPE), torch.ones(SHAPE))[0]) == 1.0


def test_confidence_is_right_when_it_names_the_true_dice_and_teaches_nothing_else():
    answer = (target() * 2 - 1 + 0.8 * noise()).requires_grad_()
    true = soft_dice(answer, target(), torch.ones(SHAPE))
    expected = torch.logit(true).requires_grad_()
    confidence_loss(expected, answer, target(), torch.ones(SHAPE)).backward()
    assert torch.allclose(expected.grad, torch.zeros(2), atol=1e-6)
    assert answer.grad is None


def gram(seed):
    features = noise(seed, (2, 4, 30))
    return features @ features.transpose(1, 2) / 120


def test_equal_textures_cost_nothing():
    assert float(texture_loss(gram(0), [gram(0), gram(0)])) == 0.0


def test_the_texture_loss_is_a_squared_distance_summed_over_teachers():
    one, two, three = gram(0), gram(1), gram(2)
    assert float(texture_loss(one, [two])) > 0
    assert torch.equal(texture_loss(one, [two]), texture_loss(two, [one]))
    both = texture_loss(one, [two]) + texture_loss(one, [three])
    assert torch.allclose(texture_loss(one, [two, three]), both)
    assert torch.allclose(texture_loss(2 * one, [2 * two]), 4 * texture_loss(one, [two]))


def test_textures_teach_both_sides():
    student, teacher = gram(0).requires_grad_(), gram(1).requires_grad_()
    texture_loss(student, [teacher]).backward()
    assert torch.equal(student.grad, -teacher.grad)
    assert student.grad.any()


def test_a_reconstruction_is_judged_inside_the_field_of_view_only():
    image = noise(0, (2, 3, 8, 8, 8))
    assert float(reconstruction_loss(image, image, valid())) == 0.0
    assert float(reconstruction_loss(image + 2, image, valid())) == pytest.approx(4.0)
    wrong = torch.where(valid() > 0, image, 9.0).requires_grad_()
    loss = reconstruction_loss(wrong, image, valid())
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert not wrong.grad.any()
    assert float(reconstruction_loss(image, image + 1, torch.zeros(SHAPE))) == 0.0


# --- Soft labels --------------------------------------------------------------------------------------------


def test_an_answer_costs_least_where_it_equals_the_soft_label():
    label = noise(1)
    answer = label.clone().requires_grad_()
    equal = soft_label_loss(answer, torch.sigmoid(label), torch.ones(SHAPE))
    equal.backward()
    assert float(answer.grad.abs().max()) < 1e-7
    for other in (label + 0.1, label - 0.1, -label):
        assert soft_label_loss(other, torch.sigmoid(label), torch.ones(SHAPE)) > equal


def test_hard_labels_are_a_case_of_soft_ones():
    perfect = 30 * (target() * 2 - 1)
    assert float(soft_label_loss(perfect, target(), torch.ones(SHAPE))) < 1e-6
    assert float(soft_label_loss(-perfect, target(), torch.ones(SHAPE))) == pytest.approx(30)


def test_soft_labels_count_inside_the_field_of_view_only():
    answer, label = noise().requires_grad_(), torch.sigmoid(noise(1))
    loss = soft_label_loss(answer, label, valid())
    loss.backward()
    assert not answer.grad[valid() == 0].any()
    inside = [part[..., :6] for part in (answer.detach(), label)]
    assert torch.isclose(loss.detach(), soft_label_loss(*inside, torch.ones_like(inside[0])))
    assert float(soft_label_loss(answer, label, torch.zeros(SHAPE)).detach()) == 0
