"""What a name is asked of: upright, so that sides stay sides, and from where a session looks."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
import torch
from text_cases import (
    ALONE,
    SIZE,
    drawn,
    named_case,
    stream_of,
    two_kidneys,
)

from LightSegLib.training import poses
from LightSegLib.training.sample import MIN_TARGET_VOXELS
from LightSegLib.training.scenes import Scene
from LightSegLib.training.text_samples import REFINED, draw_text_scene

CODES = [
    "".join(letters)
    for axes in itertools.permutations(("RL", "AP", "SI"))
    for letters in itertools.product(*axes)
]


def stored(case, code):
    """A case that is stored upright, stored another way."""
    turned = []
    for array in (case.image, case.label_map):
        image = SimpleITK.GetImageFromArray(array)
        image.SetSpacing(case.spacing_kji[::-1])
        image = SimpleITK.DICOMOrient(image, code)
        turned.append(SimpleITK.GetArrayFromImage(image))
    spacing = image.GetSpacing()[::-1]
    return replace(case, image=turned[0], label_map=turned[1], spacing_kji=spacing, orientation=code)


# --- Upright ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_however_a_case_is_stored_a_cube_shows_it_upright(code):
    case = two_kidneys()
    other = stored(case, code)
    views = []
    for each in (case, other):
        middle = (np.array(each.label_map.shape) - 1) / 2 * each.spacing_kji
        scene = Scene.of(each, 3, poses.upright(each.orientation), np.ones(3, np.float32), middle, 44.0)
        views.append(scene.render(SIZE))
    torch.testing.assert_close(views[0].image, views[1].image, atol=1e-3, rtol=0)
    assert (views[0].labels == views[1].labels).float().mean() > 0.999


@pytest.mark.parametrize("code", ["LPS", "RAS", "PLS", "IPR", "SAR"])
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_sides_stay_sides_in_every_pose(code, plain, whole):
    case, seen = stored(two_kidneys(), code), 0
    for seed in range(12):
        scene = draw_text_scene(case, 3, SIZE, np.random.default_rng(seed), whole=whole, plain=plain)
        labels = scene.render(SIZE).labels
        assert np.linalg.det(scene.rotation.numpy() @ poses.upright(code).T) == pytest.approx(1.0, abs=1e-4)
        if (labels == 2).any() and (labels == 3).any():
            seen += 1
            right, left = ((labels == value).nonzero()[:, 2].float().mean() for value in (2, 3))
            assert left > right
    assert seen or not whole


def test_a_tilt_is_small_and_no_reflection():
    for seed in range(50):
        tilt = poses.nearly_upright("LPS", np.random.default_rng(seed))
        assert np.linalg.det(tilt) == pytest.approx(1.0, abs=1e-5)
        assert np.degrees(np.arccos((np.trace(tilt) - 1) / 2)) <= 15.01


@pytest.mark.parametrize("code", ["LP", "LLS", "lps", "LRS", "XYZ"])
def test_what_is_no_orientation_is_refused(code):
    with pytest.raises(ValueError, match="orientation"):
        poses.upright(code)


# --- From afar and close ------------------------------------------------------------------------------------


def test_half_the_looks_from_afar_show_the_whole_case_as_a_session_does():
    case = named_case(radius=10.0)
    field = np.array(case.label_map.shape) * case.spacing_kji
    edges, places = [], []
    for seed in range(60):
        scene = draw_text_scene(case, 1, SIZE, np.random.default_rng(seed), whole=True, plain=True)
        edges.append(scene.edge / field.max())
        places.append(scene.centre.numpy() / field)
        assert scene.render(SIZE).target.sum() > 0
    assert max(edges) == pytest.approx(1.0)
    assert 15 <= sum(edge > 0.999 for edge in edges) <= 45
    assert min(edges) >= 0.5
    middle = (np.array(case.label_map.shape) - 1) / 2 * case.spacing_kji / field
    assert all(
        place == pytest.approx(middle) for edge, place in zip(edges, places, strict=True) if edge > 0.999
    )
    assert np.ptp(places, axis=0).max() > 0.1


def test_looks_close_are_as_refinement_has_them():
    case, shares = named_case(shape=(48, 60, 72), spacing=(2.0, 1.5, 1.0), radius=14.0), []
    for seed in range(40):
        scene = draw_text_scene(case, 1, SIZE, np.random.default_rng(seed), whole=False, plain=True)
        shares.append(28.0 / scene.edge)
        assert scene.edge <= 96.0
    assert REFINED[0] * 0.9 <= min(shares)
    assert max(shares) <= REFINED[1] * 1.1
    assert max(shares) > 0.8


def test_after_a_look_from_afar_the_object_is_looked_at_closer():
    case = named_case(shape=(48, 60, 72), spacing=(2.0, 1.5, 1.0), radius=10.0)
    samples = drawn(stream_of([case], replace(ALONE, whole=1.0), closer=0.0), 20)
    closer = [sample.closer for sample in samples if sample.closer is not None]
    assert len(closer) > 10
    for cube in closer:
        assert cube.zoom >= 1.2
        assert cube.target.sum() >= MIN_TARGET_VOXELS


def test_what_is_too_small_from_afar_is_shown_closer():
    case = named_case(shape=(60, 60, 60), spacing=(4.0, 4.0, 4.0), centre=(100.0, 100.0, 100.0), radius=9.0)
    samples = drawn(stream_of([case], replace(ALONE, whole=1.0)), 5)
    assert all(sample.target.sum() >= MIN_TARGET_VOXELS for sample in samples)
