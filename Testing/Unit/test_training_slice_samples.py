"""Samples of slices: the right plane, the right way round, at a session's scale; and the slices next door."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from training_cases import ball_case, mm_from

from LightSegLib.geometry import Volume
from LightSegLib.intensities import PreparedImage
from LightSegLib.slicewise.window import plane_axes
from LightSegLib.slicewise.windows import Windows
from LightSegLib.training import slice_samples, slice_scenes
from LightSegLib.training.clicks import corrupt, loose_box, scribble
from LightSegLib.training.samples import SamplingPlan
from LightSegLib.training.slice_samples import FARTHEST, MIN_TARGET_PIXELS, SliceSample, SliceStream
from LightSegLib.training.slice_scenes import SliceScene, draw_slice

SIZE = 64
REAL = {"real": 1.0}


def random(seed=0):
    return np.random.default_rng(seed)


def stream(cases=None, **changes):
    plan = SamplingPlan(**{"size": SIZE, "kinds": REAL, "source_weights": {}, **changes})
    return SliceStream(cases or [ball_case()], plan, 0)


def scenes(count=60, case=None, upright=True, **changes):
    case = case or ball_case()
    return [draw_slice(case, 1, SIZE, random(n), upright=upright, **changes) for n in range(count)]


# --- Planes -------------------------------------------------------------------------------------------------


def test_most_planes_are_those_of_the_acquisition_and_some_the_others():
    axes = [scene.axis for scene in scenes(200)]
    assert 0.6 < axes.count(2) / 200 < 0.8  # the slices are 3 mm thick
    assert axes.count(0) > 15
    assert axes.count(1) > 15


def test_the_acquisition_plane_is_across_the_largest_spacing():
    case = ball_case(shape=(36, 30, 24), spacing=(1.0, 1.5, 3.0), centre=(18.0, 20.0, 40.0))
    axes = [scene.axis for scene in scenes(60, case)]
    assert axes.count(0) > 30


@pytest.mark.parametrize("upright", [True, False])
def test_every_plane_goes_through_the_structure(upright):
    for scene in scenes(upright=upright):
        flat = scene.case.label_map.take(scene.index, 2 - scene.axis)
        assert flat.any()
        assert scene.render(SIZE).target.sum() > 0


def test_a_case_of_few_slices_has_one_plane():
    case = ball_case(shape=(3, 40, 40), spacing=(3.0, 1.0, 1.0), centre=(3.0, 20.0, 20.0))
    assert {scene.axis for scene in scenes(40, case)} == {2}


# --- Squares ------------------------------------------------------------------------------------------------


def test_an_upright_square_shows_what_a_session_shows():
    case = ball_case()
    volume = Volume(case.image, np.diag([*case.spacing_kji[::-1], 1.0]))
    image = PreparedImage(volume, (0.0,), (255.0,))
    for seed in range(30):
        scene = draw_slice(case, 1, SIZE, random(seed), upright=True)
        windows = Windows(volume, scene.axis, SIZE)
        (x, y), zero = plane_axes(scene.axis), [0.0, 0.0, 0.0]
        start = list(zero)
        start[x], start[y], start[scene.axis] = scene.origin[1], scene.origin[0], scene.index
        shown = [
            window
            for level in range(len(windows.steps))
            for window in [_window_at(windows, start, scene, level)]
            if window is not None
        ]
        assert shown
        view = scene.render(SIZE)
        pixels = shown[0].image(image)[0]
        inside = view.valid.numpy() > 0.5
        np.testing.assert_allclose((2 * view.image.numpy() - 1)[inside], pixels[inside], atol=0.02)
        assert (pixels[~inside] == -1).all()
        truth = shown[0].mask(case.label_map == 1) > 0.5
        assert (truth == (view.target.numpy() > 0.5)).mean() > 0.999


def _window_at(windows, start, scene, level):
    """The session's window that begins where the scene does; None on levels of another scale."""
    from LightSegLib.geometry import SamplingGrid
    from LightSegLib.slicewise.window import Window

    x, y = plane_axes(scene.axis)
    step, count = [1.0] * 3, [1] * 3
    for a in (x, y):
        step[a], count[a] = windows.steps[level] / windows.spacing_ijk[a], SIZE
    if not np.allclose(scene.matrix, np.diag([step[y], step[x]])):
        return None
    return Window(scene.axis, SamplingGrid(tuple(start), tuple(step), tuple(count)))


