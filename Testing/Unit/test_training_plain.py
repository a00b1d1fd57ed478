"""Plain samples: what a session shows, in the case's own orientation and contrast."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from training_cases import BRIGHT, DARK, ball_case

from LightSegLib.geometry import Volume
from LightSegLib.training.samples import SampleStream, SamplingPlan
from LightSegLib.training.scenes import draw_scene
from LightSegLib.zoom import Zoomer, ZoomSettings

SIZE = 24


def samples(plain, closer=0.0, count=12):
    plan = SamplingPlan(SIZE, {"real": 1.0}, {}, closer, (0.4, 0.9), plain)
    return list(islice(SampleStream([ball_case()], plan, 0), count))


def test_an_upright_pose_is_straight_or_mirrored_through_its_centre():
    random, eye = np.random.default_rng(0), np.eye(3)
    turns = [draw_scene(ball_case(), 1, SIZE, random, upright=True).rotation.numpy() for _ in range(20)]
    assert all(np.array_equal(turn, eye) or np.array_equal(turn, -eye) for turn in turns)
    assert len({float(turn[0, 0]) for turn in turns}) == 2


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 1.5, 1.0), (9.0, 1.0, 1.0)])
def test_an_upright_pose_samples_as_a_session_does(spacing):
    case = ball_case(spacing=spacing, centre=(12 * spacing[0], 15 * spacing[1], 18 * spacing[2]))
    scene = draw_scene(case, 1, SIZE, np.random.default_rng(1), upright=True)
    zoom = scene.edge / SIZE
    volume = Volume(case.image, np.diag([*spacing[::-1], 1.0]))
    step = Zoomer(volume, (SIZE,) * 3, ZoomSettings()).grid((0, 0, 0), zoom).step_ijk
    np.testing.assert_allclose(scene.stretch.numpy()[::-1] * zoom, np.array(step) * spacing[::-1], rtol=1e-5)


def test_plain_samples_keep_the_contrast_of_the_case():
    for sample in samples(plain=1.0):
        inside = sample.image[sample.target > 0.5].mean()
        outside = sample.image[(sample.target < 0.5) & (sample.valid > 0.5)].mean()
        assert float(inside) == pytest.approx(2 * BRIGHT / 255 - 1, abs=0.15)
        assert float(outside) == pytest.approx(2 * DARK / 255 - 1, abs=0.15)
        assert sample.image.min() >= -1
        assert sample.image.max() <= 1


def test_a_closer_cube_of_a_plain_sample_is_plain_too():
    closer = [sample.closer for sample in samples(plain=1.0, closer=1.0) if sample.closer is not None]
    assert closer
    for cube in closer:
        assert float(cube.image[cube.target > 0.5].mean()) == pytest.approx(2 * BRIGHT / 255 - 1, abs=0.15)


def test_without_plain_samples_contrasts_vary():
    means = torch.stack([sample.image[sample.target > 0.5].mean() for sample in samples(plain=0.0)])
    assert means.std() > 0.2
