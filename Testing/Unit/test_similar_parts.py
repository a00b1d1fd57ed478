"""The parts of the search for look-alikes: windows over the volume, the prototype, and the map's peaks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from LightSegLib.geometry import IndexBox, Volume
from LightSegLib.intensities import prepare
from LightSegLib.similar.example import Example, innermost
from LightSegLib.similar.lattice import WindowLattice
from LightSegLib.similar.peaks import peaks, stand_out
from LightSegLib.similar.prototype import Prototype
from LightSegLib.similar.survey import Survey

PATCH = (12, 12, 12)


def volume_of(shape_kji, spacing=(1.0, 1.0, 1.0)):
    array = np.random.default_rng(0).integers(0, 100, shape_kji).astype(np.int16)
    return Volume(array, np.diag([*spacing, 1.0]))


# --- Windows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(12, 12, 12), (5, 12, 40), (13, 25, 61)])
@pytest.mark.parametrize("step", [(1.0, 1.0, 1.0), (0.6, 1.0, 2.4)])
def test_the_windows_cover_every_voxel_and_the_map_every_window(shape, step):
    volume = volume_of(shape)
    lattice = WindowLattice.over(volume, step, PATCH, 3)
    seen = np.zeros(shape, bool)
    counted = np.zeros(lattice.shape_ijk[::-1], int)
    for number in range(len(lattice)):
        seen[lattice.grid(number).box(volume.shape_ijk).slices] = True
        counted[lattice.slices(number)] += 1
    assert seen.all()
    assert counted.all()


def test_a_volume_that_fits_has_one_window_around_its_middle():
    lattice = WindowLattice.over(volume_of((10, 12, 8)), (1.0, 1.0, 1.0), PATCH, 3)
    assert len(lattice) == 1
    assert np.allclose(lattice.grid(0).sample_to_index([5.5, 5.5, 5.5]), [3.5, 5.5, 4.5])


def test_neighbouring_windows_overlap():
    lattice = WindowLattice.over(volume_of((12, 12, 100)), (1.0, 1.0, 1.0), PATCH, 3)
    assert lattice.count_ijk[0] > 1
    assert lattice.hop_ijk[0] < lattice.window_ijk[0]


def test_a_cell_of_the_map_lies_where_the_window_has_it():
    lattice = WindowLattice.over(volume_of((30, 12, 30)), (0.8, 1.0, 1.5), PATCH, 3)
    last = len(lattice) - 1
    k, j, i = (part.start for part in lattice.slices(last))
    middle_of_first_cell = lattice.grid(last).sample_to_index([1.0, 1.0, 1.0])
    assert np.allclose(lattice.cells.sample_to_index([i, j, k]), middle_of_first_cell)


def test_the_middle_of_a_window_counts_most():
    lattice = WindowLattice.over(volume_of((12, 12, 12)), (1.0, 1.0, 1.0), PATCH, 1)
    weights = lattice.weights()
    assert weights.min() > 0
    assert weights[6, 6, 6] == weights.max() == 1
    assert weights[0, 6, 6] < weights[6, 6, 6]


# --- Prototype ----------------------------------------------------------------------------------------------


def test_cells_like_the_object_are_alike_whatever_all_have_in_common():
    random = np.random.default_rng(1)
    features = random.normal(0, 0.1, (3, 4, 4, 8)).astype(np.float32)
    features[2] += 1000
    inside = np.zeros((4, 4, 8), np.float32)
    inside[:, :, :2] = 1
    features[0, :, :, :2] += 5
    features[0, :, :, 6:] += 5
    likeness = Prototype([features], [inside]).likeness(features)
    assert likeness.shape == (4, 4, 8)
    assert np.abs(likeness).max() <= 1.0001
    alike = np.r_[0:2, 6:8]
    assert likeness[:, :, alike].min() > likeness[:, :, 2:6].max()


def test_features_that_are_everywhere_the_same_make_nothing_alike():
    likeness = Prototype([np.ones((2, 3, 3, 3), np.float32)], [np.ones((3, 3, 3), np.float32)]).likeness(
        np.ones((2, 3, 3, 3), np.float32)
    )
    assert np.isfinite(likeness).all()


# --- The map ------------------------------------------------------------------------------------------------


class Counting:
    """Shows the mean of each cell, and counts how often it is asked."""

    feature_stride = 3

    def __init__(self):
        self.asked = 0

    def features(self, image):
        self.asked += 1
        k, j, i = (length // 3 for length in image.shape[1:])
        return image[0].reshape(1, k, 3, j, 3, i, 3).mean(axis=(2, 4, 6))


def survey_of(array, shares=None):
    volume = Volume(array, np.eye(4))
    lattice = WindowLattice.over(volume, (1.0, 1.0, 1.0), PATCH, 3)
    model = Counting()
    example = np.zeros(array.shape, bool)
    example[3:9, 3:9, 3:9] = True
    image = prepare(volume)
    known = Example("one", example, image.normalise(array[example]), 1.0)
    likeness = Survey(model, image, lattice).likeness(
        example, known, 0.5, (lambda share: None) if shares is None else shares.append
    )
    return likeness, lattice, model


def test_the_map_is_high_at_the_example_and_its_like():
    array = np.zeros((12, 12, 60), np.int16)
    array[3:9, 3:9, 3:9] = array[3:9, 3:9, 45:51] = 100
    shares: list[float] = []
    likeness, lattice, _ = survey_of(array, shares)
    at = lattice.cells.index_to_sample([[6, 6, 6], [48, 6, 6], [27, 6, 6]]).round().astype(int)
    first, second, other = (likeness[k, j, i] for i, j, k in at.tolist())
    assert first == pytest.approx(second, abs=0.1)
    assert first > other + 0.5
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_windows_of_air_are_not_shown_to_the_model_and_none_is_shown_twice():
    array = np.zeros((12, 12, 120), np.int16)
    array[3:9, 3:9, 3:9] = 100
    likeness, lattice, model = survey_of(array)
    assert 1 <= model.asked < len(lattice)
    assert likeness[:, :, -1].max() <= -1


# --- The example --------------------------------------------------------------------------------------------


def example_of(mask):
    return Example("one", mask, np.linspace(-0.1, 0.1, int(mask.sum())), 1.0)


def test_an_object_agrees_with_itself_wherever_it_lies():
    mask = np.zeros((9, 9, 30), bool)
    mask[2:6, 3:7, 4:9] = True
    moved = np.roll(mask, 15, axis=2)
    told = example_of(mask).agreement(moved, np.zeros(int(moved.sum())))
    assert (told.size_ratio, told.shape) == (1, 1)
    assert told.grey == pytest.approx(1)


def test_another_size_shape_or_grey_value_agrees_less():
    mask = np.zeros((9, 9, 30), bool)
    mask[2:6, 3:7, 4:9] = True
    other = np.zeros((9, 9, 30), bool)
    other[2:6, 3:7, 14:24] = True
    told = example_of(mask).agreement(other, np.full(int(other.sum()), 0.5))
    assert told.size_ratio == 2
    assert told.shape == pytest.approx(2 / 3)
    assert told.grey < 0.01


def test_the_innermost_voxel_is_counted_from_the_image():
    mask = np.zeros((8, 9, 10), bool)
    mask[1:6, 2:7, 3:8] = True
    assert innermost(mask, IndexBox((100, 50, 20), (110, 59, 28))) == (105, 54, 23)


# --- Peaks --------------------------------------------------------------------------------------------------


def test_peaks_come_highest_first_and_apart():
    scores = np.zeros((8, 8, 20), np.float32)
    scores[4, 4, 3], scores[4, 4, 4], scores[4, 4, 15] = 3, 2.9, 2
    found = list(itertools.islice(peaks(scores, np.zeros(scores.shape, bool), np.full(3, 3.0)), 2))
    assert [place for place, _ in found] == [(4, 4, 3), (4, 4, 15)]


def test_no_peak_is_where_none_may_be_and_peaks_end():
    scores = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    blocked = np.ones((3, 3, 3), bool)
    blocked[0, 0, 1] = False
    assert [place for place, _ in peaks(scores, blocked, np.ones(3))] == [(0, 0, 1)]
    assert len(list(peaks(scores, np.zeros((3, 3, 3), bool), np.full(3, 0.1)))) == 27


def test_a_spot_of_the_objects_size_stands_out_from_a_plane_that_is_alike_all_over():
    likeness = np.full((15, 15, 40), -1, np.float32)
    likeness[:, :, 25:] = 0.6
    offsets = np.indices((15, 15, 40)).transpose(1, 2, 3, 0) - [7, 7, 8]
    likeness[np.sqrt((offsets**2).sum(axis=-1)) <= 3] = 0.6
    scores = stand_out(likeness, np.full(3, 3.0), contrast=4.0)
    assert scores[7, 7, 8] > scores[7, 7, 36]
    assert math.isfinite(float(scores.sum()))