@pytest.mark.parametrize(("axis", "ramp"), [(0, None), (1, "columns"), (2, "columns")])
def test_columns_run_along_the_faster_axis_and_rows_along_the_slower(axis, ramp):
    case = ball_case()
    brighter_along_i = np.zeros(case.image.shape, np.uint8) + np.arange(36, dtype=np.uint8) * 7
    case = dataclasses.replace(case, image=brighter_along_i)
    image = SliceScene(case, 1, axis, 12, np.zeros(2), np.eye(2) * 0.4).render(SIZE).image
    assert image[0, 30] == pytest.approx(float(image[60, 30]), abs=1e-4)
    assert (float(image[30, 60] - image[30, 0]) > 0.3) == (ramp == "columns")


def test_a_turned_square_keeps_lengths_but_for_the_stretch():
    for scene in scenes(40, upright=False):
        spacing = np.array([scene.case.spacing_kji[2 - a] for a in reversed(plane_axes(scene.axis))])
        mm = scene.matrix * spacing[:, None]
        first, second = np.linalg.norm(mm, axis=0)
        assert np.exp(-0.41) < first / second < np.exp(0.41)
        assert abs(mm[:, 0] @ mm[:, 1]) < 1e-6 * first * second


def test_turned_squares_are_not_much_wider_than_the_plane():
    for scene in scenes(60, upright=False, extent_range=(0.01, 0.02)):
        assert scene.render(SIZE).valid.mean() > 0.1


def test_the_structure_spans_what_the_recipe_says(monkeypatch):
    monkeypatch.setattr(slice_scenes, "FINEST", 0.01)
    for scene in scenes(30, upright=False, extent_range=(0.5, 0.5)):
        spacing = [scene.case.spacing_kji[2 - a] for a in reversed(plane_axes(scene.axis))]
        flat = np.argwhere(scene.case.label_map.take(scene.index, 2 - scene.axis) == 1)
        extent = ((flat.max(axis=0) - flat.min(axis=0) + 1) * spacing).max()
        pixel = np.sqrt(abs(np.linalg.det(scene.matrix)) * np.prod(spacing))
        assert 0.5 * np.exp(-0.21) < extent / (pixel * SIZE) < 0.5 * np.exp(0.21)


# --- Samples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["real", "recoloured", "supervoxel", "shapes"])
def test_every_kind_of_sample_is_flat_and_in_range(kind):
    drawn = 0
    source = stream(kinds={kind: 1.0})
    for seed in range(40):
        sample = source.draw(random(seed))
        if sample is None:
            continue
        drawn += 1
        for part in (sample.image, sample.target, sample.valid):
            assert part.shape == (SIZE, SIZE)
            assert part.dtype == torch.float32
        assert float(sample.image.min()) >= -1
        assert float(sample.image.max()) <= 1
        assert set(sample.target.unique().tolist()) <= {0.0, 1.0}
        assert float((sample.target * (1 - sample.valid)).sum()) == 0
        assert float(sample.target.sum()) >= MIN_TARGET_PIXELS
        assert bool((sample.image[sample.valid < 0.5] == -1).all())
    assert drawn > 8


def test_plain_samples_keep_the_contrast_and_others_do_not():
    for plain, like in ((1.0, True), (0.0, False)):
        source, alike = stream(plain=plain, closer=0.0), []
        for seed in range(60):
            sample = source.draw(random(seed))
            if sample is not None:
                inside = float(sample.image[sample.target > 0.5].mean())
                alike.append(abs(inside - (2 * 200 / 255 - 1)) < 0.2)
        assert np.mean(alike) > 0.95 if like else np.mean(alike) < 0.7


