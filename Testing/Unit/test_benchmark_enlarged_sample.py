"""The enlarged sample: the same patient on more voxels."""

from __future__ import annotations

import numpy as np
import pytest

from LightSegLib.commands.sample import read_sample
from Testing.Benchmarks.enlarged_sample import STRUCTURE, EnlargedSample


def test_the_sample_on_its_own_grid_is_the_sample() -> None:
    sample = read_sample()
    case = sample.load()
    enlarged = EnlargedSample(case.volume.shape_ijk)
    np.testing.assert_array_equal(enlarged.volume.array, case.volume.array)
    np.testing.assert_array_equal(enlarged.truth(STRUCTURE), case.truth(sample.label))
    np.testing.assert_allclose(enlarged.volume.ijk_to_ras, case.volume.ijk_to_ras)


def test_more_voxels_fill_the_same_space_with_the_same_image() -> None:
    sample = read_sample()
    case = sample.load()
    size = (150, 120, 70)
    enlarged = EnlargedSample(size)
    assert enlarged.volume.shape_ijk == size
    assert enlarged.volume.array.dtype == case.volume.array.dtype
    for own, before in ((np.zeros(3), np.zeros(3)), (np.array(size), np.array(case.volume.shape_ijk))):
        corner = enlarged.volume.index_to_ras(own - 0.5)
        np.testing.assert_allclose(corner, case.volume.index_to_ras(before - 0.5), atol=1e-6)
    truth, before = enlarged.truth(STRUCTURE), case.truth(sample.label)
    assert truth.dtype == np.bool_
    assert truth.mean() == pytest.approx(before.mean(), rel=0.02)
    inside, inside_before = enlarged.volume.array[truth].mean(), case.volume.array[before].mean()
    assert inside == pytest.approx(inside_before, abs=2)  # Hounsfield units


def test_only_what_is_labelled_has_a_truth() -> None:
    with pytest.raises(KeyError):
        EnlargedSample((16, 16, 16)).truth("liver")
