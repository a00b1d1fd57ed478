"""The simulated user: prompts lie where a person would put them."""

from __future__ import annotations

import numpy as np
import pytest

from LightSegLib.models.guidance import BOX, NEGATIVE, POSITIVE, PREVIOUS
from LightSegLib.training import clicks

SIZE = 24


def ball(radius=7, centre=(12, 12, 12)):
    axes = np.ogrid[:SIZE, :SIZE, :SIZE]
    return sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True)) <= radius**2


def two_balls():
    return ball(4, (6, 6, 6)) | ball(3, (17, 17, 17))


def tube():
    axes = np.ogrid[:SIZE, :SIZE, :SIZE]
    return ((axes[0] - 12) ** 2 + (axes[1] - 9) ** 2 <= 9) & (axes[2] >= 0)


def seeds(count=40):
    return [np.random.default_rng(seed) for seed in range(count)]


def inside(mask, place):
    return bool(mask[tuple(place)])


TARGETS = [pytest.param(f, id=f.__name__) for f in (ball, two_balls, tube)]


# --- First prompts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_first_prompts_point_at_the_object(target):
    target = target()
    kinds = set()
    for random in seeds(80):
        state = clicks.first_prompts(target, random)
        kinds.add((bool(state.positive), state.box is not None, state.previous is not None))
        assert state.positive or state.negative or state.box is not None or state.previous is not None
        if state.previous is None:
            assert not state.negative
            assert all(inside(target, place) for place in state.positive)
    assert len(kinds) >= 4


def test_a_voxel_is_often_the_innermost():
    target = ball()
    places = [tuple(clicks.inner_voxel(target, random, innermost=1.0)) for random in seeds(3)]
    assert places == [(12, 12, 12)] * 3
    anywhere = {tuple(clicks.inner_voxel(target, random, innermost=0.0)) for random in seeds()}
    assert len(anywhere) > 20
    assert all(inside(target, place) for place in anywhere)


def test_a_region_of_one_voxel_at_the_corner_is_found():
    region = np.zeros((SIZE,) * 3, bool)
    region[0, 0, SIZE - 1] = True
    for random in seeds(6):
        assert clicks.inner_voxel(region, random, innermost=0.5).tolist() == [0, 0, SIZE - 1]


@pytest.mark.parametrize("target", TARGETS)
def test_a_scribble_stays_inside_and_in_one_plane(target):
    target = target()
    lengths = []
    for random in seeds():
        line = np.array(clicks.scribble(target, random))
        assert all(inside(target, place) for place in line)
        assert (line == line[0]).all(axis=0).any()
        assert np.abs(np.diff(line, axis=0)).max(initial=0) <= 3
        lengths.append(len(line))
    assert max(lengths) >= 4


@pytest.mark.parametrize("target", TARGETS)
def test_a_box_holds_the_object_roughly(target):
    target = target()
    places = np.argwhere(target)
    first, last = places.min(axis=0), places.max(axis=0)
    slack = 0.1 * (last - first + 1) + 1e-9
    for random in seeds():
        lower, upper = clicks.loose_box(target, random)
        assert np.all(np.abs(lower - first) <= slack)
        assert np.all(np.abs(upper - last) <= slack)
        held = np.all((places >= lower - 0.5) & (places <= upper + 0.5), axis=1).mean()
        assert held > 0.85


# --- Corrections --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "sign"),
    [(ball(4), 1), (ball(10), -1), (np.zeros((SIZE,) * 3, bool), 1), (ball() | ball(2, (21, 21, 21)), -1)],
    ids=["too small", "too large", "empty", "false blob"],
)
def test_a_correction_lies_in_the_error_and_has_its_sign(answer, sign):
    target = ball()
    for random in seeds(15):
        state = clicks.PromptState(target.shape)
        assert clicks.add_correction(state, target, answer, random)
        (place,) = state.positive + state.negative
        assert inside(target != answer, place)
        assert bool(state.positive) == (sign > 0)


def test_the_larger_error_is_mostly_corrected_first():
    target, answer = ball(6, (8, 12, 12)), ball(6, (8, 12, 12)) | ball(2, (20, 20, 20))
    answer &= ~ball(4, (8, 12, 12))  # a large hole, and a small false blob
    states = [clicks.PromptState(target.shape) for _ in range(60)]
    for state, random in zip(states, seeds(60), strict=True):
        clicks.add_correction(state, target, answer, random)
    holes = sum(bool(state.positive) for state in states)
    assert 45 <= holes < 60


def test_where_there_is_no_error_there_is_no_correction():
    state = clicks.PromptState((SIZE,) * 3)
    assert not clicks.add_correction(state, ball(), ball(), np.random.default_rng(0))
    assert state.positive == state.negative == []


# --- Wrong masks --------------------------------------------------------------------------------------------


def test_a_corrupt_mask_is_wrong_but_related():
    target = ball()
    dice = []
    for random in seeds(60):
        mask = clicks.corrupt(target, random)
        assert mask.shape == target.shape
        assert mask.dtype == bool
        dice.append(2 * (mask & target).sum() / (mask.sum() + target.sum()))
    assert np.mean(np.array(dice) < 1) > 0.9
    assert np.median(dice) > 0.5
    assert np.array_equal(target, ball())  # the truth is left alone


def test_a_shifted_mask_does_not_come_back_on_the_other_side():
    target = ball(5, (3, 12, 12))
    for random in seeds(80):
        assert not clicks.corrupt(target, random)[SIZE - 5 :].any()


# --- Drawing ------------------------------------------------------------------------------------------------


def test_what_was_said_is_drawn_into_its_channel():
    state = clicks.PromptState(
        (SIZE,) * 3,
        positive=[np.array([5, 6, 7])],
        negative=[np.array([15, 16, 17])],
        box=(np.array([2.0, 3.0, 4.0]), np.array([9.0, 9.0, 9.0])),
        previous=ball().astype(np.float32),
    )
    drawn = state.draw()
    assert drawn.dtype == np.float32
    assert np.argwhere(drawn[POSITIVE] == 1).tolist() == [[5, 6, 7]]
    assert np.argwhere(drawn[NEGATIVE] == 1).tolist() == [[15, 16, 17]]
    assert np.array_equal(drawn[PREVIOUS] > 0, ball())
    assert np.argwhere(drawn[BOX]).min(axis=0).tolist() == [2, 3, 4]
    assert np.argwhere(drawn[BOX]).max(axis=0).tolist() == [9, 9, 9]
    assert not clicks.PromptState((SIZE,) * 3).draw().any()
