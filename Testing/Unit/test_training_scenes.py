"""Scenes: what a cube shows lies where the case has it, and a closer cube shows the same anatomy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from training_cases import BRIGHT, DARK, ball_case

from LightSegLib.training import companions, samples
from LightSegLib.training.chains import _resample
from LightSegLib.training.samples import SampleStream, SamplingPlan
from LightSegLib.training.scenes import Scene, draw_scene

SIZE = 32
CENTRE = (40.0, 20.0, 22.0)


def scene_of(case, rotation=None, stretch=(1.0, 1.0, 1.0), centre=(36.0, 22.0, 18.0), edge=48.0):
    return Scene(
        image=torch.from_numpy(case.image / np.float32(255)),
        labels=torch.from_numpy(case.label_map.astype(np.float32)),
        spacing=torch.tensor(case.spacing_kji),
        value=1,
        rotation=torch.eye(3) if rotation is None else torch.from_numpy(rotation.astype(np.float32)),
        stretch=torch.tensor(stretch),
        centre=torch.tensor(centre),
        edge=edge,
    )


def middle_of(mask):
    return mask.nonzero().double().mean(dim=0).numpy()


def expected_sample(scene, point):
    """Where a point of the case, in mm, must appear."""
    matrix = (scene.rotation * scene.stretch[None, :]).double().numpy()
    offset = np.linalg.solve(matrix, np.array(point) - scene.centre.double().numpy())
    return offset / (scene.edge / SIZE) + (SIZE - 1) / 2


def turned(degrees):
    angle = np.deg2rad(degrees)
    return np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])


POSES = [
    pytest.param({}, id="upright"),
    pytest.param({"edge": 30.0}, id="closer"),
    pytest.param({"stretch": (1.3, 0.9, 1.1)}, id="stretched"),
    pytest.param({"rotation": np.eye(3)[[2, 0, 1]] * [1, -1, 1]}, id="other axes, one flipped"),
    pytest.param({"rotation": turned(35), "stretch": (1.0, 1.4, 0.8)}, id="turned and stretched"),
]


@pytest.mark.parametrize("pose", POSES)
def test_a_ball_appears_where_it_lies(pose):
    scene = scene_of(ball_case(centre=CENTRE), **pose)
    view = scene.render(SIZE)
    assert middle_of(view.target > 0) == pytest.approx(expected_sample(scene, CENTRE), abs=0.5)
    # Image and label map lie on one another.
    bright = (view.image > (BRIGHT + DARK) / 2 / 255) & (view.valid > 0)
    agree = (bright & (view.target > 0)).sum() / (view.target > 0).sum()
    assert agree > 0.9
    assert bright.sum() < 1.25 * view.target.sum()


def test_a_ball_in_an_anisotropic_case_looks_round():
    scene = scene_of(ball_case(spacing=(3.0, 1.5, 1.0), radius=9.0), centre=CENTRE)
    places = scene.render(SIZE).target.nonzero()
    extent = (places.amax(dim=0) - places.amin(dim=0) + 1).numpy() * (48.0 / SIZE)
    assert extent == pytest.approx(18.0, abs=3.5)


def test_target_and_labels_name_the_same_structure():
    case = ball_case()
    two = replace(case, label_map=np.where(case.label_map == 1, 2, 1).astype(np.uint8))
    view = replace(scene_of(two), value=2).render(SIZE)
    same = (view.labels == 2) == (view.target > 0)
    assert same.float().mean() > 0.97  # one is nearest, the other linear


def test_beyond_the_field_of_view_nothing_is_valid_and_nothing_is_target():
    case = ball_case(centre=(0.0, 0.0, 0.0))
    scene = scene_of(case, centre=(0.0, 0.0, 0.0))
    view = scene.render(SIZE)
    axes = [(np.arange(SIZE) - (SIZE - 1) / 2) * 48.0 / SIZE] * 3
    inside = [
        (a >= -0.5 * mm) & (a <= (n - 0.5) * mm)
        for a, n, mm in zip(axes, case.image.shape, case.spacing_kji, strict=True)
    ]
    expected = inside[0][:, None, None] & inside[1][None, :, None] & inside[2][None, None, :]
    assert np.array_equal(view.valid.numpy() > 0, expected)
    assert view.target.sum() > 0
    assert not (view.target.numpy()[~expected]).any()
    assert torch.isfinite(view.image).all()


def test_the_whole_case_is_valid_from_within():
    assert scene_of(ball_case(), edge=16.0).render(SIZE).valid.all()


def test_a_pose_shows_the_object_at_a_share_of_the_edge():
    case = ball_case(radius=8.0)
    extents = []
    for seed in range(40):
        scene = draw_scene(case, 1, SIZE, np.random.default_rng(seed), extent_range=(0.3, 0.8), finest=0.1)
        extents.append(17.0 / scene.edge)  # 17 mm across, a voxel more or less
        view = scene.render(SIZE)
        assert 0 <= float(view.image.min()) <= float(view.image.max()) <= 1
    assert 0.2 < min(extents) < max(extents) < 0.95
    assert max(extents) > 2 * min(extents)


def test_a_pose_does_not_zoom_beyond_the_resolution():
    case = ball_case(radius=4.0)
    edges = [draw_scene(case, 1, SIZE, np.random.default_rng(s), finest=0.5).edge for s in range(20)]
    assert min(edges) >= 0.5 * 1.0 * SIZE


def test_a_pose_mostly_shows_much_of_the_object():
    case = ball_case()
    views = [draw_scene(case, 1, SIZE, np.random.default_rng(s)).render(SIZE) for s in range(30)]
    assert sum(float(view.target.sum()) >= samples.MIN_TARGET_VOXELS for view in views) >= 27


def test_a_pose_is_a_rotation_or_reflection_and_repeats_with_its_seed():
    case = ball_case()
    for seed in range(10):
        one, two = (draw_scene(case, 1, SIZE, np.random.default_rng(seed)) for _ in range(2))
        assert torch.allclose(one.rotation @ one.rotation.T, torch.eye(3), atol=1e-5)
        assert float(one.stretch.min()) > 0
        assert torch.equal(one.rotation, two.rotation)
        assert torch.equal(one.centre, two.centre)


def test_a_closer_cube_shows_the_same_anatomy(monkeypatch):
    monkeypatch.setattr(companions, "vary", lambda image, target, random: image)
    plan = SamplingPlan(SIZE, {"real": 1.0}, {}, closer=1.0, extent_range=(0.4, 0.9))
    random = np.random.default_rng(0)
    stream = SampleStream([ball_case(radius=10.0)], plan, seed=0)
    drawn = [sample for sample in (stream.draw(random) for _ in range(20)) if sample is not None]
    closer = [(sample, sample.closer) for sample in drawn if sample.closer is not None]
    assert len(closer) >= 12
    agreement = []
    for sample, near in closer:
        assert 1.2 <= near.zoom <= 2.5
        known = _resample(torch.ones_like(sample.target), near) > 0.5  # the wider cube reaches there
        shown = (_resample(sample.target, near) > 0.5) & known
        there = (near.target > 0) & known
        agreement.append(float(2 * (shown & there).sum() / (shown.sum() + there.sum())))
        assert middle_of(shown) == pytest.approx(middle_of(there), abs=0.5)
        inner = known & (near.valid > 0)
        assert float((_resample(sample.image, near) - near.image).abs()[inner].mean()) < 0.03
    assert min(agreement) > 0.85
    assert np.mean(agreement) > 0.94
