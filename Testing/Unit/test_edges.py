"""Borders snap to the edges of the image: by a voxel, without growing, and only where there are edges."""

from __future__ import annotations

import numpy as np
import pytest
from grey_model import ball, dice, picture
from region_cases import CENTRE, FREE, SHAPE, begun
from scipy import ndimage

from LightSegLib.edges import border_band, snap_to_edges
from LightSegLib.geometry import IndexBox, Volume
from LightSegLib.intensities import prepare
from LightSegLib.regions import Answer, RegionSegmenter, snapped
from LightSegLib.session import InteractiveSession


def unit(grey: np.ndarray) -> np.ndarray:
    return np.asarray(grey, np.float32)


def noisy(truth: np.ndarray, noise: float = 0.4, seed: int = 0) -> np.ndarray:
    """A bright object on dark ground, float32, with noise of a share of the contrast."""
    random = np.random.default_rng(seed)
    return (truth - 0.5 + noise * random.standard_normal(truth.shape)).astype(np.float32)


def moved(truth: np.ndarray) -> np.ndarray:
    """The object one voxel too far along the last axis."""
    return np.roll(truth, 1, axis=2)


@pytest.mark.parametrize("radius", [6, 9, 18, 34])
def test_a_mask_beside_the_object_comes_nearer_to_it(radius: int) -> None:
    shape = (2 * radius + 12,) * 3
    truth = ball(shape, tuple(n // 2 for n in shape), radius)
    rough = moved(truth)
    found = snap_to_edges(rough, noisy(truth), unit)
    assert 1 - dice(found, truth) < 0.6 * (1 - dice(rough, truth))


def test_a_mask_at_the_edges_stays() -> None:
    truth = ball((30, 30, 30), (15, 15, 15), 9)
    np.testing.assert_array_equal(snap_to_edges(truth, noisy(truth, 0.0), unit), truth)


def test_it_hardly_grows_or_shrinks_and_moves_by_one_voxel_at_most() -> None:
    truth = ball((30, 30, 30), (15, 15, 15), 9)
    rough = ndimage.binary_dilation(truth)
    found = snap_to_edges(rough, noisy(truth), unit)
    assert found.sum() == pytest.approx(rough.sum(), rel=0.03)
    assert not ((found ^ rough) & ~border_band(rough)).any()


def test_noise_leaves_hardly_any_single_voxels_sticking_out() -> None:
    truth = ball((30, 30, 30), (15, 15, 15), 9)
    found = snap_to_edges(moved(truth), noisy(truth, 0.8), unit)
    faces = ndimage.generate_binary_structure(3, 1).astype(int)
    faces[1, 1, 1] = 0
    inside = ndimage.convolve(found.astype(int), faces)
    alone = np.where(found, inside, 6 - inside) <= 1
    changed = found ^ moved(truth)
    assert changed.sum() > 100
    assert (alone & changed).sum() < 0.05 * changed.sum()  # two that went back may leave a third


def test_without_edges_nothing_moves_at_all() -> None:
    rough = ball((30, 30, 30), (15, 15, 15), 9)
    np.testing.assert_array_equal(snap_to_edges(rough, np.zeros(rough.shape, np.int16), unit), rough)


@pytest.mark.parametrize("mask", [np.zeros((8, 8, 8), bool), np.ones((8, 8, 8), bool)])
def test_a_mask_without_a_border_stays(mask: np.ndarray) -> None:
    assert snap_to_edges(mask, np.random.default_rng(0).normal(size=mask.shape), unit) is mask


def test_the_band_is_both_sides_of_every_face_of_the_border() -> None:
    mask = np.random.default_rng(0).random((7, 8, 9)) > 0.6
    cross = ndimage.generate_binary_structure(3, 1)
    both = ndimage.binary_dilation(mask, cross) & ~ndimage.binary_erosion(mask, cross, border_value=1)
    np.testing.assert_array_equal(border_band(mask), both)


# --- In a session -------------------------------------------------------------------------------------------


class OneVoxelOff:
    """A segmenter that draws the object a voxel beside it at every prompt, and notes what it was given."""

    def __init__(self, truth: np.ndarray) -> None:
        self.truth = truth
        self.given: list[np.ndarray] = []

    def segment(self, image, prompts, current, changed_by, *, check_cancelled=None):
        self.given.append(current.copy())
        box = IndexBox.whole(current.shape[::-1])
        drawn = moved(self.truth)
        answer = Answer(box, drawn, drawn.astype(np.float32), 0.8, 0.0)
        return snapped(answer, image, current, IndexBox.of_mask(current))


@pytest.fixture
def off():
    truth = ball((30, 32, 34), (17, 16, 15), 9)
    segmenter = OneVoxelOff(truth)
    session = InteractiveSession(FREE_MODEL, segmenter)
    session.set_image(Volume((noisy(truth) * 500).astype(np.int16), np.eye(4)))
    return session, segmenter, truth


FREE_MODEL = begun(picture(ball(SHAPE, CENTRE, 8))).model


def test_the_mask_is_snapped_and_the_next_prompt_goes_on_from_what_was_drawn(off) -> None:
    session, segmenter, truth = off
    change = session.add_point((17, 16, 15))
    first = session.mask.copy()
    assert dice(first, truth) > dice(moved(truth), truth) + 0.01
    k, j, i = change.box.slices
    np.testing.assert_array_equal(change.mask, first[k, j, i])
    session.add_point((20, 16, 15))
    np.testing.assert_array_equal(segmenter.given[1], moved(truth))


def test_undo_and_redo_bring_back_what_was_drawn_too(off) -> None:
    session, segmenter, truth = off
    session.add_point((17, 16, 15))
    first = session.mask.copy()
    session.add_point((20, 16, 15))
    session.undo()
    np.testing.assert_array_equal(session.mask, first)
    session.add_point((18, 16, 15))
    np.testing.assert_array_equal(segmenter.given[2], moved(truth))
    session.undo()
    session.undo()
    session.add_point((18, 16, 15))
    assert not segmenter.given[3].any()


def test_clicks_hold_in_both(off) -> None:
    session, segmenter, _ = off
    session.add_point((17, 16, 15))
    session.add_point((17, 16, 14), positive=False)
    session.add_point((2, 2, 2))
    assert not session.mask[14, 16, 17]
    assert session.mask[2, 2, 2]
    assert not segmenter.given[2][14, 16, 17]


def test_a_mask_given_by_the_caller_is_left_as_it_is(off) -> None:
    session, segmenter, truth = off
    session.add_point((17, 16, 15))
    session.set_mask(truth)
    np.testing.assert_array_equal(session.mask, truth)
    session.add_point((17, 16, 15))
    np.testing.assert_array_equal(segmenter.given[1], truth)


def test_a_failed_prompt_leaves_the_mask_as_it_was_shown(off) -> None:
    session, segmenter, _ = off
    session.add_point((17, 16, 15))
    first = session.mask.copy()
    segmenter.truth = None
    with pytest.raises(np.exceptions.AxisError):
        session.add_point((20, 16, 15))
    np.testing.assert_array_equal(session.mask, first)


def test_the_regions_of_a_session_snap_unless_told_not_to() -> None:
    truth = ball(SHAPE, CENTRE, 11)
    image = picture(truth)
    assert RegionSegmenter(FREE_MODEL).settings.snapping
    session = begun(image, settings=FREE)
    session.add_point(CENTRE)
    assert dice(session.mask, truth) > 0.97


def test_the_first_channel_with_contrast_gives_the_edges() -> None:
    truth = ball((30, 30, 30), (15, 15, 15), 9)
    image = np.stack([np.zeros(truth.shape, np.int16), (noisy(truth) * 500).astype(np.int16)])
    prepared = prepare(Volume(image, np.eye(4)))
    assert prepared.telling_channel == 1
    drawn = moved(truth)
    answer = Answer(prepared.volume.box, drawn, drawn.astype(np.float32), 0.8, 0.0)
    found = snapped(answer, prepared, np.zeros_like(truth), None)
    assert dice(found.mask, truth) > dice(drawn, truth)
    np.testing.assert_array_equal(found.drawn, drawn)
