"""Calibration: what a model expects of its masks against what they are."""

from __future__ import annotations

import pytest

from LightSegLib.evaluation.calibration import calibrate


def test_a_model_that_is_always_right_about_itself_has_no_error() -> None:
    found = calibrate([[(0.15, 0.15), (0.55, 0.55), (1.0, 1.0)]])
    assert found is not None
    assert found.error == pytest.approx(0)
    assert found.gap == pytest.approx(0)
    assert [(each.lower, each.upper) for each in found.bins] == [(0.1, 0.2), (0.5, 0.6), (0.9, 1.0)]


def test_a_boastful_model_is_off_by_how_much_it_boasts() -> None:
    found = calibrate([[(0.92, 0.72), (0.95, 0.75)]])
    assert found is not None
    assert found.error == pytest.approx(0.2)
    assert (found.expected, found.dice) == (pytest.approx(0.935), pytest.approx(0.735))


def test_errors_of_both_signs_cancel_within_a_bin_but_not_click_by_click() -> None:
    found = calibrate([[(0.55, 0.45), (0.55, 0.65)]])
    assert found is not None
    assert found.error == pytest.approx(0)
    assert found.gap == pytest.approx(0.1)


def test_errors_of_both_signs_in_different_bins_do_not_cancel() -> None:
    found = calibrate([[(0.25, 0.35), (0.75, 0.65)]])
    assert found is not None
    assert found.error == pytest.approx(0.1)


def test_each_source_weighs_the_same_whatever_its_number_of_clicks() -> None:
    found = calibrate([[(0.95, 0.95)] * 9, [(0.95, 0.75)]])
    assert found is not None
    assert found.dice == pytest.approx(0.85)
    assert found.error == pytest.approx(0.1)
    (only,) = found.bins
    assert only.clicks == found.clicks == 10
    assert only.weight == pytest.approx(1)


def test_without_clicks_nothing_is_said() -> None:
    assert calibrate([]) is None
    assert calibrate([[], []]) is None
