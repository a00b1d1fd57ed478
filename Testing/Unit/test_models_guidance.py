"""Prompts are drawn where they are, as far as the region reaches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LightSegLib.models.guidance import BALL_RADIUS, GUIDANCE_CHANNELS, draw_balls, draw_box, empty_guidance

SHAPE = (12, 14, 16)
CENTRE = (6.0, 7.0, 8.0)
coordinates = st.tuples(*[st.floats(-12, 28)] * 3)


def drawn(*centres: tuple[float, float, float], radius: float = BALL_RADIUS) -> np.ndarray:
    channel = np.zeros(SHAPE, np.float32)
    draw_balls(channel, [np.array(centre) for centre in centres], radius)
    return channel


def by_definition(centre: tuple[float, float, float], radius: float = BALL_RADIUS) -> np.ndarray:
    """The profile at every sample, one by one."""
    distance = np.linalg.norm(np.moveaxis(np.indices(SHAPE), 0, -1) - np.array(centre), axis=-1)
    return np.maximum(1 - distance / radius, 0)


def test_nothing_said_is_all_zero() -> None:
    guidance = empty_guidance(SHAPE)
    assert guidance.shape == (GUIDANCE_CHANNELS, *SHAPE)
    assert guidance.dtype == np.float32
    assert not guidance.any()


def test_a_ball_is_1_at_its_centre_and_falls_linearly_to_0_at_its_radius() -> None:
    ball = drawn(CENTRE)
    np.testing.assert_allclose(ball[6, 7, 8:13], [1, 0.75, 0.5, 0.25, 0], atol=1e-6)
    np.testing.assert_allclose(ball[2:7, 7, 8], [0, 0.25, 0.5, 0.75, 1], atol=1e-6)
    assert ball[4, 5, 6] == pytest.approx(1 - np.sqrt(12) / 4, abs=1e-6)
    assert ball[3, 4, 5] == 0  # a corner of the cube around it


@given(centre=coordinates, radius=st.floats(0.5, 6))
def test_a_ball_anywhere_has_the_profile_of_its_definition(
    centre: tuple[float, float, float], radius: float
) -> None:
    np.testing.assert_allclose(drawn(centre, radius=radius), by_definition(centre, radius), atol=1e-5)


def test_a_click_between_samples_is_told_from_one_on_a_sample() -> None:
    ball = drawn((6.0, 7.0, 8.25))
    assert ball[6, 7, 8] > ball[6, 7, 9] > ball[6, 7, 7]
    assert ball.max() < 1


@pytest.mark.parametrize("corner", [(0, 0, 0), (11, 13, 15), (0, 13, 0)])
def test_a_ball_at_the_border_is_clipped(corner: tuple[int, int, int]) -> None:
    ball = drawn(corner)
    assert ball[corner] == 1
    np.testing.assert_allclose(ball, by_definition(corner), atol=1e-6)


def test_a_click_beyond_the_region_reaches_in_as_far_as_its_ball() -> None:
    assert drawn((-1.0, 7.0, 8.0))[0, 7, 8] == pytest.approx(0.75)
    assert not drawn((-4.0, 7.0, 8.0)).any()
    assert not drawn((-100.0, 7.0, 8.0), (6.0, 7.0, 1e6)).any()


def test_where_balls_overlap_the_larger_value_stays_whatever_their_order() -> None:
    near, far = (6.0, 7.0, 7.0), (6.0, 7.0, 10.0)
    both = np.maximum(drawn(near), drawn(far))
    np.testing.assert_array_equal(drawn(near, far), both)
    np.testing.assert_array_equal(drawn(far, near), both)


def box(lower: tuple[float, float, float], upper: tuple[float, float, float]) -> np.ndarray:
    channel = np.zeros(SHAPE, np.float32)
    draw_box(channel, np.array(lower), np.array(upper))
    return channel


def test_a_box_fills_from_its_first_to_its_last_sample() -> None:
    filled = box((2, 3, 4), (5, 6, 7))
    assert (filled[2:6, 3:7, 4:8] == 1).all()
    assert filled.sum() == 64


def test_a_box_between_samples_takes_the_nearest_ones_and_is_never_lost() -> None:
    assert box((2.4, 3.0, 4.0), (5.4, 6.0, 7.0)).sum() == 64
    assert box((2.6, 3.0, 4.0), (2.7, 3.0, 4.0)).sum() == 1


def test_a_box_larger_than_the_region_fills_it() -> None:
    assert (box((-9, -9, -9), (40, 40, 40)) == 1).all()


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("offset", [-40.0, -9.0, -6.0, 20.0, 60.0])
def test_a_box_beyond_the_region_draws_nothing(axis: int, offset: float) -> None:
    lower, upper = [2.0, 2.0, 2.0], [6.0, 6.0, 6.0]
    lower[axis], upper[axis] = offset, offset + 4
    assert not box(tuple(lower), tuple(upper)).any()