def test_the_slice_next_door_shows_the_same_square(monkeypatch):
    monkeypatch.setattr(slice_samples, "LAST", 0.0)
    ball, source = ball_case(), stream(plain=1.0, closer=1.0)
    found = []
    for seed in range(60):
        sample = source.draw(random(seed))
        if sample is None or sample.beside is None:
            continue
        assert isinstance(sample.beside, SliceSample)
        assert torch.equal(sample.beside.valid, sample.valid)
        here, there = (part.target.numpy() > 0.5 for part in (sample, sample.beside))
        found.append((here & there).sum() / max(1, (here | there).sum()))
    assert len(found) > 20
    assert np.median(found) > 0.6  # the ball goes on, a little larger or smaller
    assert ball.label_map.any()


def test_where_the_structure_ends_the_slice_next_door_is_empty():
    shape, spacing = (24, 30, 36), (3.0, 1.5, 1.0)
    disc = np.zeros(shape, np.uint8)
    disc[12] = (mm_from(shape, spacing, (36.0, 20.0, 22.0)) < 8)[12]
    case = dataclasses.replace(ball_case(), label_map=disc)
    source = stream([case], plain=1.0, closer=1.0)
    drawn = [source.draw(random(seed)) for seed in range(40)]
    flat = [sample for sample in drawn if sample is not None and sample.beside is not None]
    assert any(float(sample.beside.target.sum()) == 0 for sample in flat)
    assert all(torch.isfinite(sample.beside.image).all() for sample in flat)


@pytest.mark.parametrize("direction", [-1, 1])
def test_the_last_slice_of_a_structure_can_be_asked_for(direction):
    case = ball_case()
    for seed in range(8):
        scene = draw_slice(case, 1, SIZE, random(seed), upright=True, last=direction)
        ends = np.flatnonzero((case.label_map == 1).any(axis=tuple({0, 1, 2} - {2 - scene.axis})))
        assert scene.index in (ends[-4:] if direction > 0 else ends[:4])


def test_a_sample_goes_on_in_one_direction_until_the_structure_has_ended():
    source, lengths = stream(plain=1.0, closer=1.0), []
    for seed in range(40):
        sample, areas = source.draw(random(seed)), []
        while sample is not None:
            areas.append(float(sample.target.sum()))
            sample = sample.beside
        lengths.append(len(areas))
        assert all(area > 0 for area in areas[:-1])
    assert max(lengths) <= 1 + FARTHEST
    assert len(set(lengths)) > 3


def test_structures_end_next_door_often_enough_to_be_learnt():
    source = stream(plain=1.0, closer=1.0)
    drawn = [source.draw(random(seed)) for seed in range(60)]
    ends = []
    for sample in drawn:
        while sample is not None and sample.beside is not None:
            sample = sample.beside
            ends.append(float(sample.target.sum()) == 0)
    assert 0.1 < np.mean(ends) < 0.6


def test_the_same_seed_draws_the_same_slices():
    one, two = (iter(stream(closer=1.0)) for _ in range(2))
    for _ in range(5):
        first, second = next(one), next(two)
        assert torch.equal(first.image, second.image)
        assert torch.equal(first.target, second.target)


def test_a_case_too_narrow_to_be_sliced_is_passed_over():
    strip = ball_case(shape=(60, 3, 3), spacing=(1.0, 1.0, 1.0), centre=(30.0, 1.0, 1.0))
    assert stream([strip]).draw(random()) is None


# --- The simulated user in two dimensions -------------------------------------------------------------------


def test_the_simulated_user_knows_flat_masks():
    mask = np.zeros((40, 50), bool)
    mask[10:25, 20:44] = True
    for seed in range(20):
        lower, upper = loose_box(mask, random(seed))
        assert lower.shape == upper.shape == (2,)
        assert np.abs(lower - (10, 20)).max() < 2.5
        assert np.abs(upper - (24, 43)).max() < 2.5
        assert all(mask[tuple(place)] for place in scribble(mask, random(seed)))
        assert corrupt(mask, random(seed)).shape == mask.shape
